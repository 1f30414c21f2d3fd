import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LoggedTransaction } from '../log.ts';
import type { Block } from './block.ts';
import { blockChecksum } from './checksum.ts';
import { openForReading, prepareRows, rows, type Value } from './database.ts';
import { corrupt, toLogError, withLogErrors } from './errors.ts';
import { IS_LARGE, LARGE_TRANSACTION, WINDOW_OFFSETS } from './format.ts';
import { distancesOf } from './key-run.ts';

/** A run of the key index: it covers the offsets `first` to `last`. */
export interface RunRange {
  readonly first: number;
  readonly last: number;
}

const TRANSACTION = 'SELECT first, last, id, position, committed_at, context FROM txn';

/** One segment's file, open for reading. Every call sees what was committed when it was made. */
export class SegmentReader implements Disposable {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.path = path;
    this.#db = openForReading(path);
  }

  [Symbol.dispose](): void {
    if (this.#db.isOpen) this.#db.close();
  }

  /**
   * The blocks that hold the offsets from `from` on and begin before `end`, in order.
   * @throws TidingsError `LOG_CORRUPT` when a block does not match its checksum.
   */
  *blocks(from: number, end: number): Generator<Block> {
    const statement = this.#prepare(
      `SELECT first, count, checksum, records, images FROM block
       WHERE first >= coalesce((SELECT max(first) FROM block WHERE first <= ?1), ?1) AND first < ?2
       ORDER BY first`,
    );
    try {
      for (const row of statement.iterate(from, end)) {
        // The types of node:sqlite know only rows as objects.
        yield this.#toBlock(row as unknown as readonly Value[]);
      }
    } catch (error) {
      throw toLogError(error, this.path);
    }
  }

  /**
   * Where reading goes on for these tables: the first offset from `from` on that may be theirs.
   * Null when the rest of the segment has none of them.
   * @param tables JSON array of table numbers.
   * @returns the range of block beginnings to look at; `first` is at most `from` in its own stretch.
   */
  nextWindow(
    tables: string,
    from: number,
  ): { readonly first: number; readonly end: number } | null {
    const begin = Number(this.#rows('SELECT max(first) FROM block WHERE first <= ?', from)[0]?.[0]);
    const window = this.#rows(
      `SELECT min((SELECT window FROM table_window
                   WHERE table_id = wanted.value AND window >= ?2 ORDER BY window LIMIT 1))
       FROM json_each(?1) AS wanted`,
      tables,
      Math.floor(begin / WINDOW_OFFSETS),
    )[0]?.[0];
    if (typeof window !== 'number') return null;
    const first = Math.max(from, window * WINDOW_OFFSETS);
    return { first, end: (window + 1) * WINDOW_OFFSETS };
  }

  /** The transactions that hold the offsets from `from` to `to`, both included, in order. */
  transactions(from: number, to: number): LoggedTransaction[] {
    const sql = `${TRANSACTION}
      WHERE first >= coalesce((SELECT max(first) FROM txn WHERE first <= ?1), ?1) AND first <= ?2
      ORDER BY first`;
    return this.#rows(sql, from, to).map(toTransaction);
  }

  /** The offset after the last transaction below `end` up to a position; null when there is none. */
  endUpTo(position: string, end: number): number | null {
    // Backwards from the newest: what is asked for is rarely long ago.
    const sql = `SELECT last + 1 FROM txn WHERE first < ? AND position <= ?
      ORDER BY first DESC LIMIT 1`;
    const found = this.#rows(sql, end, position)[0]?.[0];
    return typeof found === 'number' ? found : null;
  }

  transactionsById(id: string): LoggedTransaction[] {
    return this.#rows(`${TRANSACTION} WHERE id = ? ORDER BY first DESC`, id).map(toTransaction);
  }

  /** The newest ones below `end`, newest first. */
  lastTransactions(end: number, limit: number): LoggedTransaction[] {
    const sql = `${TRANSACTION} WHERE first < ? ORDER BY first DESC LIMIT ?`;
    return this.#rows(sql, end, limit).map(toTransaction);
  }

  /** Those that begin in the range and match, newest first. */
  findTransactions(
    range: { readonly from: number; readonly to: number },
    wanted: { readonly minRecords: number; readonly contextWith: string | null },
    limit: number,
  ): LoggedTransaction[] {
    const { minRecords, contextWith } = wanted;
    const conditions = ['first >= ? AND first < ?'];
    const values: (string | number)[] = [range.from, range.to];
    // An index is used when its own condition is part of the query; that of large ones is the better.
    if (minRecords >= LARGE_TRANSACTION) conditions.push(IS_LARGE);
    else if (contextWith !== null) conditions.push('context IS NOT NULL');
    if (minRecords > 1) {
      conditions.push('last - first + 1 >= ?');
      values.push(minRecords);
    }
    if (contextWith !== null) {
      conditions.push('instr(context, ?)');
      values.push(contextWith);
    }
    const sql = `${TRANSACTION} WHERE ${conditions.join(' AND ')} ORDER BY first DESC LIMIT ?`;
    return this.#rows(sql, ...values, limit).map(toTransaction);
  }

  /** When the log became complete, where this segment knows; else when the segment was made. */
  beginning(): string | null {
    const sql = `SELECT value FROM meta WHERE name IN ('began', 'created') ORDER BY name LIMIT 1`;
    const value = this.#rows(sql)[0]?.[0];
    return typeof value === 'string' ? value : null;
  }

  /** The latest commit time in the log up to the segment's end; microseconds. */
  latestCommit(): number {
    return Number(this.#rows('SELECT latest_commit FROM progress')[0]?.[0] ?? 0);
  }

  /** The first offset whose transaction committed at or after this time; null when there is none. */
  offsetAt(committedAt: number): number | null {
    // `latest_commit` never falls, so it can be searched by halves although commit times may fall.
    const sql =
      'SELECT first, last, latest_commit FROM txn WHERE first <= ? ORDER BY first DESC LIMIT 1';
    const [bounds] = this.#rows('SELECT min(first), max(first) FROM txn');
    if (typeof bounds?.[0] !== 'number') return null;
    let low = bounds[0];
    let high = Number(bounds[1]) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#rows(sql, middle)[0];
      if (Number(row?.[2]) >= committedAt) high = Number(row?.[0]);
      else low = Number(row?.[1]) + 1;
    }
    return low > Number(bounds[1]) ? null : low;
  }

  /** The runs of the key index that end at or after `from`, in order. */
  runs(from: number): RunRange[] {
    const sql = 'SELECT first, last FROM key_run WHERE last >= ? ORDER BY first';
    return this.#rows(sql, from).map(([first, last]) => ({
      first: Number(first),
      last: Number(last),
    }));
  }

  /** The offsets in a run whose records may have a key with this hash, ascending. */
  keyed(run: RunRange, hash: number): number[] {
    const before = `SELECT entries FROM key_page WHERE run = ? AND low < ?
                    ORDER BY low DESC, page DESC LIMIT 1`;
    const same = 'SELECT entries FROM key_page WHERE run = ? AND low = ? ORDER BY page';
    const pages = [...this.#rows(before, run.first, hash), ...this.#rows(same, run.first, hash)];
    const offsets: number[] = [];
    for (const [entries] of pages) {
      if (!(entries instanceof Uint8Array)) continue;
      for (const distance of distancesOf(entries, hash)) offsets.push(run.first + distance);
    }
    return offsets;
  }

  #toBlock([first, count, checksum, records, images]: readonly Value[]): Block {
    const block = {
      first: Number(first),
      count: Number(count),
      checksum: Number(checksum),
      records: String(records),
      images: images instanceof Uint8Array ? images : new Uint8Array(0),
    };
    if (blockChecksum(block) !== block.checksum) {
      throw corrupt(this.path, `the block at offset ${block.first} does not match its checksum`);
    }
    return block;
  }

  #rows(sql: string, ...values: readonly (string | number)[]): readonly (readonly Value[])[] {
    return withLogErrors(this.path, () => rows(this.#prepare(sql), ...values));
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = withLogErrors(this.path, () => prepareRows(this.#db, sql));
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function toTransaction(row: readonly Value[]): LoggedTransaction {
  const [first, last, id, position, committedAt, context] = row;
  return {
    first: Number(first),
    last: Number(last),
    id: String(id),
    position: String(position),
    committedAt: Number(committedAt),
    context: typeof context === 'string' ? context : null,
  };
}
