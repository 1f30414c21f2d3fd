import type { CapturedChange, TransactionEnd } from '../../src/change/captured.ts';
import type { MarkFound, TableMark } from '../../src/change/mark.ts';
import { decodeImages, type RowImages } from '../../src/change/row-images.ts';
import type { TableDefinition } from '../../src/change/table.ts';
import type { ChangeReceiver, LostChanges } from '../../src/source/source.ts';

/** A change as a receiver got it, its images decoded. */
export interface RecordedChange extends RowImages {
  readonly table: TableDefinition;
  readonly operation: CapturedChange['operation'];
  readonly key: string | null;
  readonly previousKey: string | null;
}

/** A mark as a receiver got it: in the transaction at this position, or found by comparing. */
export interface RecordedMark extends TableMark {
  readonly position: string | null;
  readonly found: MarkFound | null;
}

export interface RecordedTransaction extends TransactionEnd {
  readonly id: string;
  readonly position: string;
  readonly reached: string;
  readonly changes: readonly RecordedChange[];
}

/**
 * Keeps what a source streams, and checks the port's rules on the way: changes only within a
 * transaction, nothing after an end, positions that grow.
 */
export class RecordingReceiver implements ChangeReceiver {
  readonly tables: TableDefinition[] = [];
  readonly transactions: RecordedTransaction[] = [];
  readonly marks: RecordedMark[] = [];
  readonly losses: LostChanges[] = [];
  readonly idles: string[] = [];
  streams = 0;
  abandoned = 0;
  bursts = 0;
  /** Decides about each transaction; default: take it. */
  wants: (position: string) => boolean = () => true;
  /** Called for every change as it comes. */
  onChange: (change: RecordedChange) => void = () => undefined;
  /** What `burst` returns. */
  onBurst: () => Promise<void> | undefined = () => undefined;
  /** False: transactions without changes and context leave no trace, as in the log. */
  keepsEmpty = true;
  /** False for streams that were damaged on purpose. */
  checksOrder = true;
  #open: {
    id: string;
    position: string;
    changes: RecordedChange[];
    marks: RecordedMark[];
  } | null = null;
  #reached = '';

  get open(): boolean {
    return this.#open !== null;
  }

  /** The newest position behind a transaction or an idle stretch. */
  get reached(): string {
    return this.#reached;
  }

  /** All changes of whole transactions. */
  get changes(): readonly RecordedChange[] {
    return this.transactions.flatMap((transaction) => transaction.changes);
  }

  streaming(): void {
    this.streams += 1;
  }

  table(definition: TableDefinition): number {
    return this.tables.push(definition) - 1;
  }

  begin(transaction: { readonly id: string; readonly position: string }): boolean {
    if (this.#open !== null) throw new Error('begin within a transaction');
    if (!this.wants(transaction.position)) return false;
    this.#open = { ...transaction, changes: [], marks: [] };
    return true;
  }

  change(change: CapturedChange): void {
    if (this.#open === null) throw new Error('a change outside of a transaction');
    const table = this.tables[change.table];
    if (table === undefined) throw new Error(`a change of the unknown table ${change.table}`);
    // The images themselves are not kept: their memory is reused after the call.
    const { operation, key, previousKey, images } = change;
    const recorded = { ...decodeImages(images), table, operation, key, previousKey };
    this.onChange(recorded);
    this.#open.changes.push(recorded);
  }

  mark(mark: TableMark, found?: MarkFound): void {
    if (found === undefined) {
      if (this.#open === null) throw new Error('a mark outside of a transaction');
      this.#open.marks.push({ ...mark, position: this.#open.position, found: null });
      return;
    }
    if (this.#open !== null) throw new Error('a found mark within a transaction');
    this.marks.push({ ...mark, position: null, found });
  }

  commit(end: TransactionEnd, reached: string): void {
    if (this.#open === null) throw new Error('a commit outside of a transaction');
    this.#reach(reached);
    const { marks, ...open } = this.#open;
    this.marks.push(...marks);
    const transaction = { ...open, ...end, reached };
    this.#open = null;
    const empty = transaction.changes.length === 0 && transaction.context === null;
    if (!empty || this.keepsEmpty) this.transactions.push(transaction);
  }

  abandon(): void {
    if (this.#open === null) throw new Error('abandon outside of a transaction');
    this.#open = null;
    this.abandoned += 1;
  }

  lost(changes: LostChanges): void {
    if (this.#open !== null) throw new Error('a loss within a transaction');
    this.losses.push(changes);
  }

  idle(reached: string): void {
    if (this.#open !== null) throw new Error('idle within a transaction');
    this.#reach(reached);
    this.idles.push(reached);
  }

  burst(): Promise<void> | undefined {
    this.bursts += 1;
    return this.onBurst();
  }

  #reach(position: string): void {
    if (this.checksOrder && position < this.#reached)
      throw new Error(`${position} after ${this.#reached}`);
    this.#reached = position;
  }
}
