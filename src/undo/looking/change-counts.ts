import type { Operation } from '../../change/change.ts';
import { qualifiedName } from '../../change/table.ts';
import { toolOf } from '../migration-tools.ts';
import type { LogRecord } from '../../log/log.ts';

/** How many changes of each kind there are of one table. */
export interface TableCount extends Readonly<Record<Operation, number>> {
  /** `schema.name` */
  readonly table: string;
  /** The migration tool whose bookkeeping the table is; null for any other table. */
  readonly tool: string | null;
}

/** Counts changes by table and operation. */
export class ChangeCounts {
  readonly #tables = new Map<
    string,
    { table: string; tool: string | null } & Record<Operation, number>
  >();
  #total = 0;

  add({ table, operation }: Pick<LogRecord, 'table' | 'operation'>): void {
    const name = qualifiedName(table);
    let count = this.#tables.get(name);
    if (count === undefined) {
      count = { table: name, tool: toolOf(table), insert: 0, update: 0, delete: 0, truncate: 0 };
      this.#tables.set(name, count);
    }
    count[operation] += 1;
    this.#total += 1;
  }

  get total(): number {
    return this.#total;
  }

  /** By table, in the order of their first changes. */
  get tables(): readonly TableCount[] {
    return [...this.#tables.values()];
  }
}
