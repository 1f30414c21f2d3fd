import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogReader, LogRecord, ReadRequest } from '../log/log.ts';

/** Records of one page; a page is what is in memory at a time. */
const LIMIT = 5_000;
const MAX_BYTES = 2 * 1024 * 1024;

/** Pages of a range of the log. */
export async function* readPages(
  log: LogReader,
  request: ReadRequest & { readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  let { from } = request;
  while (from < request.to) {
    signal.throwIfAborted();
    const page = await log.read({ ...request, from, limit: LIMIT, maxBytes: MAX_BYTES });
    if (page.records.length > 0) yield page.records;
    // A search that found nothing has held up everybody else on this thread.
    else await nextTurn();
    from = page.next;
  }
}
