import { qualifiedName, type TableDefinition } from '../../../change/table.ts';
import type { TableName, TargetTable } from '../../undo-target.ts';
import { type FirstChange, isCertainTable, uncertainColumns } from './certain-table.ts';
import type { Staged } from './check-constraints.ts';
import { StagedTable } from './staged-table.ts';
import { readTableFacts, type TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Beyond the places of all tables, and of what is kept beside each. Places are 32-bit integers. */
const TRUNCATED = 3_000_000;

const UNCERTAIN =
  'the log knows it by its name alone, and nothing proves that it was not made anew or renamed since';

/** A table that changes cannot be staged for. */
export interface MissingTable extends TableName {
  /** What the catalogue says of it, when it is there and may not be read. */
  readonly unreadable: TableFacts | null;
  /** What has its name now, where something has; or what is not certain. */
  readonly detail: string;
  /** True when it may be another table, or its columns others, and such changes are not wanted. */
  readonly uncertain: boolean;
  /** Changes that would have been staged. */
  changes: number;
}

/**
 * The tables of one undo. The table of a change is the one that has the number it had then, whatever
 * its name is by now; only where the log does not know the number, it is the one of its name.
 */
export class StagedTables implements Staged {
  readonly #connection: UndoConnection;
  readonly #pairs: boolean;
  readonly #onlyCertain: boolean;
  readonly #byVersion = new Map<TableDefinition, StagedTable | null>();
  readonly #byId = new Map<string, StagedTable>();
  /** Whose changes came under which names, and whether all of them had a number. */
  readonly #known = new Map<StagedTable, { readonly names: Set<string>; onlyByName: boolean }>();
  readonly #facts = new Map<string, TableFacts | null>();
  readonly #missing = new Map<string, MissingTable>();
  #presumed: ReadonlyMap<TableDefinition, string> = new Map();
  #truncated = 0;

  /**
   * @param options.pairs whether updates are kept side by side, see `StagedTableOptions`.
   * @param options.onlyCertain see `UndoWorkspace.reset`.
   */
  constructor(
    connection: UndoConnection,
    options: { readonly pairs: boolean; readonly onlyCertain?: boolean },
  ) {
    this.#connection = connection;
    this.#pairs = options.pairs;
    this.#onlyCertain = options.onlyCertain === true;
  }

  /** Which tables versions without a number are taken for, see the port. */
  presume(tables: ReadonlyMap<TableDefinition, string>): void {
    this.#presumed = tables;
  }

  get all(): readonly StagedTable[] {
    return [...this.#byId.values()];
  }

  /** Tables that are not there, or may not be read. Their changes are not staged. */
  get missing(): readonly MissingTable[] {
    return [...this.#missing.values()].filter(({ changes }) => changes > 0);
  }

  /** Counts a change of a table that is missing. */
  lose(version: TableDefinition): void {
    const missing = this.#missing.get(this.#identityOf(version));
    if (missing !== undefined) missing.changes += 1;
  }

  /** Leaves the changes of missing tables out. @returns how many they were. */
  forgetMissing(): number {
    const changes = this.missing.reduce((sum, table) => sum + table.changes, 0);
    for (const table of this.#missing.values()) table.changes = 0;
    return changes;
  }

  /** A place of its own for the rows that one truncate removed. */
  placeOfTruncated(): number {
    return TRUNCATED + this.#truncated++;
  }

  find(table: TableName): StagedTable | undefined {
    return this.all.find(({ facts }) => nameOf(facts) === nameOf(table));
  }

  /** What is to be said about the table's name. */
  namesOf(table: StagedTable): Pick<TargetTable, 'formerNames' | 'onlyByName'> {
    const { names = new Set<string>(), onlyByName = false } = this.#known.get(table) ?? {};
    const now = qualifiedName(table.facts);
    return { formerNames: [...names].filter((name) => name !== now), onlyByName };
  }

  /** The place for changes of this version; undefined when `enter` has to be asked. */
  known(version: TableDefinition): StagedTable | null | undefined {
    return this.#byVersion.get(version);
  }

  /** Makes the place for changes of this version; null when there is none. */
  async enter(first: FirstChange): Promise<StagedTable | null> {
    const { table: version } = first;
    const known = this.#byVersion.get(version);
    if (known !== undefined) return known;
    const facts = await this.#find(version);
    const isRead = facts?.rights.has('SELECT') === true;
    const isOther =
      isRead &&
      version.origin === undefined &&
      !(await isCertainTable(this.#connection, facts, first));
    let table: StagedTable | null = null;
    if (isRead && this.#onlyCertain && (isOther || (await this.#hasDoubtful(facts, first)))) {
      this.#refuse(version, UNCERTAIN);
    } else if (isRead) {
      table = this.#byId.get(facts.id) ?? (await this.#create(first, facts));
      const names = this.#known.get(table) ?? { names: new Set(), onlyByName: false };
      names.names.add(qualifiedName(version));
      this.#known.set(table, names);
      if (isOther) {
        names.onlyByName = true;
        table.problem('table-uncertain', UNCERTAIN);
      }
    } else await this.#miss(version, facts);
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
      const { id } = table;
      const facts = await (id === undefined ? this.#read(table) : this.#readOnce(id, { oid: id }));
      const parent = nameOf(facts ?? table);
      for (const key of facts?.foreignKeys ?? []) {
        const child = nameOf(key.child);
        if (!key.cascades || nameOf(key.parent) !== parent || found.has(child)) continue;
        found.set(child, key.child);
        waiting.push(key.child);
      }
    }
    return [...found.values()];
  }

  async #create(first: FirstChange, facts: TableFacts): Promise<StagedTable> {
    const place = this.#byId.size;
    const table = await StagedTable.create({
      connection: this.#connection,
      facts,
      place,
      first,
      pairs: this.#pairs,
    });
    this.#byId.set(facts.id, table);
    return table;
  }

  async #miss(version: TableDefinition, facts: TableFacts | null): Promise<void> {
    const { schema, name } = version;
    const identity = this.#identityOf(version);
    if (this.#missing.has(identity)) return;
    const detail =
      facts === null ? await describeHolder(this.#connection, version, this.#idOf(version)) : '';
    const missing = { schema, name, unreadable: facts, detail, uncertain: false, changes: 0 };
    this.#missing.set(identity, missing);
  }

  async #hasDoubtful(facts: TableFacts, first: FirstChange): Promise<boolean> {
    return (await uncertainColumns(this.#connection, facts, first)).length > 0;
  }

  /** Takes no changes of a version, because it is not certain what they were made to. */
  #refuse(version: TableDefinition, detail: string): void {
    const { schema, name } = version;
    const identity = this.#identityOf(version);
    if (this.#missing.has(identity)) return;
    const missing = { schema, name, unreadable: null, detail, uncertain: true, changes: 0 };
    this.#missing.set(identity, missing);
  }

  #find(version: TableDefinition): Promise<TableFacts | null> {
    const oid = this.#idOf(version);
    return oid === undefined ? this.#read(version) : this.#readOnce(oid, { oid });
  }

  #idOf(version: TableDefinition): string | undefined {
    return version.origin?.id ?? this.#presumed.get(version);
  }

  /** By what the changes of a version belong together: its table's number, or else its name. */
  #identityOf(version: TableDefinition): string {
    return this.#idOf(version) ?? nameOf(version);
  }

  #read(table: TableName): Promise<TableFacts | null> {
    return this.#readOnce(nameOf(table), table);
  }

  async #readOnce(
    key: string,
    table: TableName | { readonly oid: string },
  ): Promise<TableFacts | null> {
    let facts = this.#facts.get(key);
    if (facts === undefined) {
      facts = await readTableFacts(this.#connection, table);
      this.#facts.set(key, facts);
    }
    return facts;
  }
}

/** Who has a name that a table of the log had; nothing when nobody has. */
async function describeHolder(
  connection: UndoConnection,
  { schema, name }: TableDefinition,
  id: string | undefined,
): Promise<string> {
  const [found] = await connection.rows<{ kind: string; other: boolean }>(
    `SELECT CASE WHEN c.relkind IN ('r', 'p') THEN 'another table' WHEN c.relkind IN ('v', 'm')
         THEN 'a view' ELSE 'something else' END AS kind, c.oid <> COALESCE($3::oid, 0) AS other
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, name, id ?? null],
  );
  return found?.other === true ? `${found.kind} has its name now` : '';
}

function nameOf({ schema, name }: TableName): string {
  return JSON.stringify([schema, name]);
}
