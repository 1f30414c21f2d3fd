import type { Change, Row } from './change.ts';
import type { Dialect, JsonValue } from './dialect.ts';
import type { StoredChange } from './stored-change.ts';
import { readStoredRows, type StoredRows } from './stored-rows.ts';
import { isTooLong, largestValue, tooLarge } from './too-large.ts';
import { qualifiedName, type TableDefinition } from './table.ts';
import { TableReader } from './table-reader.ts';
import { TransactionReader } from './transaction-reader.ts';

/**
 * One stored change, decoded as far as somebody asked: a filter reads single cells, and only a
 * change that is sent becomes a {@link Change}. Made once per record and shared by all its readers.
 *
 * What is read of it throws TidingsError `VALUE_TOO_LARGE` when it has more characters than a string
 * can have.
 */
export interface ChangeView {
  readonly stored: StoredChange;
  readonly rows: StoredRows;
  /** See {@link Change.changed}. */
  readonly changed: readonly string[] | null;
  readonly key: Row | null;
  /** What the application attached to the transaction. */
  readonly context: JsonValue;
  readonly change: Change;
  /** The change with only these columns in its rows; the others are not even read. */
  only(columns: ReadonlySet<string>): Change;
  /**
   * One column's value without the rest of its row; undefined when it is not known, or when there
   * is no such row (see `rows`).
   */
  value(side: 'before' | 'after', column: number): JsonValue | undefined;
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
  const view = (stored: StoredChange): ChangeView =>
    new LazyView(stored, { source, transactions, dialects, table: readerFor(stored.table) });
  return { view, decode: (stored) => view(stored).change };
}

/** What a view decodes with. */
interface Readers {
  readonly source: string;
  readonly table: TableReader;
  readonly dialects: readonly Dialect[];
  readonly transactions: TransactionReader;
}

class LazyView implements ChangeView {
  readonly stored: StoredChange;
  readonly #readers: Readers;
  #rows: StoredRows | undefined;
  #changed: readonly string[] | null | undefined;
  #change: Change | undefined;

  constructor(stored: StoredChange, readers: Readers) {
    this.stored = stored;
    this.#readers = readers;
  }

  get rows(): StoredRows {
    return (this.#rows ??= readStoredRows(this.stored.images));
  }

  get changed(): readonly string[] | null {
    if (this.#changed === undefined) this.#changed = findChanged(this);
    return this.#changed;
  }

  get key(): Row | null {
    return this.#change === undefined
      ? this.#whole(() => this.#readers.table.readKey(this.stored.key, null))
      : this.#change.key;
  }

  get context(): JsonValue {
    return this.#readers.transactions.read(this.stored).context;
  }

  get change(): Change {
    return (this.#change ??= this.#read(this.#readers.table));
  }

  only(columns: ReadonlySet<string>): Change {
    const { dialects } = this.#readers;
    const change = this.#read(new TableReader(this.stored.table, dialects, columns));
    return { ...change, changed: change.changed?.filter((name) => columns.has(name)) ?? null };
  }

  value(side: 'before' | 'after', column: number): JsonValue | undefined {
    return this.#whole(() => this.#readers.table.readValue(this.rows, side, column));
  }

  #read(table: TableReader): Change {
    const { stored } = this;
    const { source, transactions } = this.#readers;
    const { before, after } = this.#whole(() => table.read(this.rows));
    const transaction = transactions.read(stored);
    return {
      id: this.#id(),
      source,
      offset: stored.offset,
      operation: stored.operation,
      schema: stored.table.schema,
      table: stored.table.name,
      ...partitionOf(stored.table),
      key: table.readKey(stored.key, after ?? before),
      before,
      after,
      changed: this.changed,
      transaction,
    };
  }

  #id(): string {
    const { position, index } = this.#readers.transactions.read(this.stored);
    return `${this.#readers.source}:${position}:${index}`;
  }

  #whole<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (error) {
      if (!isTooLong(error)) throw error;
      const change = { id: this.#id(), table: qualifiedName(this.stored.table) };
      throw tooLarge(change, largestValue(this.stored), error);
    }
  }
}

function partitionOf({ origin }: TableDefinition): Pick<Change, 'partition'> {
  const partition = origin?.partition;
  if (partition === undefined) return {};
  return { partition: { schema: partition.schema, table: partition.name } };
}

/** The columns that an update gave another value, or null when that cannot be told. */
function findChanged({ stored, rows }: ChangeView): readonly string[] | null {
  const { before, after } = rows;
  if (before?.kind !== 'old' || after === null) return null;
  const changed: string[] = [];
  const { columns } = stored.table;
  for (let index = 0; index < columns.length; index++) {
    if (after.isUnchanged(index)) continue;
    if (before.isUnchanged(index)) return null;
    if (!after.sameCell(before, index)) changed.push(columns[index]?.name ?? '');
  }
  return changed;
}
