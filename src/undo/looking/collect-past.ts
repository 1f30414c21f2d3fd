import { readStoredRows } from '../../change/stored-rows.ts';
import { qualifiedName } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LogRecord } from '../../log/log.ts';
import type { PastColumns } from './past-columns.ts';
import type { PastRow, PastRowCounts, PastRowsByKey } from './past-rows.ts';

/**
 * Notes of every key what the row was before the first change since then. Later changes of a key
 * need not be known.
 * @throws TidingsError `AS_OF_IDENTITY`, `AS_OF_TRUNCATED`
 */
export async function collectByKey(
  past: PastRowsByKey,
  changes: AsyncIterable<LogRecord>,
  columns: PastColumns,
): Promise<void> {
  for await (const record of changes) {
    const { operation, key, previousKey } = record;
    if (operation === 'truncate') throw truncated(record);
    if (key === null) throw lacksOldRow(record);
    const then = previousKey ?? key;
    if (operation !== 'insert' && !past.has(then)) past.note(then, rowBefore(record, columns));
    const came = operation === 'insert' || previousKey !== null;
    if (came && !past.has(key)) past.note(key, null);
  }
}

/** Rows were lost before an offset: what was there before cannot be told from what comes after. */
export interface LossAt {
  readonly offset: number;
  readonly error: TidingsError;
}

/** What stands in the way of telling what a single row was. */
export interface KeyLoss extends LossAt {
  /** True when the key's first change comes after it: that does not tell what was there before it. */
  readonly changedAfter: boolean;
}

/**
 * The same for a single key. Only that one is noted: what its changes say of other keys may not be
 * the first that happened to those.
 * @param losses in log order.
 * @returns the loss that stands in the way, when there is one.
 */
export async function collectKey(
  past: PastRowsByKey,
  changes: AsyncIterable<LogRecord>,
  options: {
    readonly columns: PastColumns;
    readonly key: string;
    readonly losses: readonly LossAt[];
  },
): Promise<KeyLoss | null> {
  const { columns, key: wanted, losses } = options;
  let truncate: LossAt | null = null;
  for await (const record of changes) {
    const { operation, key, previousKey, offset } = record;
    if (operation === 'truncate') {
      truncate ??= { offset, error: truncated(record) };
      continue;
    }
    const loss = truncate ?? losses.find((each) => each.offset <= offset);
    if (loss !== undefined) return { ...loss, changedAfter: true };
    const isBefore = operation !== 'insert' && (previousKey ?? key) === wanted;
    past.note(wanted, isBefore ? rowBefore(record, columns) : null);
    return null;
  }
  return truncate === null ? null : { ...truncate, changedAfter: false };
}

/**
 * Counts for each distinct row how many more or fewer of it there were; for rows that nothing
 * identifies.
 * @throws TidingsError `AS_OF_IDENTITY`, `AS_OF_TRUNCATED`
 */
export async function collectCounts(
  past: PastRowCounts,
  changes: AsyncIterable<LogRecord>,
  columns: PastColumns,
): Promise<void> {
  for await (const record of changes) {
    const { operation } = record;
    if (operation === 'truncate') throw truncated(record);
    if (operation !== 'insert') past.add(rowBefore(record, columns), 1);
    if (operation !== 'delete') past.add(rowAfter(record, columns), -1);
  }
}

function rowBefore(record: LogRecord, columns: PastColumns): PastRow {
  const { before } = readStoredRows(record.images);
  const row = before?.kind === 'old' ? columns.read(record.table, before, null) : null;
  if (row === null) throw lacksOldRow(record);
  return row;
}

function rowAfter(record: LogRecord, columns: PastColumns): PastRow {
  const { before, after } = readStoredRows(record.images);
  const row = after === null ? null : columns.read(record.table, after, before);
  if (row === null) throw lacksOldRow(record);
  return row;
}

function lacksOldRow({ table, offset }: LogRecord): TidingsError {
  const reported = { full: 'an incomplete one', key: 'only its key', nothing: 'none' };
  return new TidingsError('AS_OF_IDENTITY', {
    table: qualifiedName(table),
    offset,
    identity: reported[table.identity],
    sql: qualifiedName(table.origin?.partition ?? table),
  });
}

function truncated({ table, offset, transaction }: LogRecord): TidingsError {
  const { origin } = table;
  const name = qualifiedName(table);
  return new TidingsError('AS_OF_TRUNCATED', {
    what:
      origin?.partition === undefined
        ? `Table ${name}`
        : `Partition ${qualifiedName(origin.partition)} of ${name}`,
    table: name,
    offset,
    after: transaction.last + 1,
  });
}
