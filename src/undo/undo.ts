import type {
  ApplyUndoOptions,
  PlanUndoOptions,
  UndoOutcome,
  UndoPlan,
  UndoRequest,
  UndoResult,
  UndoRow,
} from './undo-plan.ts';

/** Takes changes of one source's log back. */
export interface Undo {
  /**
   * Says what an undo would do; changes nothing.
   * @throws TidingsError `UNDO_*`, `LOG_PRUNED`, and what connecting to the source throws.
   */
  plan(request: UndoRequest, options: PlanUndoOptions, signal: AbortSignal): Promise<UndoPlan>;
  /** Every row of a plan, checked against the database again. */
  rows(plan: UndoPlan, signal: AbortSignal): AsyncIterable<UndoRow>;
  /**
   * Applies a plan: everything is looked at again, with the rows locked, and written in one
   * transaction (invariant 9).
   */
  apply(plan: UndoPlan, options: ApplyUndoOptions, signal: AbortSignal): Promise<UndoResult>;
  /** Plans and applies in one go: the rows are put together once, and locked from the first look. */
  run(request: UndoRequest, options: ApplyUndoOptions, signal: AbortSignal): Promise<UndoOutcome>;
  /** The plan as SQL, piece by piece. */
  script(plan: UndoPlan, options: ApplyUndoOptions, signal: AbortSignal): AsyncIterable<string>;
}
