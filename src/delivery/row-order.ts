import type { LoggedTable } from '../log/log.ts';
import type { Delivery } from './delivery.ts';

/** The open deliveries of one table: the last one of each row, and the last one of all rows. */
interface TableOrder {
  /** The version whose key the rows are known by. */
  version: LoggedTable;
  /** Per key the last delivery since the barrier. */
  readonly rows: Map<string, Delivery>;
  /** The last delivery that concerns every row; open, or null. */
  barrier: Delivery | null;
}

/**
 * Who waits for whom, so that changes of one row reach the endpoint in log order (invariant 6) and
 * those of different rows side by side.
 *
 * A delivery waits for the last open one of its row. One that gives its row another key is of both
 * rows. One without a key (truncate, a table without a key) concerns every row of its table, before
 * and after it; so does the first one after the table's key columns changed, because the rows are
 * called by other names from there on.
 */
export class RowOrder {
  readonly #tables = new Map<string, TableOrder>();

  /** Puts a delivery behind all that came before. True when nothing is in its way. */
  add(delivery: Delivery): boolean {
    const { table, key, previousKey } = delivery.subject;
    const order = this.#orderOf(table);
    const rekeyed = order.version !== table && !sameKey(order.version, table);
    order.version = table;
    if (key === null || rekeyed) addBarrier(order, delivery);
    else {
      addRow(order, delivery, key);
      if (previousKey !== null && previousKey !== key) addRow(order, delivery, previousKey);
    }
    return delivery.place.waitingFor === 0;
  }

  /** Takes a delivery out; calls back for each one that nothing is in the way of any more. */
  remove(delivery: Delivery, unblock: (follower: Delivery) => void): void {
    const { table, key, previousKey } = delivery.subject;
    const name = nameOf(table);
    const order = this.#tables.get(name);
    if (order !== undefined) {
      if (order.barrier === delivery) order.barrier = null;
      if (key !== null && order.rows.get(key) === delivery) order.rows.delete(key);
      if (previousKey !== null && order.rows.get(previousKey) === delivery) {
        order.rows.delete(previousKey);
      }
      if (order.barrier === null && order.rows.size === 0) this.#tables.delete(name);
    }
    const { followers } = delivery.place;
    delivery.place.followers = null;
    for (const follower of followers ?? []) {
      follower.place.waitingFor -= 1;
      if (follower.place.waitingFor === 0) unblock(follower);
    }
  }

  #orderOf(table: LoggedTable): TableOrder {
    const name = nameOf(table);
    let order = this.#tables.get(name);
    if (order === undefined) {
      order = { version: table, rows: new Map(), barrier: null };
      this.#tables.set(name, order);
    }
    return order;
  }
}

function addRow(order: TableOrder, delivery: Delivery, key: string): void {
  // The last one of the row came after the barrier, so it waits for the barrier itself.
  waitFor(delivery, order.rows.get(key) ?? order.barrier);
  order.rows.set(key, delivery);
}

function addBarrier(order: TableOrder, delivery: Delivery): void {
  waitFor(delivery, order.barrier);
  for (const last of order.rows.values()) waitFor(delivery, last);
  order.rows.clear();
  order.barrier = delivery;
}

function waitFor(delivery: Delivery, earlier: Delivery | null): void {
  // The two keys of one delivery can lead to the same earlier one, even to itself.
  if (earlier === null || earlier === delivery) return;
  const followers = (earlier.place.followers ??= []);
  if (followers.at(-1) === delivery) return;
  followers.push(delivery);
  delivery.place.waitingFor += 1;
}

function nameOf(table: LoggedTable): string {
  return `${table.schema}\0${table.name}`;
}

function sameKey(one: LoggedTable, other: LoggedTable): boolean {
  const names = (table: LoggedTable): string =>
    table.key.map((index) => table.columns[index]?.name).join('\0');
  return names(one) === names(other);
}
