import type { CapturedChange, TransactionEnd } from '../../change/captured.ts';
import type { MarkFound, TableMark } from '../../change/mark.ts';
import type { TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LogFork, LogGap, LogWriter, TableId } from '../log.ts';
import type { OnCommitPoint } from './commit-points.ts';
import { toLogError } from './errors.ts';
import { MAX_IMAGE_BYTES } from './format.ts';
import type { LogState, ViewHolder } from './log-view.ts';
import { marksFrom } from './mark-rows.ts';
import { offsetAfter } from './offset-after.ts';
import { PendingBatch } from './pending-batch.ts';
import { PendingMarks } from './pending-marks.ts';
import { SegmentChain } from './segment-chain.ts';
import { TableCatalogue } from './table-catalogue.ts';

export interface SqliteWriterOptions {
  readonly directory: string;
  readonly source: string;
  readonly segmentBytes: number;
  /** Bytes of records held in memory; more go to disk before they are whole. */
  readonly memoryBytes: number;
  readonly holder: ViewHolder;
  /** Closes this process's connections to a segment, so that it can be sealed. */
  readonly closeReader: (first: number) => void;
  readonly onCommitPoint: OnCommitPoint;
}

/**
 * Bytes after which records of a large transaction go on to its file. Held for longer, they would
 * outlive several garbage collections, and V8 would answer with 100 MB more of young heap.
 */
const STRAIGHT_BYTES = 256 * 1024;

/** What was collected when the disk failed, and has to come again from the source. */
interface Lost {
  readonly error: unknown;
  /** The position of the first transaction that was lost. */
  readonly from: string;
}

/**
 * Collects transactions in memory and writes them on `flush`. What exceeds the memory goes to disk
 * earlier: whole transactions into SQLite's uncommitted transaction, a transaction that is too large
 * by itself into a segment of its own that nobody sees until it is whole (invariant 2).
 */
export class SqliteLogWriter implements LogWriter {
  readonly #options: SqliteWriterOptions;
  readonly #catalogue: TableCatalogue;
  readonly #batch: PendingBatch;
  readonly #chain: SegmentChain;
  #state: LogState;
  #gaps: LogGap[] = [];
  #forks: LogFork[] = [];
  readonly #marks = new PendingMarks();
  #openTransaction: { readonly id: string; readonly position: string } | null = null;
  #firstPosition: string | null = null;
  #lost: Lost | null = null;
  durableTransactions = 0;

  constructor(options: SqliteWriterOptions) {
    const { view } = options.holder;
    this.#options = options;
    this.#catalogue = new TableCatalogue(view.tables);
    const seedOf = (id: TableId): number => this.#catalogue.seedOf(id);
    this.#batch = new PendingBatch(view.head, seedOf);
    this.#state = view.state;
    this.#chain = new SegmentChain({ ...options, seedOf });
  }

