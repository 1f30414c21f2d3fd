import { MARKER_NEW, MARKER_OLD } from '../../../change/row-images.ts';
import type { StoredChange } from '../../../change/stored-change.ts';
import { type Column, qualifiedName, type TableDefinition } from '../../../change/table.ts';
import type { ConflictReason, TableName } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { type FirstChange, uncertainColumns } from './certain-table.ts';
import { isUpdate, tupleEnd } from './copy-rows.ts';
import type { IndexPart } from './index-facts.ts';
import { fillAdded } from './fill-added.ts';
import {
  isNumbered,
  type MatchedColumn,
  matchColumns,
  type PartitionNow,
  readPartition,
} from './match-columns.ts';
import { readTexts } from './read-texts.ts';
import { type StagedLayout, toLayout } from './staged-layout.ts';
import { StagedPairs } from './staged-pairs.ts';
import type { ColumnFacts, TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';
import {
  compositesSql,
  groupName,
  groupTypesSql,
  wideRows,
  type WideRows,
  wideTableSql,
} from './wide-rows.ts';

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
  /** Under which place notes of its rows are kept; default: its own. */
  readonly notes?: number;
  /** The first change that will be staged, whose version the temporary tables are made for. */
  readonly first: FirstChange;
  /** Whether updates are kept with both rows side by side for as long as nothing else is staged. */
  readonly pairs?: boolean;
  /** Whether rows from before a column was added are staged with what every row got there then. */
  readonly fill?: boolean;
}

/** Beyond every offset of a log: of rows that are taken as they are now. */
export const LAST = Number.MAX_SAFE_INTEGER;

/**
 * The changes of one table in two temporary tables: what the changes found (`before`) and what they
 * left (`after`), each row with the offset of its change. Their columns are those of the table that
 * every version of it in the log has, under the names and with the types of now; of a domain with the
 * type below it, because a value can have come before a constraint.
 */
export class StagedTable {
  readonly facts: TableFacts;
  /** Names it in `undo_conflict`. */
  readonly place: number;
  readonly before: string;
  readonly after: string;
  /** Under which place notes of its rows are kept, see `read-texts.ts`. */
  readonly notes: number;
  /** The column that holds the offset. */
  readonly offset: string;
  /** By reason and column, so that each is told once. */
  readonly problems = new Map<string, TableProblem>();
  /** How its rows are staged when they have no room for more than they are; mostly null. */
  readonly wide: WideRows | null;
  /** Rows that went together before the change at an offset, which they are no part of. */
  readonly removed: { readonly offset: number; readonly rows: string }[] = [];
  /** Columns without which it is undone, because whoever asked for it said so. */
  readonly without = new Set<string>();
  /** True once its rows are in a script, where they have no offsets and so the room they need. */
  scripted = false;
  /** Rows in the two tables; null when that has to be counted again. */
  rows: { before: number; after: number } | null = { before: 0, after: 0 };
  /** Changes that were staged. */
  changes = 0;
  /** Updates that are made as a delete and an insert, see `find-replaced.ts`. */
  replaced = 0;
  readonly replacedRows: string;
  /** Updates that wait for others, how many in each turn, see `take-turns.ts`. */
  turns: readonly number[] = [];
  /** Rows without a key that are changed in place, see `bag-pairs.ts`. */
  paired = 0;
  /** Rows with a key that get another one where they are, see `in-place.ts`. */
  inPlace = 0;
  /** Of a table without a key: its changes that are not undone, see `later-changes.ts`. */
  later: StagedTable | null = null;
  /** Which rows the last assessment found in conflict; of some, the keys are in `conflictRows`. */
  inConflict: 'none' | 'some' | 'all' = 'none';
  readonly conflictRows: string;
  /** Partitions that held rows of it, and are tables by themselves now; by their names. */
  readonly detached = new Map<string, PartitionNow>();
  /** A statement that makes a partition for rows that have none; see `check-partitions.ts`. */
  partitionFix: string | null = null;
  /** Rows that were found to be what they would become. */
  already = 0;
  addedColumns: readonly string[];
  /** Columns that were added without a value, and are staged so of rows from before. */
  readonly filledColumns = new Set<string>();
  columns: readonly Column[];
  /** Updates that are in neither of the two tables yet; `flush` puts them there. */
  pairs: StagedPairs | null = null;
  #pairing: boolean;
  readonly #fill: boolean;
  readonly #connection: UndoConnection;
  readonly #layouts = new Map<TableDefinition, StagedLayout>();
  #last: { readonly version: TableDefinition; readonly layout: StagedLayout } | null = null;

