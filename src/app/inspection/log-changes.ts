import type { Change } from '../../change/change.ts';
import type { ChangeDecoder } from '../../change/decode.ts';
import { decodeListed, type OnPassedOver } from '../../change/decode-listed.ts';
import type { StartAt } from '../../option/start-at.ts';
import type { LogReader, TableId } from '../../log/log.ts';
import { type ChangeFilter, compileFilter } from '../../subscription/filter.ts';
import { sleep } from '../../util/sleep.ts';

/** How often a followed log is looked at again; milliseconds. Another process writes it. */
const FOLLOW_PAUSE = 100;

export interface LogChangesOptions {
  readonly log: LogReader;
  readonly decoder: ChangeDecoder;
  readonly from: StartAt;
  /** Exclusive. */
  readonly to?: number | undefined;
  readonly tables?: readonly string[] | undefined;
  readonly follow: boolean;
  readonly onPassedOver?: OnPassedOver | undefined;
  /** Makes the log's head current; needed when another process writes the log. */
  readonly refresh: () => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * The changes of one log, in order; one page of it in memory at a time.
 * @throws TidingsError `TABLE_PATTERN_INVALID`
 */
export async function* logChanges(options: LogChangesOptions): AsyncGenerator<Change> {
  const { log, decoder, signal } = options;
  const filter = options.tables === undefined ? null : compileFilter({ tables: options.tables });
  await options.refresh();
  let next = await firstOffset(log, options.from);
  while (!signal.aborted) {
    const to = Math.min(options.to ?? log.head, log.head);
    if (next < to) {
      const tables = filter === null ? {} : { tables: wanted(log, filter) };
      const page = await log.read({ from: next, to, ...tables });
      for (const record of page.records) {
        const change = decodeListed(decoder, record, options.onPassedOver);
        if (change !== null) yield change;
      }
      next = page.next;
      continue;
    }
    if (!options.follow || next >= (options.to ?? Number.POSITIVE_INFINITY)) return;
    await sleep(FOLLOW_PAUSE, signal);
    await options.refresh();
  }
}

/** The offset that a {@link StartAt} means in this log at this moment. */
export async function firstOffset(log: LogReader, from: StartAt): Promise<number> {
  if (from === 'head') return log.head;
  if (from === 'floor') return log.floor;
  return typeof from === 'number' ? from : await log.offsetAt(from.getTime() * 1000);
}

function wanted(log: LogReader, filter: ChangeFilter): ReadonlySet<TableId> {
  const tables = log.tables().filter((table) => filter.wantsTable(table));
  return new Set(tables.map(({ id }) => id));
}
