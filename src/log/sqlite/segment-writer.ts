import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type {
  LogFork,
  LogGap,
  LoggedMark,
  LoggedTable,
  LoggedTransaction,
  TableId,
} from '../log.ts';
import { decodeRecords, keyHashes, type NewBlock, recycle } from './block.ts';
import { BulkInsert } from './bulk-insert.ts';
import { tableChecksum, transactionChecksum } from './checksum.ts';
import type { OnCommitPoint } from './commit-points.ts';
import { openForWriting, openPart, readNumber, rows } from './database.ts';
import { toLogError, withLogErrors } from './errors.ts';
import { FORMAT, PART_SUFFIX, SCHEMA, segmentName, WINDOW_OFFSETS } from './format.ts';
import { KeyRun } from './key-run.ts';
import type { LogState } from './log-view.ts';
import { markValues } from './mark-rows.ts';
import { removeDatabase, syncDirectory } from './segment-files.ts';

/** What a new segment starts with. */
export interface SegmentOrigin {
  readonly directory: string;
  readonly source: string;
  readonly first: number;
  readonly state: LogState;
  readonly tables: readonly LoggedTable[];
  readonly gaps: readonly LogGap[];
  readonly forks: readonly LogFork[];
  readonly marks: readonly LoggedMark[];
}

interface Statements {
  readonly block: StatementSync;
  readonly window: StatementSync;
  readonly transaction: BulkInsert;
  readonly table: StatementSync;
  readonly gap: StatementSync;
  readonly fork: StatementSync;
  readonly mark: StatementSync;
  readonly progress: StatementSync;
  readonly run: StatementSync;
  readonly page: StatementSync;
}

/**
 * The segment at the end of a log, being written. Everything between two commits is one SQLite
 * transaction, so a segment that readers see only ever holds whole transactions (invariant 2).
 * After an error call `rollback`, or `discard` if it is not published.
 */
export class SegmentWriter {
  readonly first: number;
  readonly path: string;
  readonly #directory: string;
  readonly #seedOf: (table: TableId) => number;
  readonly #run: KeyRun;
  /** The newest stretch of offsets that each table is noted for. */
  readonly #windows = new Map<TableId, number>();
  #connection: { readonly db: DatabaseSync; readonly statements: Statements } | null = null;
  #published: boolean;
  #synced = true;
  #began = false;

  /** For the published segment that begins at `first`; opened when it is needed. */
  constructor(directory: string, first: number, seedOf: (table: TableId) => number) {
    this.first = first;
    this.path = join(directory, segmentName(first));
    this.#directory = directory;
    this.#seedOf = seedOf;
    this.#run = new KeyRun(first);
    this.#published = true;
  }

  /** Makes a segment that nobody sees before `publish`. */
  static create(origin: SegmentOrigin, seedOf: (table: TableId) => number): SegmentWriter {
    const segment = new SegmentWriter(origin.directory, origin.first, seedOf);
    segment.#published = false;
    const { partPath } = segment;
    withLogErrors(partPath, () => {
      removeDatabase(partPath);
      try {
        const db = openPart(partPath);
        db.exec(`BEGIN; ${SCHEMA}`);
        segment.#connection = { db, statements: prepare(db) };
        segment.#writeOrigin(db, origin);
      } catch (error) {
        segment.discard();
        throw error;
      }
    });
    return segment;
  }

  get partPath(): string {
    return `${this.path}${PART_SUFFIX}`;
  }

  get published(): boolean {
    return this.#published;
  }

  /** True while something is written and not committed. */
  get dirty(): boolean {
    return this.#connection?.db.isTransaction === true;
  }

  /** The size of the database without its WAL. */
  get bytes(): number {
    const { db } = this.#open();
    return readNumber(db, 'PRAGMA page_count') * readNumber(db, 'PRAGMA page_size');
  }

  /**
   * Takes the file into WAL mode, if it is not yet. A plain file counts as sealed, so this has to be
   * done before another segment follows.
   */
  open(): void {
    this.#open();
  }

