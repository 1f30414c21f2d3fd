import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TableId } from '../log.ts';
import { decodeRecords, keyHashes, type StoredRecord } from './block.ts';
import { blockChecksum, transactionChecksum } from './checksum.ts';
import { rows, type Value } from './database.ts';
import { WINDOW_OFFSETS } from './format.ts';
import { tableSeed } from './key-hash.ts';
import { KeyRun } from './key-run.ts';
import { toTable } from './log-view.ts';
import { readMarks } from './mark-rows.ts';

/** One thing that is wrong with a log. */
export interface LogFinding {
  /** The segment's path. */
  readonly segment: string;
  /** Where; null when it concerns the whole file. */
  readonly offset: number | null;
  readonly message: string;
}

/** What the segments before this one have led up to. */
export interface VerifiedEnd {
  /** The offset that must follow. */
  readonly end: number;
  readonly position: string | null;
  readonly latestCommit: number;
}

export interface SegmentVerification {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly before: VerifiedEnd;
  /** True when the segment is complete and all of it must be indexed. */
  readonly sealed: boolean;
  readonly report: (finding: LogFinding) => void;
  readonly onRecords: (records: number) => void;
  readonly signal: AbortSignal;
}

/** Blocks after which others have their turn: some milliseconds' worth. */
const TURN_BLOCKS = 64;

/** Walks one segment: first its transactions, then its records and what indexes them. */
export class SegmentVerifier {
  readonly #options: SegmentVerification;
  readonly #seeds = new Map<TableId, number>();
  readonly #windows = new Set<string>();
  readonly #run: KeyRun;
  /** True while the records of the present run are not all known. */
  #skipRun = false;
  #runs: readonly (readonly Value[])[] = [];

  constructor(options: SegmentVerification) {
    this.#options = options;
    this.#run = new KeyRun(options.before.end);
  }

  /** @returns where the segment ends, as its transactions and records have it. */
  async verify(): Promise<VerifiedEnd> {
    this.#checkStructure();
    this.#readTables();
    const transactions = this.#walkTransactions();
    await nextTurn();
    this.#runs = this.#rows('SELECT first, last FROM key_run ORDER BY first');
    const end = await this.#walkBlocks();
    if (end !== transactions.end) {
      const problem =
        end > transactions.end
          ? `there are records beyond the last transaction, up to offset ${end}`
          : `records are missing from offset ${end}`;
      this.#report(Math.min(end, transactions.end), problem);
    }
    this.#checkWindows();
    this.#checkRunsEnd(end);
    this.#checkProgress(transactions, this.#checkMarks(end));
    return { ...transactions, end: Math.max(end, transactions.end) };
  }

