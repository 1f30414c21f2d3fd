import type { Change, ChangeTransaction, Operation, Row } from './change.ts';
import type { Dialect, JsonValue, ValueReader } from './dialect.ts';
import { parseLosslessJson } from './lossless-json.ts';
import { readStoredRows, type StoredRow, type StoredRows } from './stored-rows.ts';
import type { TableDefinition } from './table.ts';
import { formatMicros } from './time.ts';

/** The transaction of a {@link StoredChange}; covers the offsets `first` to `last`. */
export interface StoredTransaction {
  readonly first: number;
  readonly last: number;
  readonly id: string;
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly committedAt: number;
  readonly context: string | null;
}

/**
 * What is read of a change in stored form. A log's record is one; this type is here because changes
 * know no log. Changes of one table version must share one `table` object: it is the cache's key.
 */
export interface StoredChange {
  readonly offset: number;
  readonly table: TableDefinition;
  readonly operation: Operation;
  readonly key: string | null;
  readonly previousKey: string | null;
  readonly images: Uint8Array;
  readonly transaction: StoredTransaction;
}

/**
 * One stored change, decoded as far as somebody asked: a filter reads single cells, and only a
 * change that is sent becomes a {@link Change}. Made once per record and shared by all its readers.
 */
export interface ChangeView {
  readonly stored: StoredChange;
  readonly rows: StoredRows;
  /** See {@link Change.changed}. */
  readonly changed: readonly string[] | null;
  readonly change: Change;
}

/** Turns the stored changes of one source into what subscribers see. */
export interface ChangeDecoder {
  view(stored: StoredChange): ChangeView;
  /** The same as `view(stored).change`. */
  decode(stored: StoredChange): Change;
}

/**
 * Makes the decoder of one source.
 * @param source the source's name: part of every change id.
 * @param dialects one for every database family in the log. A table of another one is a defect: it
 *   throws Error.
 */
export function createChangeDecoder(source: string, dialects: readonly Dialect[]): ChangeDecoder {
  const tables = new WeakMap<TableDefinition, TableReader>();
  const transactions = new TransactionReader();

  const readerFor = (table: TableDefinition): TableReader => {
    let reader = tables.get(table);
    if (reader === undefined) {
      reader = new TableReader(table, dialects);
      tables.set(table, reader);
    }
    return reader;
  };
  const toChange = (view: ChangeView): Change => {
    const { stored } = view;
    const reader = readerFor(stored.table);
    const { before, after } = reader.read(view.rows);
    const transaction = transactions.read(stored);
    return {
      id: `${source}:${transaction.position}:${transaction.index}`,
      source,
      offset: stored.offset,
      operation: stored.operation,
      schema: stored.table.schema,
      table: stored.table.name,
      key: reader.readKey(stored.key, after ?? before),
      before,
      after,
      changed: view.changed,
      transaction,
    };
  };
  const view = (stored: StoredChange): ChangeView => new LazyView(stored, toChange);
  return { view, decode: (stored) => view(stored).change };
}

class LazyView implements ChangeView {
  readonly stored: StoredChange;
  readonly #toChange: (view: ChangeView) => Change;
  #rows: StoredRows | undefined;
  #changed: readonly string[] | null | undefined;
  #change: Change | undefined;

  constructor(stored: StoredChange, toChange: (view: ChangeView) => Change) {
    this.stored = stored;
    this.#toChange = toChange;
  }

  get rows(): StoredRows {
    return (this.#rows ??= readStoredRows(this.stored.images));
  }

  get changed(): readonly string[] | null {
    if (this.#changed === undefined) this.#changed = findChanged(this);
    return this.#changed;
  }

  get change(): Change {
    return (this.#change ??= this.#toChange(this));
  }
}

/** The columns that an update gave another value, or null when that cannot be told. */
function findChanged({ stored, rows }: ChangeView): readonly string[] | null {
  const { before, after } = rows;
  if (stored.operation !== 'update' || before?.kind !== 'old' || after === null) return null;
  const changed: string[] = [];
  const { columns } = stored.table;
  for (let index = 0; index < columns.length; index++) {
    if (after.isUnchanged(index)) continue;
    if (before.isUnchanged(index)) return null;
    if (!after.sameCell(before, index)) changed.push(columns[index]?.name ?? '');
  }
  return changed;
}

/** Reads the rows of one table version. */
class TableReader {
  readonly #table: TableDefinition;
  readonly #names: readonly string[];
  readonly #readers: readonly ValueReader[];

  constructor(table: TableDefinition, dialects: readonly Dialect[]) {
    const dialect = dialects.find((candidate) => candidate.name === table.dialect);
    if (dialect === undefined) throw new Error(`No dialect ${table.dialect} for ${table.name}`);
    this.#table = table;
    this.#names = table.columns.map((column) => column.name);
    this.#readers = table.columns.map((column) => dialect.reader(column));
  }

  read({ before, after }: StoredRows): { before: Row | null; after: Row | null } {
    const old = before === null ? null : this.#readBefore(before);
    if (after === null) return { before: old, after: null };
    if (before?.kind !== 'old' || old === null) return { before: old, after: this.#readRow(after) };
    return { before: old, after: this.#readUpdated(after, before, old) };
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
    for (const index of this.#table.key) this.#readCell(row, index, before);
    return row;
  }

  #readRow(stored: StoredRow): Row {
    const row: Record<string, JsonValue> = {};
    const count = this.#names.length;
    for (let index = 0; index < count; index++) this.#readCell(row, index, stored);
    return row;
  }

  /**
   * The new row beside its whole old one: a value that is the same is read once, which is most of
   * them, and a large one that the update did not touch is only in the old row (PostgreSQL: TOAST).
   */
  #readUpdated(stored: StoredRow, before: StoredRow, old: Row): Row {
    const row: Record<string, JsonValue> = {};
    const count = this.#names.length;
    for (let index = 0; index < count; index++) {
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

/** Reads the transaction part; what all changes of one transaction share is made once. */
class TransactionReader {
  #last: StoredTransaction | undefined;
  #committedAt = '';
  #context: JsonValue = null;

  read(stored: StoredChange): ChangeTransaction {
    const { transaction, offset } = stored;
    if (transaction !== this.#last) {
      this.#last = transaction;
      this.#committedAt = formatMicros(transaction.committedAt);
      this.#context = readContext(transaction.context);
    }
    return {
      id: transaction.id,
      position: transaction.position,
      index: offset - transaction.first,
      last: offset === transaction.last,
      committedAt: this.#committedAt,
      context: this.#context,
    };
  }
}

/** Frozen, because the changes of a transaction share it. Text that is no JSON (or absurdly deep) stays text. */
function readContext(text: string | null): JsonValue {
  if (text === null) return null;
  try {
    return deepFreeze(parseLosslessJson(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return text;
    throw error;
  }
}

function deepFreeze(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
