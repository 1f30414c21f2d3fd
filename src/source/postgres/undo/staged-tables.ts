import type { TableDefinition } from '../../../change/table.ts';
import type { TableName } from '../../undo-target.ts';
import type { Staged } from './check-constraints.ts';
import { StagedTable } from './staged-table.ts';
import { readTableFacts, type TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** A table that changes cannot be staged for. */
export interface MissingTable extends TableName {
  /** What the catalogue says of it, when it is there and may not be read. */
  readonly unreadable: TableFacts | null;
  /** Changes that would have been staged. */
  changes: number;
}

/** The tables of one undo. */
export class StagedTables implements Staged {
  readonly #connection: UndoConnection;
  readonly #pairs: boolean;
  readonly #byVersion = new Map<TableDefinition, StagedTable | null>();
  readonly #byName = new Map<string, StagedTable | null>();
  readonly #facts = new Map<string, TableFacts | null>();
  readonly #missing = new Map<string, MissingTable>();

  /** @param pairs whether updates are kept side by side, see `StagedTableOptions`. */
  constructor(connection: UndoConnection, pairs: boolean) {
    this.#connection = connection;
    this.#pairs = pairs;
  }

  get all(): readonly StagedTable[] {
    return [...this.#byName.values()].filter((table) => table !== null);
  }

  /** Tables that are not there, or may not be read. Their changes are not staged. */
  get missing(): readonly MissingTable[] {
    return [...this.#missing.values()].filter(({ changes }) => changes > 0);
  }

  /** Counts a change of a table that is missing. */
  lose(table: TableName): void {
    const missing = this.#missing.get(nameOf(table));
    if (missing !== undefined) missing.changes += 1;
  }

  /** Leaves the changes of missing tables out. @returns how many they were. */
  forgetMissing(): number {
    const changes = this.missing.reduce((sum, table) => sum + table.changes, 0);
    for (const table of this.#missing.values()) table.changes = 0;
    return changes;
  }

  find(table: TableName): StagedTable | undefined {
    return this.#byName.get(nameOf(table)) ?? undefined;
  }

  /** The place for changes of this version; undefined when `enter` has to be asked. */
  known(version: TableDefinition): StagedTable | null | undefined {
    return this.#byVersion.get(version);
  }

  /** Makes the place for changes of this version; null when there is none. */
  async enter(version: TableDefinition): Promise<StagedTable | null> {
    const known = this.#byVersion.get(version);
    if (known !== undefined) return known;
    const name = nameOf(version);
    let table = this.#byName.get(name);
    if (table === undefined) {
      table = await this.#create(version);
      this.#byName.set(name, table);
    }
    this.#byVersion.set(version, table);
    return table;
  }

  async facts(table: TableName): Promise<TableFacts | null> {
    const facts = await this.#read(table);
    return facts?.rights.has('SELECT') === true ? facts : null;
  }

  async cascadesFrom(tables: readonly TableName[]): Promise<readonly TableName[]> {
    const found = new Map<string, TableName>();
    const waiting = [...tables];
    for (let table = waiting.pop(); table !== undefined; table = waiting.pop()) {
      const parent = nameOf(table);
      for (const key of (await this.#read(table))?.foreignKeys ?? []) {
        const child = nameOf(key.child);
        if (!key.cascades || nameOf(key.parent) !== parent || found.has(child)) continue;
        found.set(child, key.child);
        waiting.push(key.child);
      }
    }
    return [...found.values()];
  }

  async #create(version: TableDefinition): Promise<StagedTable | null> {
    const facts = await this.#read(version);
    if (facts === null || !facts.rights.has('SELECT')) {
      const { schema, name } = version;
      this.#missing.set(nameOf(version), { schema, name, unreadable: facts, changes: 0 });
      return null;
    }
    const place = this.#byName.size;
    const [connection, pairs] = [this.#connection, this.#pairs];
    return StagedTable.create({ connection, facts, place, version, pairs });
  }

  async #read(table: TableName): Promise<TableFacts | null> {
    const name = nameOf(table);
    let facts = this.#facts.get(name);
    if (facts === undefined) {
      facts = await readTableFacts(this.#connection, table);
      this.#facts.set(name, facts);
    }
    return facts;
  }
}

function nameOf({ schema, name }: TableName): string {
  return JSON.stringify([schema, name]);
}
