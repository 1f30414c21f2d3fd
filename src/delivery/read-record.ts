import type { Change } from '../change/change.ts';
import type { ChangeView } from '../change/decode.ts';
import { isRewindTable } from '../change/rewind.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import type { LogRecord } from '../log/log.ts';
import type { Dispatcher } from '../subscription/dispatcher.ts';
import { projectChange } from '../subscription/columns.ts';
import type { ChangeFilter } from '../subscription/filter.ts';
import type { SubscriptionDefinition } from './definition.ts';

/** A record with what the decoder makes of it. */
export interface ReadRecord {
  readonly record: LogRecord;
  readonly view: ChangeView;
}

/**
 * Reads one record that was read before.
 * @throws TidingsError `LOG_PRUNED` when retention has removed it.
 */
export async function readRecord(
  { log, decoder }: Dispatcher,
  source: string,
  offset: number,
): Promise<ReadRecord> {
  const { records } = await log.read({ from: offset, to: offset + 1, limit: 1 });
  const [record] = records;
  if (record === undefined) {
    throw new TidingsError('LOG_PRUNED', { offset, source, floor: log.floor });
  }
  return { record, view: decoder.view(record) };
}

/** Records that a sample is looked for in. */
const SAMPLED = 1_000;

/**
 * The newest change that the filter wants, of the last thousand that are visible (invariant 4); null
 * when there is none.
 * @param toChange the change as the subscription gets it.
 */
export async function newestWanted(
  { log, decoder, horizon }: Dispatcher,
  filter: ChangeFilter,
  toChange: (view: ChangeView) => Change,
): Promise<Change | null> {
  const to = Math.min(log.head, horizon.offset);
  const from = Math.max(log.floor, to - SAMPLED);
  if (from >= to) return null;
  const { records } = await log.read({ from, to, limit: SAMPLED });
  for (const record of records.toReversed()) {
    // That a history went back is no example of what comes otherwise.
    if (isRewindTable(record.table)) continue;
    const view = decoder.view(record);
    if (filter.wantsTable(record.table) && filter.matches(view)) return toChange(view);
  }
  return null;
}

/** How a subscription gets its changes: with the columns that it wants and no others. */
export function changeReader({ filter }: SubscriptionDefinition): (view: ChangeView) => Change {
  if (filter.columns === undefined) return (view) => view.change;
  const columns = new Set(filter.columns);
  return (view) => {
    if (isRewindTable(view.stored.table)) return view.change;
    try {
      return projectChange(view.change, columns);
    } catch (error) {
      // One that it does not want may be what is too large.
      if (!isTidingsError(error, 'VALUE_TOO_LARGE')) throw error;
      return view.only(columns);
    }
  };
}
