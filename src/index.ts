export type {
  Administration,
  ChangesPage,
  ChangesQuery,
  DeliveryError,
  DeliveryPage,
  DeliveryQuery,
  DeliveryReport,
  DeliveryStateName,
  EndpointDocument,
  ReplayReport,
  ReplayRequest,
  SubscriptionDocument,
  SubscriptionOrigin,
  SubscriptionReport,
  TestReport,
} from './app/administration.ts';
export type { CreateOptions } from './app/create-tidings.ts';
export type {
  CaptureState,
  ReportedError,
  ServiceStatus,
  SourceStatusReport,
  Status,
  SubscriptionStatusReport,
} from './app/status/status.ts';
export type { HandlerCall, Registration, RewindRow, TableHandler, Tidings } from './app/tidings.ts';
export { openUndo, type UndoService } from './app/undo.ts';
export type { Change, ChangeTransaction, Operation, Row } from './change/change.ts';
export type { Delivered } from './change/delivered.ts';
export type { ArrayValue, ElementList, JsonValue } from './change/dialect.ts';
// All of it by a star: a program adds to `TidingsTables` only where it is not exported by its name.
export type * from './change/typed-change.ts';
export { parseWire, toWire, type WireChange } from './change/wire.ts';
export { type Config, type ConfigInput, defineConfig } from './config/define-config.ts';
export type { Duration } from './config/duration.ts';
export type { Size } from './config/size.ts';
export type { StartAt } from './config/start-at.ts';
export type { ErrorCode } from './errors/catalogue.ts';
export { isTidingsError, TidingsError } from './errors/tidings-error.ts';
export type { LogFields, Logger } from './observe/logger.ts';
export { createTidings } from './server/create-tidings.ts';
export type { ConflictReason, UndoOperation } from './source/undo-target.ts';
export type {
  ApplyUndoOptions,
  OnConflict,
  PlanUndoOptions,
  UndoConflict,
  UndoConflicts,
  UndoMoment,
  UndoLeftOut,
  UndoNotReady,
  UndoOutcome,
  UndoPlan,
  UndoRequest,
  UndoResult,
  UndoRow,
  UndoTable,
} from './undo/undo-plan.ts';
