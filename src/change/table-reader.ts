import type { Row } from './change.ts';
import type { Dialect, JsonValue, ValueReader } from './dialect.ts';
import type { StoredRow, StoredRows } from './stored-rows.ts';
import type { TableDefinition } from './table.ts';

/** Reads the rows of one table version. */
export class TableReader {
  readonly #table: TableDefinition;
  readonly #names: readonly string[];
  readonly #readers: readonly ValueReader[];
  /** The columns that rows are read with. */
  readonly #read: readonly number[];

  /** @param columns only these are read into rows. Default: all. */
  constructor(table: TableDefinition, dialects: readonly Dialect[], columns?: ReadonlySet<string>) {
    const dialect = dialects.find((candidate) => candidate.name === table.dialect);
    if (dialect === undefined) throw new Error(`No dialect ${table.dialect} for ${table.name}`);
    this.#table = table;
    this.#names = table.columns.map((column) => column.name);
    this.#readers = table.columns.map((column) => dialect.reader(column));
    this.#read = [...this.#names.keys()].filter(
      (index) => columns?.has(this.#names[index] ?? '') !== false,
    );
  }

  read({ before, after }: StoredRows): { before: Row | null; after: Row | null } {
    const old = before === null ? null : this.#readBefore(before);
    if (after === null) return { before: old, after: null };
    if (before?.kind !== 'old' || old === null) return { before: old, after: this.#readRow(after) };
    return { before: old, after: this.#readUpdated(after, before, old) };
  }

  /** One value, as {@link TableReader.read} would put it into its row. */
  readValue(
    { before, after }: StoredRows,
    side: 'before' | 'after',
    column: number,
  ): JsonValue | undefined {
    const row = side === 'before' ? before : after;
    if (row === null) return undefined;
    if (row.kind === 'key' && !this.#table.key.includes(column)) return undefined;
    let cell = row.cell(column);
    if (cell === undefined && row === after && before?.kind === 'old') cell = before.cell(column);
    return cell === undefined ? undefined : this.#value(column, cell);
  }

  /** The key as JSON values. The stored text has it also when the row's cell was left out. */
  readKey(text: string | null, row: Row | null): Row | null {
    const { key } = this.#table;
    if (text === null || key.length === 0) return null;
    const result: Record<string, JsonValue> = {};
    let texts: readonly string[] | undefined;
    for (const [place, index] of key.entries()) {
      const name = this.#names[index] ?? '';
      let value = row !== null && Object.hasOwn(row, name) ? row[name] : undefined;
      if (value === undefined) {
        texts ??= key.length === 1 ? [text] : (JSON.parse(text) as string[]);
        value = this.#value(index, texts[place] ?? null);
      }
      setColumn(result, name, value);
    }
    return result;
  }

  /** Of a key image only the key is known; its other cells say null whatever the row held. */
  #readBefore(before: StoredRow): Row {
    if (before.kind !== 'key') return this.#readRow(before);
    const row: Record<string, JsonValue> = {};
    for (const index of this.#read) {
      if (this.#table.key.includes(index)) this.#readCell(row, index, before);
    }
    return row;
  }

  #readRow(stored: StoredRow): Row {
    const row: Record<string, JsonValue> = {};
    for (const index of this.#read) this.#readCell(row, index, stored);
    return row;
  }

  /**
   * The new row beside its whole old one: a value that is the same is read once, which is most of
   * them, and a large one that the update did not touch is only in the old row (PostgreSQL: TOAST).
   */
  #readUpdated(stored: StoredRow, before: StoredRow, old: Row): Row {
    const row: Record<string, JsonValue> = {};
    for (const index of this.#read) {
      const known = !before.isUnchanged(index);
      if (known && (stored.isUnchanged(index) || stored.sameCell(before, index))) {
        const name = this.#names[index] ?? '';
        setColumn(row, name, old[name] ?? null);
      } else this.#readCell(row, index, stored);
    }
    return row;
  }

  #readCell(row: Record<string, JsonValue>, index: number, stored: StoredRow): void {
    const cell = stored.cell(index);
    if (cell !== undefined) setColumn(row, this.#names[index] ?? '', this.#value(index, cell));
  }

  #value(index: number, cell: string | null): JsonValue {
    return cell === null ? null : (this.#readers[index]?.(cell) ?? null);
  }
}

/** Plain assignment of a column named `__proto__` would change the row's prototype instead. */
function setColumn(row: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === '__proto__') {
    Object.defineProperty(row, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else row[name] = value;
}
