import type { LoggedTable, LogReader, LogRecord, TableId } from '../../log/log.ts';
import { groupVersions, idsOf } from './known-tables.ts';
import { isTurn, marksOf } from './marks-since.ts';
import { findRecords, lastRecordBefore, type SearchableLog } from './searchable-log.ts';

/** Where the history of the rows that a truncate removed is in the log. */
export interface TruncatedRows {
  /** The versions whose rows it removed. */
  readonly tables: ReadonlySet<TableId>;
  /** The offset from which on the rows' changes count. */
  readonly from: number;
  /** Whether these changes are all: the log has seen the rows' place empty, and nothing else came. */
  readonly whole: boolean;
  /** False for a change of a row that had left with its partition before. */
  readonly holds: (record: LogRecord) => boolean;
}

/**
 * Finds the history of what a truncate removed. One that comes with a partition has emptied that
 * partition alone; the changes that do not say which partition they are of may be of any.
 */
export async function truncatedRows(
  log: SearchableLog,
  truncate: Pick<LogRecord, 'table' | 'offset'>,
  signal: AbortSignal,
): Promise<TruncatedRows> {
  const { table, offset } = truncate;
  const partition = table.origin?.partition?.id;
  const all = versionsWith(log, table);
  const sure = all.filter((each) => partition === undefined || partitionOf(each) === partition);
  const unsure = all.filter((each) => partition !== undefined && partitionOf(each) === undefined);
  const marks = marksOf(log, { ...table, id: table.origin?.id ?? null, versions: all }).filter(
    (mark) => mark.since <= offset && (partition ?? mark.partition?.id) === mark.partition?.id,
  );
  let emptied = await emptiedBefore(log, truncate, [...sure, ...unsure], signal);
  // A partition is empty when it is made.
  const made =
    partition === undefined
      ? undefined
      : marks.findLast((mark) => mark.kind === 'present' && isTurn(mark));
  if (made !== undefined && made.offset > (emptied ?? -1)) emptied = made.offset;
  const from = emptied ?? log.floor;
  const came = marks.some(({ kind, offset: at }) => kind === 'attached' && at >= from);
  const other = await lastRecordBefore(log, { to: offset, tables: idsOf(unsure) }, signal);
  const left = marks.filter(({ kind }) => kind === 'detached' || kind === 'dropped');
  return {
    tables: idsOf(sure),
    from,
    whole: emptied !== null && !came && (other === null || other.offset < from),
    holds: (record) =>
      partition !== undefined ||
      !left.some(
        (mark) => mark.offset > record.offset && mark.partition?.id === partitionOf(record.table),
      ),
  };
}

/** The offset after the last truncate of all these rows; null when the log has none before. */
async function emptiedBefore(
  log: SearchableLog,
  { table, offset }: Pick<LogRecord, 'table' | 'offset'>,
  versions: readonly LoggedTable[],
  signal: AbortSignal,
): Promise<number | null> {
  // Truncates are in the index under every key of their table, so also under one that none has.
  const request = { tables: idsOf(versions), key: '', from: log.floor, to: offset };
  let emptied: number | null = null;
  for await (const record of findRecords(log, request, signal)) {
    if (record.operation !== 'truncate') continue;
    const emptiedPartition = partitionOf(record.table);
    // One of a single partition has left the rows of others.
    if (emptiedPartition === undefined || emptiedPartition === partitionOf(table)) {
      emptied = record.offset + 1;
    }
  }
  return emptied;
}

function versionsWith(log: LogReader, { id }: LoggedTable): readonly LoggedTable[] {
  return groupVersions(log).find((group) => group.some((each) => each.id === id)) ?? [];
}

function partitionOf({ origin }: LoggedTable): string | undefined {
  return origin?.partition?.id;
}
