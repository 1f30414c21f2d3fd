import { qualifiedName } from '../change/table.ts';
import { LONGEST_TEXT, valueBeyondText } from '../change/too-large.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { LogRecord } from '../log/log.ts';

/**
 * Refuses an undo with a value that no text can hold. The database could compare and write it; a plan
 * that shows its rows, conflicts that name them and a script that has them could not be made.
 * @throws TidingsError `UNDO_VALUE_TOO_LARGE`
 */
export function requireText(source: string, record: LogRecord): void {
  const value = valueBeyondText(record);
  if (value === null) return;
  const { offset, transaction } = record;
  throw new TidingsError('UNDO_VALUE_TOO_LARGE', {
    change: `${source}:${transaction.position}:${offset - transaction.first}`,
    table: qualifiedName(record.table),
    offset,
    ...value,
    limit: LONGEST_TEXT,
  });
}

/** The same for all records of pages, on their way. */
export async function* requireTexts(
  source: string,
  pages: AsyncIterable<readonly LogRecord[]>,
): AsyncGenerator<readonly LogRecord[]> {
  for await (const page of pages) {
    for (const record of page) requireText(source, record);
    yield page;
  }
}
