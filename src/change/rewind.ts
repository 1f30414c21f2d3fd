import type { CapturedChange } from './captured.ts';
import { encodeImages } from './row-images.ts';
import type { TableDefinition } from './table.ts';

/**
 * What subscriptions are told when a source's history went back (invariant 15): a record of the log,
 * in the form of a row that was inserted into a table which no database has. Schema `tidings` is never
 * captured, so nothing else has this name.
 */
const TABLE = { schema: 'tidings', name: 'rewinds' } as const;

const COLUMNS = [
  { name: 'abandoned_from', type: 'bigint', kind: 'integer', array: false },
  { name: 'abandoned_before', type: 'bigint', kind: 'integer', array: false },
  { name: 'history_lost', type: 'boolean', kind: 'boolean', array: false },
  { name: 'reason', type: 'text', kind: 'text', array: false },
] as const;

/** A transaction that the database does not have. */
export const NO_TRANSACTION = '0';

/** What is told. */
export interface RewindNotice {
  /** The first offset that tells of a change which does not exist any more. */
  readonly abandonedFrom: number;
  /** The first offset behind those; the same when there is none. */
  readonly abandonedBefore: number;
  /** True when changes of the new history are lost as well, because the slot was gone. */
  readonly historyLost: boolean;
  readonly reason: string;
}

/** The table in whose form it is told. */
export function rewindTable(dialect: string): TableDefinition {
  return { ...TABLE, columns: COLUMNS, key: [], identity: 'nothing', dialect };
}

export function isRewindTable(table: { readonly schema: string; readonly name: string }): boolean {
  return table.name === TABLE.name && table.schema === TABLE.schema;
}

/** The record; `table` is the number of {@link rewindTable}. */
export function rewindChange(table: number, notice: RewindNotice): CapturedChange {
  const { abandonedFrom, abandonedBefore, historyLost, reason } = notice;
  const after = [String(abandonedFrom), String(abandonedBefore), historyLost ? 't' : 'f', reason];
  const images = encodeImages({ before: null, after });
  return { table, operation: 'insert', key: null, previousKey: null, images };
}