  #checkStructure(): void {
    for (const [problem] of this.#rows('PRAGMA quick_check(20)')) {
      if (problem !== 'ok') this.#report(null, `SQLite: ${String(problem)}`);
    }
  }

  #readTables(): void {
    const sql = 'SELECT id, schema, name, definition, checksum FROM table_version';
    for (const row of this.#rows(sql)) {
      try {
        const table = toTable(row, this.#options.path);
        this.#seeds.set(table.id, tableSeed(table));
      } catch (error) {
        this.#report(null, error instanceof Error ? error.message : String(error));
      }
    }
  }

  #walkTransactions(): VerifiedEnd {
    const sql = `SELECT first, last, id, position, committed_at, context, latest_commit, checksum
                 FROM txn ORDER BY first`;
    let { end, position, latestCommit } = this.#options.before;
    for (const row of this.#rows(sql)) {
      const [first, last] = row.map(Number);
      const transaction = {
        first: first ?? 0,
        last: last ?? 0,
        id: String(row[2]),
        position: String(row[3]),
        committedAt: Number(row[4]),
        context: row[5] === null ? null : String(row[5]),
      };
      const latest = Number(row[6]);
      const at = transaction.first;
      if (at > end) this.#report(end, `no transaction holds the offsets ${end} to ${at - 1}`);
      if (at < end) this.#report(at, 'a transaction begins within the one before it');
      if (transaction.last < at) this.#report(at, 'a transaction ends before it begins');
      if (position !== null && transaction.position <= position) {
        this.#report(at, `its position ${transaction.position} does not follow ${position}`);
      }
      if (latest !== Math.max(latestCommit, transaction.committedAt)) {
        this.#report(at, 'the latest commit time is wrong');
      }
      if (transactionChecksum(transaction, latest) !== row[7]) {
        this.#report(at, 'the transaction does not match its checksum');
      }
      end = transaction.last + 1;
      position = transaction.position;
      latestCommit = latest;
    }
    return { end, position, latestCommit };
  }

  /** @returns the offset after the last record. */
  async #walkBlocks(): Promise<number> {
    const { db, signal, before, onRecords } = this.#options;
    const sql = 'SELECT first, count, checksum, records, images FROM block ORDER BY first';
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    let end = before.end;
    let blocks = 0;
    for (const row of statement.iterate()) {
      end = this.#checkBlock(row as unknown as readonly Value[], end);
      onRecords(end);
      blocks += 1;
      if (blocks % TURN_BLOCKS !== 0) continue;
      await nextTurn();
      signal.throwIfAborted();
    }
    return end;
  }

  #checkBlock(row: readonly Value[], expected: number): number {
    const [first, count, checksum] = row.map(Number);
    const block = {
      first: first ?? 0,
      records: String(row[3]),
      images: row[4] instanceof Uint8Array ? row[4] : new Uint8Array(0),
    };
    const end = block.first + (count ?? 0);
    if (block.first > expected) {
      this.#report(expected, `the offsets ${expected} to ${block.first - 1} are missing`);
    } else if (block.first < expected) {
      this.#report(block.first, 'a block begins within the one before it');
    }
    if (blockChecksum(block) !== checksum) {
      this.#report(block.first, `the block of ${count} records does not match its checksum`);
      // Nothing is known of its keys, so the run that it belongs to cannot be compared.
      this.#skipRun = true;
      return end;
    }
    this.#checkRecords(block, decodeRecords(block.records), count ?? 0);
    return end;
  }

  #checkRecords(
    block: { readonly first: number; readonly images: Uint8Array },
    records: readonly StoredRecord[],
    count: number,
  ): void {
    if (records.length !== count || records.at(-1)?.[4] !== block.images.length) {
      this.#report(block.first, 'the block does not hold what it says');
    }
    const keys: number[] = [];
    const window = Math.floor(block.first / WINDOW_OFFSETS);
    for (const [index, record] of records.entries()) {
      const seed = this.#seeds.get(record[0]);
      if (seed === undefined) {
        this.#report(block.first + index, `table version ${record[0]} is missing`);
        continue;
      }
      this.#windows.add(`${record[0]}:${window}`);
      for (const hash of keyHashes(record, seed)) keys.push(hash, index);
    }
    if (this.#skipRun && !this.#atNextRun(block.first)) return;
    this.#run.add({ first: block.first, count, keys });
    this.#compareRun();
  }

  /** Passes over the runs that a damaged block belongs to. */
  #atNextRun(first: number): boolean {
    const after = this.#runs.filter(([, last]) => Number(last) >= first);
    if (after.length === this.#runs.length) return false;
    this.#runs = after;
    this.#run.restart(first);
    this.#skipRun = false;
    return true;
  }

  /** Compares a run of the key index with the one that its records make. */
  #compareRun(): void {
    const [stored, ...rest] = this.#runs;
    if (stored === undefined || this.#run.next !== Number(stored[1]) + 1) return;
    const { first } = this.#run;
    this.#runs = rest;
    const sql = 'SELECT entries FROM key_page WHERE run = ? ORDER BY low, page';
    const found = Buffer.concat(
      this.#rows(sql, Number(stored[0])).map(([entries]) =>
        entries instanceof Uint8Array ? entries : new Uint8Array(0),
      ),
    );
    const made = Buffer.concat(this.#run.take().map(({ entries }) => entries));
    if (stored[0] !== first || !found.equals(made)) {
      this.#report(first, 'the key index does not match the records');
    }
  }

  #checkRunsEnd(end: number): void {
    if (this.#skipRun) return;
    for (const [first] of this.#runs) {
      this.#report(Number(first), 'a run of the key index has no records');
    }
    if (this.#options.sealed && this.#run.first < end) {
      this.#report(this.#run.first, 'records of a sealed segment are missing in the key index');
    }
  }

  #checkWindows(): void {
    const stored = new Set<string>();
    for (const [table, window] of this.#rows('SELECT table_id, window FROM table_window')) {
      stored.add(`${String(table)}:${String(window)}`);
    }
    for (const key of this.#windows) {
      if (stored.has(key)) continue;
      const [table, window] = key.split(':');
      const offset = Number(window) * WINDOW_OFFSETS;
      this.#report(offset, `table_window lacks table version ${table}`);
    }
  }

  /** @returns the position of the newest transaction that has left a mark. */
  #checkMarks(end: number): string | null {
    let newest: string | null = null;
    try {
      for (const { offset, since, transaction } of readMarks(
        this.#options.db,
        this.#options.path,
      )) {
        if (offset > end || since > offset) {
          this.#report(offset, `a mark has no place: since ${since}, before ${offset}`);
        }
        if (transaction === null) continue;
        if (newest !== null && transaction.position < newest) {
          this.#report(offset, `a mark of ${transaction.position} follows one of ${newest}`);
        }
        newest = transaction.position;
      }
    } catch (error) {
      this.#report(null, error instanceof Error ? error.message : String(error));
    }
    return newest;
  }

  #checkProgress({ position }: VerifiedEnd, marked: string | null): void {
    const [row] = this.#rows('SELECT appended FROM progress');
    // A transaction that has nothing but marks is in no other table.
    const last = position === null || (marked !== null && marked > position) ? marked : position;
    if (row === undefined) this.#report(null, 'table progress is empty');
    else if (last !== null && row[0] !== last) {
      this.#report(null, `progress says ${String(row[0])}, the last transaction ${last}`);
    }
  }

  #report(offset: number | null, message: string): void {
    this.#options.report({ segment: this.#options.path, offset, message });
  }

  #rows(sql: string, ...values: readonly number[]): readonly (readonly Value[])[] {
    return rows(this.#options.db.prepare(sql), ...values);
  }
}
