import type { Cell } from '../../change/row-images.ts';
import type { StoredRow } from '../../change/stored-rows.ts';
import { type Column, qualifiedName, type TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { PastRow } from './past-rows.ts';

/**
 * The columns of a table that can be shown as they were: those that every version since then has,
 * with the same type, and the table still has. Of another one the values of rows that were not
 * changed are gone.
 */
export class PastColumns {
  readonly columns: readonly Column[];
  readonly #places = new WeakMap<TableDefinition, readonly number[]>();

  private constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  /**
   * @param then the table as it was.
   * @param later all versions since, the present one included.
   * @param asked the columns that are wanted; null for all.
   * @throws TidingsError `AS_OF_COLUMN`, `COLUMN_NOT_LOGGED`
   */
  static choose(
    then: TableDefinition,
    later: readonly TableDefinition[],
    asked: readonly string[] | null,
  ): PastColumns {
    const problems = new Map<string, string>();
    for (const column of then.columns) {
      const problem = problemOf(column, later);
      if (problem !== null) problems.set(column.name, problem);
    }
    const kept = then.columns.filter(({ name }) => !problems.has(name));
    const names = then.columns.map(({ name }) => name);
    const missing = asked?.find((name) => !names.includes(name));
    if (missing !== undefined) {
      throw new TidingsError('COLUMN_NOT_LOGGED', { column: missing, columns: names.join(', ') });
    }
    const column = (asked ?? names).find((name) => problems.has(name));
    if (column !== undefined) {
      throw new TidingsError('AS_OF_COLUMN', {
        column,
        table: qualifiedName(then),
        problem: problems.get(column) ?? '',
        columns: kept.map(({ name }) => name).join(','),
      });
    }
    return new PastColumns(kept);
  }

  get names(): readonly string[] {
    return this.columns.map(({ name }) => name);
  }

  /**
   * A row of the log in these columns.
   * @param fallback the old row, which has the values that the new one left out as unchanged.
   * @returns null when a value is not known.
   */
  read(table: TableDefinition, row: StoredRow, fallback: StoredRow | null): PastRow | null {
    const cells: Cell[] = [];
    for (const place of this.#placesIn(table)) {
      let cell = row.cell(place);
      if (cell === undefined && fallback?.kind === 'old') cell = fallback.cell(place);
      if (cell === undefined) return null;
      cells.push(cell);
    }
    return cells;
  }

  #placesIn(table: TableDefinition): readonly number[] {
    let places = this.#places.get(table);
    if (places === undefined) {
      places = this.names.map((name) => table.columns.findIndex((each) => each.name === name));
      this.#places.set(table, places);
    }
    return places;
  }
}

function problemOf(column: Column, later: readonly TableDefinition[]): string | null {
  for (const { columns } of later) {
    const same = columns.find(({ name }) => name === column.name);
    if (same === undefined) return 'it was dropped or renamed since';
    if (same.type !== column.type)
      return `its type was changed from ${column.type} to ${same.type}`;
  }
  return null;
}
