import { readStoredRows } from '../../change/stored-rows.ts';
import { qualifiedName } from '../../change/table.ts';
import { isTooLong, largestValue, LONGEST_TEXT } from '../../change/too-large.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LogRecord } from '../../log/log.ts';
import type { PastColumns } from './past-columns.ts';
import type { PastRow, PastRowCounts, PastRowsByKey } from './past-rows.ts';

/**
 * Notes of every key what the row was before the first change since then. Later changes of a key
 * need not be known.
 * @throws TidingsError `AS_OF_IDENTITY`, `AS_OF_UNREADABLE`, `AS_OF_TRUNCATED`
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
  /** The number of the partition whose rows were lost; undefined for all, or when it is not known. */
  readonly partition: string | undefined;
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
  const truncates: LossAt[] = [];
  for await (const record of changes) {
    const { operation, key, previousKey, offset } = record;
    if (operation === 'truncate') {
      truncates.push({ offset, partition: partitionOf(record), error: truncated(record) });
      continue;
    }
    const isBefore = operation !== 'insert' && (previousKey ?? key) === wanted;
    // A row that was there all the time, and in another partition, was not among the lost ones: one
    // that moves from partition to partition is deleted and inserted.
    const partition = isBefore ? partitionOf(record) : undefined;
    const loss = [...truncates, ...losses].find(
      (each) =>
        each.offset <= offset &&
        (partition === undefined || each.partition === undefined || each.partition === partition),
    );
    if (loss !== undefined) return { ...loss, changedAfter: true };
    past.note(wanted, isBefore ? rowBefore(record, columns) : null);
    return null;
  }
  const [loss] = truncates;
  return loss === undefined ? null : { ...loss, changedAfter: false };
}

function partitionOf({ table }: LogRecord): string | undefined {
  return table.origin?.partition?.id;
}

/**
 * Counts for each distinct row how many more or fewer of it there were; for rows that nothing
 * identifies.
 * @throws TidingsError `AS_OF_IDENTITY`, `AS_OF_UNREADABLE`, `AS_OF_TRUNCATED`
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
  const row =
    before?.kind === 'old'
      ? readTexts(record, columns, () => columns.read(record.table, before, null))
      : null;
  if (row === null) throw lacksOldRow(record);
  return row;
}

function rowAfter(record: LogRecord, columns: PastColumns): PastRow {
  const { before, after } = readStoredRows(record.images);
  const row =
    after === null
      ? null
      : readTexts(record, columns, () => columns.read(record.table, after, before));
  if (row === null) throw lacksOldRow(record);
  return row;
}

/** @throws TidingsError `AS_OF_TOO_LARGE` */
function readTexts<Read>(record: LogRecord, { names }: PastColumns, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!isTooLong(error)) throw error;
    const { table, offset, transaction } = record;
    const largest = largestValue(record);
    const others = names.filter((name) => name !== largest.column);
    const details = {
      ...largest,
      table: qualifiedName(table),
      offset,
      limit: LONGEST_TEXT,
      others: others.join(','),
      after: transaction.last + 1,
    };
    throw new TidingsError('AS_OF_TOO_LARGE', details, { cause: error });
  }
}

function lacksOldRow({ table, offset, transaction }: LogRecord): TidingsError {
  if (table.identity === 'full' && table.keyUnknown !== true) {
    const details = { table: qualifiedName(table), offset, after: transaction.last + 1 };
    return new TidingsError('AS_OF_UNREADABLE', details);
  }
  const reported = { full: 'an incomplete one', key: 'only its key', nothing: 'none' };
  return new TidingsError('AS_OF_IDENTITY', {
    table: qualifiedName(table),
    offset,
    identity: reported[table.identity],
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