  private constructor(options: StagedTableOptions, matched: readonly (MatchedColumn | null)[]) {
    const { connection, facts, place, notes = place } = options;
    this.#connection = connection;
    this.facts = facts;
    this.place = place;
    this.notes = notes;
    this.before = `pg_temp.undo_before_${place}`;
    this.after = `pg_temp.undo_after_${place}`;
    this.replacedRows = `pg_temp.undo_replaced_${place}`;
    this.conflictRows = `pg_temp.undo_conflicting_${place}`;
    this.offset = unusedName(facts);
    this.#pairing = options.pairs === true;
    this.#fill = options.fill === true;
    const common = this.#common(options.first.table, matched);
    this.columns = common.map(({ now }) => toColumn(now));
    this.wide = wideRows(
      facts,
      this.columns.map(({ name }) => name),
    );
    const known = new Set(matched.flatMap((column) => (column === null ? [] : [column.now.name])));
    this.addedColumns = facts.columns.flatMap(({ name, generated }) =>
      generated || known.has(name) ? [] : [name],
    );
  }

  /** Makes the temporary tables. */
  static async create(options: StagedTableOptions): Promise<StagedTable> {
    const { connection, facts, first } = options;
    const partition = await readPartition(connection, first.table);
    const table = new StagedTable(options, matchColumns(first.table, facts, partition));
    const bases = new Map(facts.columns.map(({ name, base }) => [name, base]));
    const select = (names: readonly string[], first: readonly string[] = []): string => {
      const columns = names.map((name) => {
        const [quoted, base] = [quoteIdentifier(name), bases.get(name) ?? null];
        return base === null ? quoted : `${quoted}::${base} AS ${quoted}`;
      });
      return `SELECT ${[...first, ...columns].join(', ')} FROM ${facts.sql}`;
    };
    for (const sql of table.#tablesSql(select)) await connection.run(sql);
    return table;
  }

  #tablesSql(
    select: (columns: readonly string[], first?: readonly string[]) => string,
  ): readonly string[] {
    const { wide, place, offset } = this;
    const sides = [this.before, this.after].map((side) => side.replace('pg_temp.', ''));
    if (wide !== null) {
      return [
        ...groupTypesSql(wide, place, select),
        ...sides.flatMap((name) => wideTableSql(wide, { name, place, offset })),
      ];
    }
    const columns = select(
      this.columns.map(({ name }) => name),
      [`0::bigint AS ${offset}`],
    );
    return sides.map(
      (name) => `CREATE TEMPORARY TABLE ${name} ON COMMIT DROP AS ${columns} WITH NO DATA`,
    );
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
    const { id, schema, name } = this.facts;
    return { id, schema, name };
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
    return this.#enter(change).then((layout) => this.#put(change, layout));
  }

  /** A statement that adds rows to one of the two tables. */
  insertSql(
    side: 'before' | 'after',
    columns: readonly string[],
    rows: { readonly offset: string; readonly values: readonly string[]; readonly from: string },
  ): string {
    const { wide } = this;
    if (wide === null) {
      const names = [this.offset, ...columns.map(quoteIdentifier)].join(', ');
      return `INSERT INTO ${this[side]} (${names})
        SELECT ${[rows.offset, ...rows.values].join(', ')} FROM ${rows.from}`;
    }
    const values = new Map(columns.map((name, at) => [name, rows.values[at] ?? 'NULL']));
    const composites = compositesSql(wide, this.place, values);
    return `INSERT INTO ${this[side]}_rows
      SELECT ${[rows.offset, ...composites].join(', ')} FROM ${rows.from}`;
  }

  /** A column of a staged row. */
  staged(alias: string, column: string): string {
    const { wide } = this;
    return wide?.hidden.has(column) === true && !this.scripted
      ? `(${alias}.${groupName(wide.groups.length - 1)}).${quoteIdentifier(column)}`
      : `${alias}.${quoteIdentifier(column)}`;
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

  #put(change: StoredChange, layout: StagedLayout): Promise<void> | undefined {
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
    if (layout.before.isFull) return this.#send('before', layout);
    return layout.after.isFull ? this.#send('after', layout) : undefined;
  }

