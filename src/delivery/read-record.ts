import type { Change } from '../change/change.ts';
import type { ChangeView } from '../change/decode.ts';
import { isRewindTable } from '../change/rewind.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { readRecordAt } from '../log/kept-aside.ts';
import type { LogRecord } from '../log/log.ts';
import { logPruned } from '../log/log-pruned.ts';
import type { StateReader } from '../state/state.ts';
import type { Dispatcher } from '../subscription/dispatcher.ts';
import { projectChange } from '../subscription/columns.ts';
import type { ChangeFilter } from '../subscription/filter.ts';
import type { SubscriptionDefinition } from './definition.ts';

/** A record with what the decoder makes of it. */
export interface ReadRecord {
  readonly record: LogRecord;
  readonly view: ChangeView;
}

/** Where a record is looked for. */
export interface DeliveredPlaces {
  readonly source: string;
  readonly dispatcher: Dispatcher;
  readonly state: StateReader;
}

/**
 * Reads one record that was read before, from the log or from what was kept aside of it.
 * @throws TidingsError `LOG_PRUNED` when retention has removed it.
 */
export async function readRecord(
  { source, dispatcher, state }: DeliveredPlaces,
  offset: number,
): Promise<ReadRecord> {
  const { log, decoder } = dispatcher;
  const record = await readRecordAt({ source, log, kept: state }, offset);
  if (record === null) throw logPruned({ offset, source, floor: log.floor });
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
