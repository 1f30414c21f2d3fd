import type { LoggedTable, LogReader, TableId } from '../log/log.ts';

/** What the index has to know of a subscription. */
export interface IndexedReader {
  wantsTable(table: LoggedTable): boolean;
  /** Filled by the index: the table versions that may hold changes for this subscription. */
  readonly tables: Set<TableId>;
}

/**
 * Which live subscriptions may want a change, by table version.
 *
 * A subscription is asked once per table version, when either of them is new. After that a change
 * costs one look-up however many subscriptions there are that do not want it.
 */
export class TableIndex<Reader extends IndexedReader> {
  readonly #log: LogReader;
  readonly #readers = new Set<Reader>();
  readonly #isLive = new Set<Reader>();
  readonly #live = new Map<TableId, Set<Reader>>();
  readonly #known = new Map<TableId, LoggedTable>();

  constructor(log: LogReader) {
    this.#log = log;
  }

  /** Takes notice of new table versions. To be called before each read, and costs nothing then. */
  refresh(): void {
    const tables = this.#log.tables();
    if (tables.length === this.#known.size) return;
    for (const table of tables) {
      if (this.#known.has(table.id)) continue;
      this.#known.set(table.id, table);
      for (const reader of this.#readers) {
        if (!reader.wantsTable(table)) continue;
        reader.tables.add(table.id);
        if (this.#isLive.has(reader)) this.#liveOf(table.id).add(reader);
      }
    }
  }

  add(reader: Reader): void {
    this.#readers.add(reader);
    for (const table of this.#known.values()) {
      if (reader.wantsTable(table)) reader.tables.add(table.id);
    }
  }

  remove(reader: Reader): void {
    this.setLive(reader, false);
    this.#readers.delete(reader);
    reader.tables.clear();
  }

  setLive(reader: Reader, live: boolean): void {
    if (live) this.#isLive.add(reader);
    else this.#isLive.delete(reader);
    for (const id of reader.tables) {
      if (live) this.#liveOf(id).add(reader);
      else this.#live.get(id)?.delete(reader);
    }
  }

  /** How many subscriptions are live. */
  get liveCount(): number {
    return this.#isLive.size;
  }

  /** The live subscriptions, for when all of them are concerned. */
  get live(): ReadonlySet<Reader> {
    return this.#isLive;
  }

  /** The live subscriptions that may want changes of this table version. */
  interested(id: TableId): ReadonlySet<Reader> | undefined {
    return this.#live.get(id);
  }

  /** True when the subscription may want changes of every table version in the log. */
  wantsAll(reader: Reader): boolean {
    return reader.tables.size === this.#known.size;
  }

  /** The definition behind a number; undefined when the log has none. */
  table(id: TableId): LoggedTable | undefined {
    return this.#known.get(id);
  }

  #liveOf(id: TableId): Set<Reader> {
    let readers = this.#live.get(id);
    if (readers === undefined) {
      readers = new Set();
      this.#live.set(id, readers);
    }
    return readers;
  }
}
