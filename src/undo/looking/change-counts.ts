import type { Operation } from '../../change/change.ts';
import { qualifiedName } from '../../change/table.ts';
import { toolOf } from '../migration-tools.ts';
import type { LogRecord, TableId } from '../../log/log.ts';
import type { VersionAt } from './schema-changes.ts';

/** How many changes of each kind there are of one table. */
export interface TableCount extends Readonly<Record<Operation, number>> {
  /** `schema.name` */
  readonly table: string;
  /** The migration tool whose bookkeeping the table is; null for any other table. */
  readonly tool: string | null;
}

type Counted = { table: string; tool: string | null } & Record<Operation, number>;

/** Counts changes by table and operation. */
export class ChangeCounts {
  readonly #tables = new Map<string, Counted>();
  readonly #versions = new Map<TableId, { version: LogRecord['table']; offset: number }>();
  readonly #counts = new Map<TableId, Counted>();
  #total = 0;

  add({ table, operation, offset }: Pick<LogRecord, 'table' | 'operation' | 'offset'>): void {
    const count = this.#counts.get(table.id) ?? this.#meet(table, offset);
    count[operation] += 1;
    this.#total += 1;
    const known = this.#versions.get(table.id);
    if (known !== undefined && offset < known.offset) known.offset = offset;
  }

  get total(): number {
    return this.#total;
  }

  /** By table, in the order of their first changes. */
  get tables(): readonly TableCount[] {
    return [...this.#tables.values()];
  }

  /** The first change of each table version. */
  get versions(): readonly VersionAt[] {
    return [...this.#versions.values()];
  }

  #meet(table: LogRecord['table'], offset: number): Counted {
    const name = qualifiedName(table);
    let count = this.#tables.get(name);
    if (count === undefined) {
      count = { table: name, tool: toolOf(table), insert: 0, update: 0, delete: 0, truncate: 0 };
      this.#tables.set(name, count);
    }
    this.#counts.set(table.id, count);
    this.#versions.set(table.id, { version: table, offset });
    return count;
  }
}
