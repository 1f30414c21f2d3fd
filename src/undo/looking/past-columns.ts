import type { Cell } from '../../change/row-images.ts';
import type { StoredRow } from '../../change/stored-rows.ts';
import { type Column, qualifiedName, type TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { PastRow } from './past-rows.ts';
import type { PresentColumns } from './present-columns.ts';
import { compareTypes } from './type-change.ts';

/** Where a version has a column, and what its values were called then where they are not now. */
interface Place {
  readonly index: number;
  readonly texts: ReadonlyMap<string, string> | null;
}

/**
 * The columns of a table that can be shown as they were: those that every version since then has,
 * with values that mean the same, and the table still has. Of another one the values of rows that
 * were not changed are gone.
 */
export class PastColumns {
  /** As they were. */
  readonly columns: readonly Column[];
  /** What they are called now. */
  readonly present: readonly string[];
  /** The same of all that could be shown. */
  readonly known: readonly string[];
  /** Those, by their present names, of which some values were called otherwise then. */
  readonly renamedValues: ReadonlySet<string>;
  readonly #names: PresentColumns;
  readonly #places = new WeakMap<TableDefinition, readonly Place[]>();
  readonly #later: readonly TableDefinition[];

  private constructor(
    columns: readonly (readonly [Column, string])[],
    {
      names,
      later,
      known,
    }: {
      readonly names: PresentColumns;
      readonly later: readonly TableDefinition[];
      readonly known: readonly string[];
    },
  ) {
    this.known = known;
    this.columns = columns.map(([column]) => column);
    this.present = columns.map(([, name]) => name);
    this.#names = names;
    this.#later = later;
    this.renamedValues = new Set(
      later.flatMap((version) =>
        this.#placesIn(version).flatMap(({ texts }, place) =>
          texts === null ? [] : [this.present[place] ?? ''],
        ),
      ),
    );
  }

  /**
   * @param versions the table as it was, and all versions since, the present one last.
   * @param asked the columns that are wanted; null for all. Besides them only those of the key are
   *   read, unless `readsOthers`.
   * @throws TidingsError `AS_OF_COLUMN`, `COLUMN_NOT_LOGGED`
   */
  static choose(
    versions: { readonly past: TableDefinition; readonly later: readonly TableDefinition[] },
    names: PresentColumns,
    {
      asked,
      readsOthers,
    }: { readonly asked: readonly string[] | null; readonly readsOthers: boolean },
  ): PastColumns {
    const { past: then, later } = versions;
    const problems = new Map<string, string>();
    const kept: (readonly [Column, string])[] = [];
    for (const column of then.columns) {
      const name = names.nameNow(then, column);
      const problem = name === null ? goneOf(column) : problemOf(column, { name, names, later });
      if (problem !== null) problems.set(column.name, problem);
      else if (name !== null) kept.push([column, name]);
    }
    const all = then.columns.map(({ name }) => name);
    const missing = asked?.find((name) => !all.includes(name));
    if (missing !== undefined) {
      throw new TidingsError('COLUMN_NOT_LOGGED', { column: missing, columns: all.join(', ') });
    }
    const column = (asked ?? all).find((name) => problems.has(name));
    if (column !== undefined) {
      throw new TidingsError('AS_OF_COLUMN', {
        column,
        table: qualifiedName(then),
        problem: problems.get(column) ?? '',
        columns: kept.map(([{ name }]) => name).join(','),
      });
    }
    const known = kept.map(([, name]) => name);
    const read = asked === null || readsOthers ? null : new Set([...asked, ...keyNames(then)]);
    const columns = kept.filter(([{ name }]) => read?.has(name) ?? true);
    return new PastColumns(inOrder(columns, then, later.at(-1)), { names, later, known });
  }

  /** What they were called. */
  get names(): readonly string[] {
    return this.columns.map(({ name }) => name);
  }

  /**
   * A row of the log in these columns, with the texts that its values had then.
   * @param fallback the old row, which has the values that the new one left out as unchanged.
   * @returns null when a value is not known.
   */
  read(table: TableDefinition, row: StoredRow, fallback: StoredRow | null): PastRow | null {
    const cells: Cell[] = [];
    for (const { index, texts } of this.#placesIn(table)) {
      let cell = row.cell(index);
      if (cell === undefined && fallback?.kind === 'old') cell = fallback.cell(index);
      if (cell === undefined) return null;
      cells.push(cell === null ? null : (texts?.get(cell) ?? cell));
    }
    return cells;
  }

  /** A present row in these columns, with the texts that its values had then. */
  readPresent(row: PastRow): PastRow {
    const now = this.#later.at(-1);
    const places = now === undefined ? [] : this.#placesIn(now);
    if (places.every(({ texts }) => texts === null)) return row;
    return row.map((cell, place) =>
      typeof cell === 'string' ? (places[place]?.texts?.get(cell) ?? cell) : cell,
    );
  }

  #placesIn(table: TableDefinition): readonly Place[] {
    let places = this.#places.get(table);
    if (places === undefined) {
      places = this.columns.map((column, place) => {
        const index = findColumn(table, this.present[place] ?? '', this.#names);
        const same = table.columns[index];
        const change = same === undefined ? null : compareTypes(column, same);
        return { index, texts: change !== null && 'texts' in change ? change.texts : null };
      });
      this.#places.set(table, places);
    }
    return places;
  }
}

function keyNames({ columns, key }: TableDefinition): readonly string[] {
  return key.flatMap((index) => columns[index]?.name ?? []);
}

/** A partition may have its columns in an order of its own; the table's is the one to show. */
function inOrder(
  kept: readonly (readonly [Column, string])[],
  then: TableDefinition,
  now: TableDefinition | undefined,
): readonly (readonly [Column, string])[] {
  if (then.origin?.partition === undefined || now === undefined) return kept;
  const place = (name: string): number => now.columns.findIndex((each) => each.name === name);
  return kept.toSorted(([, one], [, other]) => place(one) - place(other));
}

function findColumn(table: TableDefinition, name: string, names: PresentColumns): number {
  return table.columns.findIndex((column) => names.nameNow(table, column) === name);
}

/** Without its number a column that was renamed cannot be told from one that was dropped. */
function goneOf({ number }: Column): string {
  return number === undefined ? 'it was dropped or renamed since' : 'it was dropped since';
}

function problemOf(
  column: Column,
  since: {
    readonly name: string;
    readonly names: PresentColumns;
    readonly later: readonly TableDefinition[];
  },
): string | null {
  for (const version of since.later) {
    const same = version.columns[findColumn(version, since.name, since.names)];
    if (same === undefined) return 'it was dropped or renamed since';
    const change = compareTypes(column, same);
    if ('problem' in change) return change.problem;
  }
  return null;
}
