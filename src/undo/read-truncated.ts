import { MARKER_OLD } from '../change/row-images.ts';
import type { LogReader, LogRecord, RowFinder } from '../log/log.ts';
import { readPages, readRow } from './read-changes.ts';

/** What the log knows of the rows that a truncate removed. */
export interface Truncated {
  /** The changes of the table since it was last seen empty, or as far back as the log goes. */
  readonly history: AsyncIterable<readonly LogRecord[]>;
  /**
   * Whether these are all of its rows; to be asked when the history has been read. The log has all of
   * them when it has seen the table empty before, which is an earlier truncate.
   */
  readonly isWhole: () => boolean;
}

export async function readTruncated(
  log: LogReader & RowFinder,
  truncate: LogRecord,
  signal: AbortSignal,
): Promise<Truncated> {
  const { schema, name } = truncate.table;
  // Truncates are in the index under every key of their table, so also under one that none has.
  const row = { schema, table: name, key: '', from: log.floor, to: truncate.offset };
  let emptied: number | null = null;
  for await (const page of readRow(log, row, signal)) {
    for (const { operation, offset } of page) if (operation === 'truncate') emptied = offset;
  }
  const versions = log.tables().filter((table) => table.schema === schema && table.name === name);
  const from = emptied === null ? log.floor : emptied + 1;
  const request = { from, to: truncate.offset, tables: new Set(versions.map(({ id }) => id)) };
  let whole = emptied !== null;
  const history = async function* (): AsyncGenerator<readonly LogRecord[]> {
    for await (const page of readPages(log, request, signal)) {
      const known = page.filter(
        ({ operation, images }) => operation === 'insert' || images[0] === MARKER_OLD,
      );
      if (known.length < page.length) whole = false;
      yield known;
    }
  };
  return { history: history(), isWhole: () => whole };
}