  /** Stores blocks and what the indexes need of them; their memory is used again. */
  insertBlocks(blocks: readonly NewBlock[]): void {
    const { statements } = this.#begin();
    for (const block of blocks) {
      const { first, count, checksum, records, images } = block;
      statements.block.run(first, count, checksum, records, images);
      const window = Math.floor(first / WINDOW_OFFSETS);
      for (const table of block.tables) {
        if (this.#windows.get(table) === window) continue;
        statements.window.run(table, window);
        this.#windows.set(table, window);
      }
      this.#run.add(block);
      if (this.#run.full) this.#writeRun();
      recycle(block);
    }
  }

  /** @returns the latest commit time, these transactions' included. */
  insertTransactions(transactions: readonly LoggedTransaction[], latestBefore: number): number {
    if (transactions.length === 0) return latestBefore;
    const { transaction: insert } = this.#begin().statements;
    let latest = latestBefore;
    for (const transaction of transactions) {
      const { first, last, id, position, committedAt, context } = transaction;
      latest = Math.max(latest, committedAt);
      const checksum = transactionChecksum(transaction, latest);
      insert.add(first, last, id, position, committedAt, latest, context, checksum);
    }
    insert.finish();
    return latest;
  }

  insertTables(tables: readonly LoggedTable[]): void {
    if (tables.length === 0) return;
    const { statements } = this.#begin();
    for (const table of tables) {
      const { id, schema, name, ...definition } = table;
      const text = JSON.stringify(definition);
      statements.table.run(id, schema, name, text, tableChecksum(table, text));
    }
  }

  insertGaps(gaps: readonly LogGap[]): void {
    if (gaps.length === 0) return;
    const { statements } = this.#begin();
    for (const { offset, from, to, reason, at } of gaps) {
      statements.gap.run(offset, from, to, reason, at);
    }
  }

  insertForks(forks: readonly LogFork[]): void {
    if (forks.length === 0) return;
    const { statements } = this.#begin();
    for (const { offset, abandoned, from, to, reason, at } of forks) {
      statements.fork.run(offset, abandoned, from, to, reason, at);
    }
  }

  insertMarks(marks: readonly LoggedMark[]): void {
    if (marks.length === 0) return;
    const { statements } = this.#begin();
    for (const mark of marks) statements.mark.run(...markValues(mark));
  }

  setState(state: LogState): void {
    const { db, statements } = this.#begin();
    statements.progress.run(state.reached, state.appended, state.latestCommit, state.lineage);
    if (this.first === 0 && state.reached !== null) this.#noteBeginning(db);
  }

  commit(): void {
    if (this.dirty) this.#connection?.db.exec('COMMIT');
  }

  /** Undoes what was not committed. Only for a published segment: another has no journal. */
  rollback(): void {
    if (this.#connection === null) return;
    const { db } = this.#connection;
    this.#began = false;
    try {
      // After some errors SQLite has rolled back by itself.
      if (db.isTransaction) db.exec('ROLLBACK');
      this.#load(db);
    } catch {
      // A connection that cannot even do this is given up; the next use opens the file again, and
      // says what is wrong with it.
      this.#disconnect();
    }
  }

  /** Makes a finished segment part of the log; `settle` completes it. */
  publish(): void {
    // From its first moment on, a segment in WAL mode is one that is not sealed.
    withLogErrors(this.partPath, () => this.#connection?.db.exec('PRAGMA journal_mode = WAL'));
    this.#disconnect();
    renameSync(this.partPath, this.path);
    this.#published = true;
    this.#synced = false;
  }

  /** Makes the segment's name durable. Until this has succeeded nothing can be committed to it. */
  settle(): void {
    if (this.#synced) return;
    withLogErrors(this.path, () => syncDirectory(this.#directory));
    this.#synced = true;
  }

  /**
   * Turns the segment into one plain file that never changes again.
   * @returns false when another process reads it just now; then it has to be tried again later.
   */
  seal(onCommitPoint: OnCommitPoint): boolean {
    return withLogErrors(this.path, () => {
      try {
        const { db } = this.#begin();
        this.#complete(db);
        onCommitPoint('log 6: segment completed');
        // Whoever reads just now may go on reading: waiting here would hold up capture.
        return leaveWal(db, 0, onCommitPoint);
      } finally {
        this.#disconnect();
      }
    });
  }

  /**
   * Closes the log's newest segment, as a plain file; what was not committed is dropped.
   * @param patience how long other processes that read it are waited for, milliseconds.
   * @returns false when one of them still reads it; then its WAL stays beside it.
   */
  close(patience = 0): boolean {
    return withLogErrors(this.path, () => {
      try {
        const { db } = this.#open();
        if (db.isTransaction) db.exec('ROLLBACK');
        return leaveWal(db, patience, () => undefined);
      } finally {
        this.#disconnect();
      }
    });
  }

  /** Drops a segment that was not published, whatever its size. */
  discard(): void {
    this.#disconnect();
    removeDatabase(this.partPath);
  }

  #open(): { readonly db: DatabaseSync; readonly statements: Statements } {
    if (this.#connection !== null) return this.#connection;
    this.settle();
    const db = openForWriting(this.path);
    try {
      this.#load(db);
      this.#connection = { db, statements: prepare(db) };
      return this.#connection;
    } catch (error) {
      db.close();
      throw toLogError(error, this.path);
    }
  }

  #begin(): { readonly db: DatabaseSync; readonly statements: Statements } {
    const connection = this.#open();
    if (!connection.db.isTransaction) connection.db.exec('BEGIN IMMEDIATE');
    return connection;
  }

  /** From the first reached position on the log is complete; before it, nobody was capturing. */
  #noteBeginning(db: DatabaseSync): void {
    if (this.#began) return;
    db.prepare(`INSERT OR IGNORE INTO meta VALUES ('began', ?)`).run(new Date().toISOString());
    this.#began = true;
  }

  #disconnect(): void {
    this.#connection?.db.close();
    this.#connection = null;
  }

  #complete(db: DatabaseSync): void {
    if (this.#run.next > this.#run.first) this.#writeRun();
    const sealed = `INSERT OR IGNORE INTO meta VALUES ('sealed', ?)`;
    db.prepare(sealed).run(new Date().toISOString());
    db.exec('COMMIT');
  }

  #writeRun(): void {
    const { statements } = this.#begin();
    const { first, next } = this.#run;
    statements.run.run(first, next - 1);
    for (const { page, low, entries } of this.#run.take()) {
      statements.page.run(first, low, page, entries);
    }
  }

  #writeOrigin(db: DatabaseSync, origin: SegmentOrigin): void {
    const meta = db.prepare('INSERT INTO meta VALUES (?, ?)');
    meta.run('format', FORMAT);
    meta.run('source', origin.source);
    meta.run('first', origin.first);
    meta.run('created', new Date().toISOString());
    this.insertTables(origin.tables);
    this.insertGaps(origin.gaps);
    this.insertForks(origin.forks);
    this.insertMarks(origin.marks);
    this.setState(origin.state);
  }

  /** Finds out what was noted, and which records are in no run of the key index yet. */
  #load(db: DatabaseSync): void {
    this.#windows.clear();
    const indexed = rows(db.prepare('SELECT max(last) FROM key_run')).at(0)?.[0];
    this.#run.restart(typeof indexed === 'number' ? indexed + 1 : this.first);
    const select = db.prepare('SELECT first, count, records FROM block WHERE first >= ?');
    for (const [first, count, text] of rows(select, this.#run.next)) {
      const keys: number[] = [];
      for (const [index, record] of decodeRecords(String(text)).entries()) {
        for (const hash of keyHashes(record, this.#seedOf(record[0]))) keys.push(hash, index);
      }
      this.#run.add({ first: Number(first), count: Number(count), keys });
    }
  }
}

function prepare(db: DatabaseSync): Statements {
  return {
    block: db.prepare('INSERT INTO block VALUES (?, ?, ?, ?, ?)'),
    window: db.prepare('INSERT OR IGNORE INTO table_window VALUES (?, ?)'),
    transaction: new BulkInsert(db, 'txn', 8),
    table: db.prepare('INSERT OR IGNORE INTO table_version VALUES (?, ?, ?, ?, ?)'),
    gap: db.prepare('INSERT INTO gap VALUES (?, ?, ?, ?, ?)'),
    fork: db.prepare('INSERT INTO fork VALUES (?, ?, ?, ?, ?, ?)'),
    mark: db.prepare(`INSERT INTO mark VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)`),
    progress: db.prepare('REPLACE INTO progress VALUES (1, ?, ?, ?, ?)'),
    run: db.prepare('INSERT INTO key_run VALUES (?, ?)'),
    page: db.prepare('INSERT INTO key_page VALUES (?, ?, ?, ?)'),
  };
}

/**
 * Makes a database in WAL mode one plain file, which opening for reading leaves as it is.
 * @returns false when another process has it open.
 */
function leaveWal(db: DatabaseSync, patience: number, onCommitPoint: OnCommitPoint): boolean {
  db.exec(`PRAGMA busy_timeout = ${patience}`);
  const [checkpoint] = rows(db.prepare('PRAGMA wal_checkpoint(TRUNCATE)'));
  if (checkpoint?.[0] !== 0) return false;
  onCommitPoint('log 7: segment checkpointed');
  try {
    db.exec('PRAGMA journal_mode = DELETE');
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
  onCommitPoint('log 8: segment sealed');
  return true;
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
