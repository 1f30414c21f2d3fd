import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Rows of one statement. Measured: 8 rows cost two thirds of 8 single inserts; more gain nothing. */
const ROWS = 8;

type Value = string | number | null;

/** Inserts rows of one table, several to a statement. */
export class BulkInsert {
  readonly #width: number;
  readonly #single: StatementSync;
  readonly #bulk: StatementSync;
  #values: Value[] = [];

  /** @param width the table's number of columns. */
  constructor(db: DatabaseSync, table: string, width: number) {
    const row = `(${Array.from({ length: width }, () => '?').join(', ')})`;
    this.#width = width;
    this.#single = db.prepare(`INSERT INTO ${table} VALUES ${row}`);
    const bulk = Array.from({ length: ROWS }, () => row).join(', ');
    this.#bulk = db.prepare(`INSERT INTO ${table} VALUES ${bulk}`);
  }

  /** The row is in the database after the next `finish`. */
  add(...row: readonly Value[]): void {
    this.#values.push(...row);
    if (this.#values.length < ROWS * this.#width) return;
    const values = this.#values;
    this.#values = [];
    this.#bulk.run(...values);
  }

  finish(): void {
    const values = this.#values;
    this.#values = [];
    for (let at = 0; at < values.length; at += this.#width) {
      this.#single.run(...values.slice(at, at + this.#width));
    }
  }
}
