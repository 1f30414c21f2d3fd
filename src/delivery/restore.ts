import type { LoggedTable, TableId } from '../log/log.ts';
import type { State, StoredException } from '../state/state.ts';
import { Delivery, type DeliverySubject } from './delivery.ts';

/** Exceptions read from the state at a time. */
const PAGE = 1_000;

/** Where table versions are found by their number. */
export interface TableLookup {
  table(id: TableId): LoggedTable | undefined;
}

/**
 * Takes up the exceptions of an earlier run, in the order of their offsets, so that they come before
 * everything that is still to be read. Parked ones stay where they are.
 */
export async function restoreExceptions(
  state: State,
  subscription: string,
  tables: TableLookup,
  take: (delivery: Delivery) => void,
): Promise<void> {
  let after = -1;
  for (;;) {
    const page = await state.exceptions({
      subscription,
      states: ['retrying', 'blocked'],
      after,
      limit: PAGE,
    });
    for (const exception of page) {
      take(toDelivery(exception, tables));
      after = exception.offset;
    }
    if (page.length < PAGE) return;
  }
}

/** A stored exception as a delivery again. */
export function toDelivery(stored: StoredException, tables: TableLookup): Delivery {
  const { state, attempts } = stored;
  const progress = { state: state === 'discarded' ? ('done' as const) : state, attempts };
  const delivery = new Delivery(toSubject(stored, tables), null, progress);
  delivery.error = stored.error;
  delivery.failedAt = stored.failedAt;
  delivery.nextAttemptAt = stored.nextAttemptAt;
  delivery.discarded = stored.discarded ?? null;
  delivery.recorded = true;
  return delivery;
}

function toSubject(stored: StoredException, tables: TableLookup): DeliverySubject {
  const { offset, key, previousKey, tableId } = stored;
  const table = tables.table(tableId) ?? forgottenTable(tableId, stored.table);
  return { offset, table, key, previousKey };
}

/** When the log has forgotten the table it has removed the record too, and the attempt will say so. */
function forgottenTable(id: TableId, qualified: string): LoggedTable {
  const dot = qualified.indexOf('.');
  return {
    id,
    schema: qualified.slice(0, dot),
    name: qualified.slice(dot + 1),
    columns: [],
    key: [],
    identity: 'nothing',
    dialect: '',
  };
}
