import { MARKER_NEW, MARKER_OLD } from '../../../change/row-images.ts';
import type { StoredChange } from '../../../change/stored-change.ts';
import type { Column, TableDefinition } from '../../../change/table.ts';
import type { ConflictReason, TableName } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { CopyRows, tupleEnd } from './copy-rows.ts';
import type { IndexPart } from './index-facts.ts';
import { StagedPairs } from './staged-pairs.ts';
import type { TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** What stands against the undo of a whole table. */
export interface TableProblem {
  readonly reason: ConflictReason;
  readonly detail: string;
  readonly fix: string | null;
}

export interface StagedTableOptions {
  readonly connection: UndoConnection;
  readonly facts: TableFacts;
  readonly place: number;
  /** The first version of the table that will be staged. */
  readonly version: TableDefinition;
  /** Whether updates are kept with both rows side by side for as long as nothing else is staged. */
  readonly pairs?: boolean;
}

/** Beyond every offset of a log: of rows that are taken as they are now. */
export const LAST = Number.MAX_SAFE_INTEGER;

/** How the images of one table version become rows of the temporary tables. */
interface Layout {
  /** Per cell of an image whether it is a column of the undo. */
  readonly kept: readonly boolean[];
  /** Those columns, in the order of the cells. */
  readonly names: readonly Column[];
  readonly before: CopyRows;
  readonly after: CopyRows;
  readonly columns: string;
}

/**
 * The changes of one table in two temporary tables: what the changes found (`before`) and what they
 * left (`after`), each row with the offset of its change. Their columns are those of the table that
 * every version of it in the log has, with the same type.
 */
export class StagedTable {
  readonly facts: TableFacts;
  /** Names it in `undo_conflict`. */
  readonly place: number;
  readonly before: string;
  readonly after: string;
  /** The column that holds the offset. */
  readonly offset: string;
  /** By reason and column, so that each is told once. */
  readonly problems = new Map<string, TableProblem>();
  /** Rows in the two tables; null when that has to be counted again. */
  rows: { before: number; after: number } | null = { before: 0, after: 0 };
  /** Changes that were staged. */
  changes = 0;
  /** Updates that are made as a delete and an insert, see `find-replaced.ts`. */
  replaced = 0;
  readonly replacedRows: string;
  /** Rows without a key that are changed in place, see `bag-pairs.ts`. */
  paired = 0;
  /** Of a table without a key: its changes that are not undone, see `later-changes.ts`. */
  later: StagedTable | null = null;
  /** Which rows the last assessment found in conflict; of some, the keys are in `conflictRows`. */
  inConflict: 'none' | 'some' | 'all' = 'none';
  readonly conflictRows: string;
  /** Rows that were found to be what they would become. */
  already = 0;
  addedColumns: readonly string[];
  columns: readonly Column[];
  /** Updates that are in neither of the two tables yet; `flush` puts them there. */
  pairs: StagedPairs | null = null;
  #pairing: boolean;
  readonly #connection: UndoConnection;
  readonly #layouts = new Map<TableDefinition, Layout>();
  #last: { readonly version: TableDefinition; readonly layout: Layout } | null = null;

  private constructor(options: StagedTableOptions) {
    const { connection, facts, place, version } = options;
    this.#connection = connection;
    this.facts = facts;
    this.place = place;
    this.before = `pg_temp.undo_before_${place}`;
    this.after = `pg_temp.undo_after_${place}`;
    this.replacedRows = `pg_temp.undo_replaced_${place}`;
    this.conflictRows = `pg_temp.undo_conflicting_${place}`;
    this.offset = unusedName(facts);
    this.#pairing = options.pairs === true;
    this.columns = this.#common(version);
    const known = new Set(version.columns.map(({ name }) => name));
    this.addedColumns = facts.columns.flatMap(({ name, generated }) =>
      generated || known.has(name) ? [] : [name],
    );
  }

  /** Makes the temporary tables. */
  static async create(options: StagedTableOptions): Promise<StagedTable> {
    const table = new StagedTable(options);
    const list = [
      `0::bigint AS ${table.offset}`,
      ...table.columns.map(({ name }) => quoteIdentifier(name)),
    ];
    for (const name of [table.before, table.after]) {
      await options.connection.run(
        `CREATE TEMPORARY TABLE ${name.replace('pg_temp.', '')} ON COMMIT DROP
         AS SELECT ${list.join(', ')} FROM ${table.facts.sql} WITH NO DATA`,
      );
    }
    return table;
  }

  /** The columns that name a row, when they are known; null for a table whose rows are a bag. */
  get key(): readonly (IndexPart & { readonly column: string })[] | null {
    const parts = this.facts.key?.parts ?? [];
    const known = new Set(this.columns.map(({ name }) => name));
    const key = parts.flatMap((part) =>
      part.column !== null && known.has(part.column) ? [{ ...part, column: part.column }] : [],
    );
    return key.length > 0 && key.length === parts.length ? key : null;
  }

  get name(): TableName {
    const { schema, name } = this.facts;
    return { schema, name };
  }

  problem(reason: ConflictReason, detail: string, fix: string | null = null): void {
    this.problems.set(`${reason} ${detail}`, { reason, detail, fix });
  }

  /**
   * Adds a change; it is in the temporary tables after the next `flush`.
   * @returns a promise when the caller has to wait before the next one.
   */
  add(change: StoredChange): Promise<void> | undefined {
    const last = this.#last;
    if (last?.version === change.table) return this.#put(change, last.layout);
    return this.#enter(change.table).then((layout) => this.#put(change, layout));
  }

  /** Completes the two tables. */
  async flush(): Promise<void> {
    await this.send();
    this.#pairing = false;
    const { pairs } = this;
    this.pairs = null;
    await pairs?.split(this.before, this.after, this.offset);
  }

  /** Sends everything that was staged, be it to the two tables or side by side. */
  async send(): Promise<void> {
    for (const layout of this.#layouts.values()) await this.#sendBoth(layout);
    await this.pairs?.send();
    await this.#connection.endCopy();
  }

  #put(change: StoredChange, layout: Layout): Promise<void> | undefined {
    const { images, offset } = change;
    const bytes = Buffer.from(images.buffer, images.byteOffset, images.byteLength);
    if (this.#pairing && isUpdate(bytes)) {
      if (this.pairs === null) return this.#pair(change, layout);
      this.#count(1, 1);
      return this.pairs.add(change, bytes);
    }
    this.changes += 1;
    let at = 0;
    while (at < bytes.length) {
      const marker = bytes[at];
      if (marker === MARKER_OLD) at = layout.before.add(offset, bytes, at + 1);
      else if (marker === MARKER_NEW) at = layout.after.add(offset, bytes, at + 1);
      else at = tupleEnd(bytes, at + 1);
      if (this.rows === null) continue;
      if (marker === MARKER_OLD) this.rows.before += 1;
      else if (marker === MARKER_NEW) this.rows.after += 1;
    }
    // Both together only when neither can wait: each change of sides is another COPY.
    if (layout.before.isFull) return this.#send(this.before, layout, layout.before);
    return layout.after.isFull ? this.#send(this.after, layout, layout.after) : undefined;
  }

  #count(before: number, after: number): void {
    this.changes += 1;
    if (this.rows === null) return;
    this.rows.before += before;
    this.rows.after += after;
  }

  /** Begins to keep updates side by side, where the table lets it. */
  async #pair(change: StoredChange, layout: Layout): Promise<void> {
    const { facts, place } = this;
    const { kept, names: columns } = layout;
    const options = { connection: this.#connection, facts, place, columns, kept };
    this.pairs = this.key === null ? null : await StagedPairs.create(options);
    this.#pairing = this.pairs !== null;
    await this.#put(change, layout);
  }

  async #sendBoth(layout: Layout): Promise<void> {
    await this.#send(this.before, layout, layout.before);
    await this.#send(this.after, layout, layout.after);
  }

  async #send(table: string, { columns }: Layout, rows: CopyRows): Promise<void> {
    if (rows.isEmpty) return;
    await this.#connection.copy(`COPY ${table} (${columns}) FROM STDIN`, rows.take());
  }

  async #enter(version: TableDefinition): Promise<Layout> {
    let layout = this.#layouts.get(version);
    if (layout === undefined) {
      // Rows of two shapes do not go into one table side by side.
      if (this.#layouts.size > 0) await this.flush();
      await this.#keep(this.#common(version));
      const kept = new Set(this.columns.map(({ name }) => name));
      const names = version.columns.filter(({ name }) => kept.has(name));
      const flags = version.columns.map(({ name }) => kept.has(name));
      layout = {
        kept: flags,
        names,
        before: new CopyRows(flags),
        after: new CopyRows(flags),
        columns: [this.offset, ...names.map(({ name }) => quoteIdentifier(name))].join(', '),
      };
      this.#layouts.set(version, layout);
    }
    this.#last = { version, layout };
    return layout;
  }

  /** Columns of a version that the table still has; the others are problems. */
  #common(version: TableDefinition): readonly Column[] {
    const now = new Map(this.facts.columns.map((column) => [column.name, column]));
    return version.columns.filter((column) => {
      const present = now.get(column.name);
      if (present === undefined) {
        this.problem('column-dropped', column.name);
        return false;
      }
      if (present.generated) return false;
      if (present.type === column.type) return true;
      this.problem('column-retyped', `${column.name}: ${column.type}, now ${present.type}`);
      return false;
    });
  }

  /** Narrows the temporary tables to these columns, too. */
  async #keep(common: readonly Column[]): Promise<void> {
    const names = new Set(common.map(({ name }) => name));
    const gone = this.columns.filter(({ name }) => !names.has(name));
    const known = new Set(this.columns.map(({ name }) => name));
    const added = common.filter(({ name }) => !known.has(name)).map(({ name }) => name);
    this.addedColumns = [...new Set([...this.addedColumns, ...added])];
    if (gone.length === 0) return;
    await this.flush();
    this.#layouts.clear();
    this.#last = null;
    this.columns = this.columns.filter(({ name }) => names.has(name));
    for (const { name } of gone) {
      // In the first version and in the table now, and not in between: it was made anew.
      this.problem('column-dropped', name);
      for (const table of [this.before, this.after]) {
        await this.#connection.run(`ALTER TABLE ${table} DROP COLUMN ${quoteIdentifier(name)}`);
      }
    }
  }
}

/** Whether the images are an old row and a new one. */
function isUpdate(images: Buffer): boolean {
  if (images[0] !== MARKER_OLD) return false;
  const end = tupleEnd(images, 1);
  return images[end] === MARKER_NEW;
}

/** A name that no column of the table has. */
function unusedName({ columns }: TableFacts): string {
  const taken = new Set(columns.map(({ name }) => name));
  let name = 'undo_offset';
  while (taken.has(name)) name += '_';
  return name;
}