  get pending(): { readonly records: number; readonly transactions: number } {
    const records = this.#batch.next - this.#options.holder.view.head;
    return { records, transactions: this.#wholeTransactions };
  }

  defineTable(table: TableDefinition): TableId {
    return this.#catalogue.define(table);
  }

  begin(transaction: { readonly id: string; readonly position: string }): boolean {
    this.#expectReturn(transaction.position);
    const { appended } = this.#state;
    if (appended !== null && transaction.position <= appended) return false;
    if (this.#openTransaction !== null) throw new Error('A transaction is open already');
    this.#batch.begin(transaction);
    this.#openTransaction = transaction;
    this.#firstPosition ??= transaction.position;
    return true;
  }

  append(change: CapturedChange): void {
    this.#requireOpen();
    const bytes = change.images.length;
    if (bytes > MAX_IMAGE_BYTES) {
      throw new TidingsError('LOG_RECORD_TOO_LARGE', { bytes, limit: MAX_IMAGE_BYTES });
    }
    // One that exceeds the memory by itself goes on to its file before this returns.
    this.#batch.add(change, { isStoredAtOnce: bytes >= this.#limit });
    if (this.#batch.bytes >= this.#limit) this.#guard(() => this.#spill());
  }

  mark(mark: TableMark, found?: MarkFound): void {
    const offset = this.#batch.next;
    if (found === undefined) {
      this.#requireOpen();
      this.#marks.add(mark, offset);
      return;
    }
    if (this.#lost !== null) throw this.#lost.error;
    if (this.#openTransaction !== null) throw new Error('A found mark lies between transactions');
    this.#marks.addFound(mark, { ...found, offset, stored: this.#options.holder.view.marks });
  }

  commit(end: TransactionEnd): void {
    const transaction = this.#requireOpen();
    const { position } = transaction;
    this.#openTransaction = null;
    const hasRecords = this.#batch.commit(end) !== null;
    const hasMarks = this.#marks.commit(transaction, end, hasRecords);
    if (!hasRecords && !hasMarks) return;
    this.#state = { ...this.#state, appended: position, reached: later(this.#state, position) };
  }

  abandon(): void {
    this.#lost = null;
    this.#openTransaction = null;
    this.#chain.dropUnfinished(this.#batch.openFirst);
    this.#batch.abandon();
    this.#marks.abandon();
    if (this.#wholeTransactions === 0) this.#firstPosition = null;
  }

  reached(position: string): void {
    // What a failure lost lies before this position.
    if (this.#lost !== null) return;
    this.#state = { ...this.#state, reached: later(this.#state, position) };
  }

  recordGap(gap: Omit<LogGap, 'offset'>): void {
    // The position behind it would hide what a failure lost.
    if (this.#lost !== null) throw this.#lost.error;
    this.#gaps.push({ ...gap, offset: this.#batch.next });
  }

  lineage(text: string): void {
    this.#state = { ...this.#state, lineage: text };
  }

  recordFork(fork: Omit<LogFork, 'offset'>): void {
    const { pending } = this;
    if (pending.records > 0 || pending.transactions > 0)
      throw new Error('Transactions are pending');
    this.#forks.push({ ...fork, offset: this.#batch.next });
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise; SQLite is synchronous.
  async flush(): Promise<void> {
    this.#guard(() => this.#commitBatch());
  }

  /** Removes all segments that lie below this offset. */
  trim(before: number): void {
    const nothingPending = this.#batch.next === this.#options.holder.view.head;
    if (before >= this.#options.holder.view.head && nothingPending) {
      // The newest segment cannot be removed, so an empty one takes its place.
      this.#guard(() => this.#chain.roll(this.#origin()));
    }
    this.#chain.trim(before);
  }

  /** Drops what was not flushed and closes the log's last file. */
  close(): void {
    this.#batch.clear(this.#options.holder.view.head);
    this.#chain.close();
  }

  /** Everything up to the last whole transaction becomes durable, then visible. */
  #commitBatch(): void {
    const { holder } = this.#options;
    const { transactions } = this.#batch;
    const notes = this.#gaps.length + this.#forks.length;
    if (transactions.length === 0 && notes === 0 && this.#marks.isEmpty && !this.#moved) return;
    const open = this.#batch.openFirst;
    const blocks = this.#batch.takeWhole();
    const segment = this.#chain.target(open, this.#origin());
    segment.insertTables(this.#catalogue.fresh);
    if (blocks.length > 0) segment.insertBlocks(blocks);
    const latestCommit = segment.insertTransactions(transactions, this.#state.latestCommit);
    segment.insertGaps(this.#gaps);
    segment.insertForks(this.#forks);
    const fresh = this.#marks.whole((position) => offsetAfter(position, holder.view, transactions));
    segment.insertMarks(fresh);
    const state = { ...this.#state, latestCommit };
    segment.setState(state);
    this.#chain.commit(segment, () => {
      this.#state = state;
      this.#catalogue.flushed();
      this.durableTransactions += transactions.length;
      this.#batch.flushed();
      this.#firstPosition = this.#openTransaction?.position ?? null;
      const gaps = [...holder.view.gaps, ...this.#gaps];
      this.#gaps = [];
      const forks = [...holder.view.forks, ...this.#forks];
      this.#forks = [];
      const marks = fresh.length === 0 ? holder.view.marks : [...holder.view.marks, ...fresh];
      this.#marks.flushed();
      const head = open ?? this.#batch.next;
      const tables = this.#catalogue.stored;
      holder.view = { ...holder.view, head, state, gaps, forks, marks, tables };
    });
  }

  /** Makes room in memory. */
  #spill(): void {
    const open = this.#batch.openFirst;
    const blocks = this.#batch.takeWhole();
    if (blocks.length > 0) this.#chain.target(open, this.#origin()).insertBlocks(blocks);
    const { memoryBytes } = this.#options;
    if (open === null || this.#batch.bytes < this.#limit) return;
    if (!this.#chain.isUnfinished(open)) {
      // What came before must not wait for a transaction that may take hours.
      this.#commitBatch();
      this.#chain.startUnfinished({ ...this.#origin(), first: open });
    }
    this.#chain.appendUnfinished(this.#batch.takeAll(), memoryBytes);
  }

  /** Bytes in memory at which room is made: few once a large transaction has its file. */
  get #limit(): number {
    const { memoryBytes } = this.#options;
    const { openFirst } = this.#batch;
    const hasFile = openFirst !== null && this.#chain.isUnfinished(openFirst);
    return hasFile ? Math.min(memoryBytes, STRAIGHT_BYTES) : memoryBytes;
  }

  #origin(): Parameters<SegmentChain['roll']>[0] {
    const { directory, source, holder } = this.#options;
    const { head, gaps, forks, marks, state, segments } = holder.view;
    const tables = [...this.#catalogue.stored, ...this.#catalogue.fresh];
    const floor = segments[0]?.first ?? 0;
    const needed = marksFrom(marks, floor);
    return { directory, source, first: head, state, tables, gaps, forks, marks: needed };
  }

  /**
   * After a failure the writer is where the last flush left it. It takes nothing that comes after
   * what was lost: that would be a hole (invariant 3).
   */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      const named = toLogError(error, this.#options.directory);
      const { holder } = this.#options;
      const from = this.#firstPosition;
      this.#lost = from === null ? null : { error: named, from };
      this.#chain.reset();
      this.#batch.clear(holder.view.head);
      this.#state = holder.view.state;
      this.#gaps = [];
      this.#forks = [];
      this.#marks.clear();
      this.#openTransaction = null;
      this.#firstPosition = null;
      throw named;
    }
  }

  /** The source, begun again, first sends what was lost. Until then nothing is taken. */
  #expectReturn(position: string): void {
    if (this.#lost === null) return;
    const { from, error } = this.#lost;
    if (position > from) throw error;
    this.#lost = null;
  }

  #requireOpen(): { readonly id: string; readonly position: string } {
    if (this.#lost !== null) throw this.#lost.error;
    if (this.#openTransaction === null) throw new Error('No transaction is open');
    return this.#openTransaction;
  }

  /** True when the state says something new. */
  get #moved(): boolean {
    const { state } = this.#options.holder.view;
    return this.#state.reached !== state.reached || this.#state.lineage !== state.lineage;
  }

  /** Whole transactions that are not flushed, those that have nothing but marks too. */
  get #wholeTransactions(): number {
    return this.#batch.transactions.length + this.#marks.transactions;
  }
}

function later({ reached }: LogState, position: string): string {
  return reached === null || position > reached ? position : reached;
}