  #count(before: number, after: number): void {
    this.changes += 1;
    if (this.rows === null) return;
    this.rows.before += before;
    this.rows.after += after;
  }

  /** Begins to keep updates side by side, where the table lets it. */
  async #pair(change: StoredChange, layout: StagedLayout): Promise<void> {
    const { facts, place } = this;
    const { kept, direct } = layout;
    const columns = layout.columns.map(({ now }) => toColumn(now));
    const options = { connection: this.#connection, facts, place, columns, kept };
    // Domains are staged as what is below them: a value may have come before a constraint.
    const plain = direct && layout.columns.every(({ now }) => now.base === null);
    this.pairs = this.key === null || !plain ? null : await StagedPairs.create(options);
    this.#pairing = this.pairs !== null;
    await this.#put(change, layout);
  }

  async #sendBoth(layout: StagedLayout): Promise<void> {
    await this.#send('before', layout);
    await this.#send('after', layout);
  }

  async #send(side: 'before' | 'after', layout: StagedLayout): Promise<void> {
    const rows = layout[side];
    if (rows.isEmpty) return;
    if (layout.direct) {
      const names = layout.columns.map(({ now }) => quoteIdentifier(now.name));
      const list = [this.offset, ...names].join(', ');
      await this.#connection.copy(`COPY ${this[side]} (${list}) FROM STDIN`, rows.take());
      return;
    }
    await this.#connection.copy('COPY pg_temp.undo_texts FROM STDIN', rows.take());
    await readTexts(this.#connection, { table: this, columns: layout.columns, side });
    this.rows = null;
  }

  async #enter(first: FirstChange): Promise<StagedLayout> {
    const { table: version } = first;
    let layout = this.#layouts.get(version);
    if (layout === undefined) {
      // Rows of two shapes do not go into one table side by side.
      if (this.#layouts.size > 0) await this.flush();
      const partition = await readPartition(this.#connection, version);
      if (partition?.attached === false) this.detached.set(qualifiedName(partition), partition);
      const doubtful = await uncertainColumns(this.#connection, this.facts, first);
      if (doubtful.length > 0) this.problem('table-uncertain', columnsUncertain(doubtful));
      const matched = matchColumns(version, this.facts, partition);
      const common = this.#common(version, matched);
      await this.#keep(common, isNumbered(version, partition));
      const kept = new Set(this.columns.map(({ name }) => name));
      layout = toLayout(
        matched.map((column) => (column !== null && kept.has(column.now.name) ? column : null)),
        this.wide !== null,
      );
      this.#layouts.set(version, layout);
    }
    this.#last = { version, layout };
    return layout;
  }

  /** Columns of a version that the table still has; the others are problems. */
  #common(
    { columns }: TableDefinition,
    matched: readonly (MatchedColumn | null)[],
  ): readonly MatchedColumn[] {
    return matched.flatMap((column, index) => {
      if (column === null) this.problem('column-dropped', columns[index]?.name ?? '');
      return column === null || column.now.generated ? [] : [column];
    });
  }

  /** Says how a version fits that has no changes here, but rows whose last version it is. */
  async meet(version: FirstChange): Promise<void> {
    await this.#enter(version);
  }

  /**
   * Narrows the undo to these columns, too: some of its rows have no others, because they are from
   * before those were added. In the temporary tables the others stay, unused.
   */
  async narrow(names: ReadonlySet<string>): Promise<void> {
    const gone = this.columns.flatMap(({ name }) => (names.has(name) ? [] : [name]));
    if (gone.length === 0) return;
    await this.flush();
    this.#layouts.clear();
    this.#last = null;
    this.columns = this.columns.filter(({ name }) => names.has(name));
    this.addedColumns = [...new Set([...this.addedColumns, ...gone])];
  }

  /** @param numbered whether a column that is not among these had not been added yet. */
  async #keep(common: readonly MatchedColumn[], numbered: boolean): Promise<void> {
    const names = new Set(common.map(({ now }) => now.name));
    if (this.#fill && numbered) await fillAdded(this.#connection, this, names);
    const known = new Set(this.columns.map(({ name }) => name));
    // In the first version and in the table now, and not in between: it was made anew.
    const anew = numbered ? [] : [...known].filter((name) => !names.has(name));
    const added = [...names].filter((name) => !known.has(name));
    this.addedColumns = [...new Set([...this.addedColumns, ...added])];
    await this.narrow(names);
    for (const name of anew) this.problem('column-dropped', name);
  }
}

function columnsUncertain(names: readonly string[]): string {
  return `the log knows column ${names.join(', ')} by name alone, and nothing proves that it is the same one`;
}

function toColumn({ name, type, kind, array }: ColumnFacts): Column {
  return { name, type, kind, array };
}

/** A name that no column of the table has. */
function unusedName({ columns }: TableFacts): string {
  const taken = new Set(columns.map(({ name }) => name));
  let name = 'undo_offset';
  while (taken.has(name)) name += '_';
  return name;
}
