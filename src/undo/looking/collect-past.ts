import { readStoredRows, type StoredRow } from '../../change/stored-rows.ts';
import { qualifiedName } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LogRecord } from '../../log/log.ts';
import type { PastColumns } from './past-columns.ts';
import type { PastRow, PastRowCounts, PastRowsByKey } from './past-rows.ts';

/**
 * Notes of every key what the row was before the first change since then. Later changes of a key
 * need not be known.
 * @param wanted keys to note; null for all.
 * @throws TidingsError `AS_OF_IDENTITY`, `AS_OF_TRUNCATED`
 */
export async function collectByKey(
  past: PastRowsByKey,
  changes: AsyncIterable<LogRecord>,
  columns: PastColumns,
  wanted: ReadonlySet<string> | null,
): Promise<void> {
  const isWanted = (key: string): boolean => wanted?.has(key) !== false && !past.has(key);
  for await (const record of changes) {
    const { operation, key, previousKey } = record;
    if (operation === 'truncate') throw truncated(record);
    if (key === null) throw lacksOldRow(record);
    if (operation !== 'insert') {
      const then = previousKey ?? key;
      if (isWanted(then)) past.note(then, rowBefore(record, columns));
    }
    if ((operation === 'insert' || previousKey !== null) && isWanted(key)) past.note(key, null);
  }
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
  const row =
    after === null ? null : columns.read(record.table, after, before satisfies StoredRow | null);
  if (row === null) throw lacksOldRow(record);
  return row;
}

function lacksOldRow({ table, offset }: LogRecord): TidingsError {
  const reported = { full: 'an incomplete one', key: 'only its key', nothing: 'none' };
  return new TidingsError('AS_OF_IDENTITY', {
    table: qualifiedName(table),
    offset,
    identity: reported[table.identity],
    sql: qualifiedName(table),
  });
}

function truncated({ table, offset, transaction }: LogRecord): TidingsError {
  return new TidingsError('AS_OF_TRUNCATED', {
    table: qualifiedName(table),
    offset,
    after: transaction.last + 1,
  });
}
