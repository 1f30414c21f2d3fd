import type { StoredChange } from '../../../change/stored-change.ts';
import type { Column } from '../../../change/table.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import { CopyPairs } from './copy-pairs.ts';
import type { TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Bytes of a row's fixed part that surely fit into a page beside its header. */
const FITS = 7_000;
/** What is left in the row of a value that was moved out of it, with room for its alignment. */
const MOVED_OUT = 24;
/** From so many rows on a column that differs, too, takes all others with it, so that it is the last. */
const MANY = 10_000;

export interface StagedPairsOptions {
  readonly connection: UndoConnection;
  readonly facts: TableFacts;
  readonly place: number;
  /** The columns of the undo. */
  readonly columns: readonly Column[];
  /** Per cell of an image whether it is one of them; in the same order. */
  readonly kept: readonly boolean[];
}

/**
 * Updates of one table with both of their rows side by side in one temporary table: all columns as the
 * update left them, and those that some update has changed also as it found them. It is half of the
 * work of two tables, and the two rows need no joining.
 */
export class StagedPairs {
  /** The temporary table. */
  readonly name: string;
  rows = 0;
  readonly #connection: UndoConnection;
  readonly #columns: readonly Column[];
  /** Per column of the undo the cell of an image. */
  readonly #cells: readonly number[];
  /** Those that an update hardly ever changes. */
  readonly #fixed: ReadonlySet<number>;
  /** Cells that some update has changed. */
  readonly #changed = new Set<number>();
  readonly #copy: CopyPairs;

  private constructor({ connection, facts, place, columns, kept }: StagedPairsOptions) {
    this.name = `pg_temp.undo_pair_${place}`;
    this.#connection = connection;
    this.#columns = columns;
    this.#cells = kept.flatMap((is, index) => (is ? [index] : []));
    const fixed = new Set([
      ...(facts.key?.parts ?? []).map(({ column }) => column),
      ...facts.columns.flatMap(({ name, identity }) => (identity === 'a' ? [name] : [])),
    ]);
    this.#fixed = new Set(this.#cells.filter((_, at) => fixed.has(columns[at]?.name ?? null)));
    this.#copy = new CopyPairs(kept);
  }

  /** Makes the temporary table; null when two rows of this table could be too large for one. */
  static async create(options: StagedPairsOptions): Promise<StagedPairs | null> {
    const { connection, facts, columns } = options;
    if (!(await fits(options))) return null;
    const pairs = new StagedPairs(options);
    const list = columns.map(({ name }) => quoteIdentifier(name));
    const both = [
      ...list.map((name, at) => `${name} AS new_${at}`),
      ...list.map((name, at) => `${name} AS old_${at}`),
    ];
    await connection.run(
      `CREATE TEMPORARY TABLE ${pairs.name.replace('pg_temp.', '')} ON COMMIT DROP
       AS SELECT 0::bigint AS undo_offset, ${both.join(', ')} FROM ${facts.sql} WITH NO DATA`,
    );
    return pairs;
  }

  /** Names of the columns that some update has changed, and maybe of others. */
  get changed(): ReadonlySet<string> {
    return new Set(this.#columns.flatMap(({ name }, at) => (this.#isChanged(at) ? [name] : [])));
  }

  /** The value of a column as the update left it. */
  newValue(alias: string, column: string): string {
    return `${alias}.new_${this.#place(column)}`;
  }

  /** The value of a column as the update found it. */
  oldValue(alias: string, column: string): string {
    const at = this.#place(column);
    return `${alias}.${this.#isChanged(at) ? 'old' : 'new'}_${at}`;
  }

  /**
   * Adds an update; it is in the temporary table after the next `send`.
   * @param images an old row and a new one.
   * @returns a promise when the caller has to wait before the next one.
   */
  add({ offset }: StoredChange, images: Buffer): Promise<void> | undefined {
    const more = this.#copy.add(offset, images);
    if (more.length > 0) return this.#addWith(more, offset, images);
    this.rows += 1;
    return this.#copy.isFull ? this.send() : undefined;
  }

  /** Sends what there is. */
  async send(): Promise<void> {
    if (this.#copy.isEmpty) return;
    const columns = [
      'undo_offset',
      ...this.#columns.map((_, at) => `new_${at}`),
      ...this.#columns.flatMap((_, at) => (this.#isChanged(at) ? [`old_${at}`] : [])),
    ];
    const text = `COPY ${this.name} (${columns.join(', ')}) FROM STDIN`;
    await this.#connection.copy(text, this.#copy.take());
  }

  /** Puts the rows into two tables, and is gone. */
  async split(before: string, after: string, offset: string): Promise<void> {
    await this.send();
    const names = [offset, ...this.#columns.map(({ name }) => quoteIdentifier(name))].join(', ');
    for (const [table, value] of [
      [before, this.oldValue.bind(this)],
      [after, this.newValue.bind(this)],
    ] as const) {
      const values = this.#columns.map(({ name }) => value('p', name));
      await this.#connection.run(
        `INSERT INTO ${table} (${names}) SELECT p.undo_offset, ${values.join(', ')} FROM ${this.name} p`,
      );
    }
    await this.#connection.run(`DROP TABLE ${this.name}`);
  }

  /** Rows that are there already had the same in these columns before and after. */
  async #addWith(more: readonly number[], offset: number, images: Buffer): Promise<void> {
    await this.send();
    const also = this.rows < MANY ? [] : this.#cells.filter((cell) => !this.#fixed.has(cell));
    const fresh = [...new Set([...more, ...also])].filter((cell) => !this.#changed.has(cell));
    const places = fresh.map((cell) => this.#cells.indexOf(cell));
    if (this.rows > 0) {
      const set = places.map((at) => `old_${at} = new_${at}`);
      await this.#connection.run(`UPDATE ${this.name} SET ${set.join(', ')}`);
    }
    for (const cell of fresh) this.#changed.add(cell);
    this.#copy.widen(this.#changed);
    this.#copy.add(offset, images);
    this.rows += 1;
  }

  #place(column: string): number {
    return this.#columns.findIndex(({ name }) => name === column);
  }

  #isChanged(at: number): boolean {
    return this.#changed.has(this.#cells[at] ?? -1);
  }
}

/** Whether the parts of two rows that cannot be moved out of them fit into one. */
async function fits({ connection, facts, columns }: StagedPairsOptions): Promise<boolean> {
  if (columns.length * 2 * MOVED_OUT > FITS) return false;
  const names = columns.map(({ name }) => quoteLiteral(name)).join(', ');
  const [row] = await connection.rows<{ bytes: number }>(
    `SELECT sum(CASE WHEN attlen > 0 THEN attlen + 7 WHEN attlen = -1 AND attstorage <> 'p' THEN ${MOVED_OUT}
       ELSE ${FITS} END)::integer AS bytes
     FROM pg_attribute WHERE attrelid = ${quoteLiteral(quoteTable(facts))}::regclass AND attname IN (${names})`,
  );
  return 2 * (row?.bytes ?? FITS) <= FITS;
}
