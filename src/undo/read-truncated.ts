import { isWholeInsert, MARKER_OLD } from '../change/row-images.ts';
import type { LogRecord } from '../log/log.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import { truncatedRows } from './looking/truncated-rows.ts';
import { readPages } from './read-pages.ts';

/** What the log knows of the rows that a truncate removed. */
export interface Truncated {
  /** The changes of the rows' place since it was last seen empty, or as far back as the log goes. */
  readonly history: AsyncIterable<readonly LogRecord[]>;
  /** Whether these are all of its rows; to be asked when the history has been read. */
  readonly isWhole: () => boolean;
}

export async function readTruncated(
  log: SearchableLog,
  truncate: Pick<LogRecord, 'table' | 'offset'>,
  signal: AbortSignal,
): Promise<Truncated> {
  const { tables, from, whole: isWhole, holds } = await truncatedRows(log, truncate, signal);
  const request = { from, to: truncate.offset, tables };
  let whole = isWhole;
  const history = async function* (): AsyncGenerator<readonly LogRecord[]> {
    for await (const page of readPages(log, request, signal)) {
      const there = page.filter(holds);
      const known = there.filter(({ operation, images }) =>
        operation === 'insert' ? isWholeInsert(images) : images[0] === MARKER_OLD,
      );
      if (known.length < there.length) whole = false;
      yield known;
    }
  };
  return { history: history(), isWhole: () => whole };
}
