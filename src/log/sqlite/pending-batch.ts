import type { CapturedChange, TransactionEnd } from '../../change/captured.ts';
import type { LoggedTransaction, TableId } from '../log.ts';
import { type NewBlock, OpenBlock, recycle } from './block.ts';

/** Where the open transaction began, in terms of what is held in memory. */
interface Beginning {
  readonly id: string;
  readonly position: string;
  readonly first: number;
  /** So many full blocks precede it. */
  blocks: number;
  /** So many records of the open block precede it. */
  records: number;
}

/**
 * What the writer has collected and no segment has yet. A full block never holds records of both
 * whole transactions and the open one, so that either can be taken or dropped alone.
 */
export class PendingBatch {
  readonly #seedOf: (table: TableId) => number;
  #next: number;
  #blocks: NewBlock[] = [];
  #blockBytes = 0;
  #open: OpenBlock;
  #begun: Beginning | null = null;
  #transactions: LoggedTransaction[] = [];

  constructor(head: number, seedOf: (table: TableId) => number) {
    this.#next = head;
    this.#seedOf = seedOf;
    this.#open = new OpenBlock(head);
  }

  /** The offset that the next record gets. */
  get next(): number {
    return this.#next;
  }

  /** Memory held by records. */
  get bytes(): number {
    return this.#blockBytes + this.#open.bytes;
  }

  /** Whole transactions, in log order. */
  get transactions(): readonly LoggedTransaction[] {
    return this.#transactions;
  }

  /** The first offset of the open transaction; null when none is open. */
  get openFirst(): number | null {
    return this.#begun?.first ?? null;
  }

  begin(transaction: { readonly id: string; readonly position: string }): void {
    const { id, position } = transaction;
    const first = this.#next;
    this.#begun = { id, position, first, blocks: this.#blocks.length, records: this.#open.count };
  }

  /** @param options as of {@link OpenBlock.add}. */
  add(change: CapturedChange, options: { readonly isStoredAtOnce: boolean }): void {
    if (!this.#open.fits(change.images.length)) this.#closeBlock();
    this.#open.add(change, options);
    this.#next += 1;
  }

  /** Ends the open transaction; null when it has no records. */
  commit(end: TransactionEnd): LoggedTransaction | null {
    const begun = this.#begun;
    if (begun === null) throw new Error('No transaction is open');
    this.#begun = null;
    if (this.#next === begun.first) return null;
    const { id, position, first } = begun;
    const { committedAt, context } = end;
    const transaction = { first, last: this.#next - 1, id, position, committedAt, context };
    this.#transactions.push(transaction);
    return transaction;
  }

  /** Drops the open transaction's records. */
  abandon(): void {
    const begun = this.#begun;
    if (begun === null) return;
    this.#begun = null;
    for (const block of this.#blocks.splice(begun.blocks)) this.#release(block);
    // A block that was closed since left none of the records before its beginning in the open one.
    if (this.#open.first <= begun.first) this.#open.truncate(begun.records);
    else this.#open = new OpenBlock(begun.first);
    this.#next = begun.first;
  }

  /** Hands over the blocks of whole transactions. */
  takeWhole(): NewBlock[] {
    if (this.#begun === null) return this.takeAll();
    this.#separate();
    const blocks = this.#blocks.splice(0, this.#begun.blocks);
    this.#begun.blocks = 0;
    return this.#handOver(blocks);
  }

  /** Hands over all blocks, those of the open transaction too. */
  takeAll(): NewBlock[] {
    if (this.#begun !== null) this.#separate();
    if (this.#open.count > 0) this.#closeBlock();
    const blocks = this.#blocks;
    this.#blocks = [];
    if (this.#begun !== null) this.#begun.blocks = 0;
    return this.#handOver(blocks);
  }

  /** The whole transactions have been made durable. */
  flushed(): void {
    this.#transactions = [];
  }

  /** Forgets everything: the log ends at `head`. */
  clear(head: number): void {
    for (const block of this.#blocks) this.#release(block);
    this.#blocks = [];
    this.#blockBytes = 0;
    this.#open = new OpenBlock(head);
    this.#begun = null;
    this.#transactions = [];
    this.#next = head;
  }

  #handOver(blocks: NewBlock[]): NewBlock[] {
    for (const block of blocks) this.#blockBytes -= block.bytes;
    return blocks;
  }

  #release(block: NewBlock): void {
    this.#blockBytes -= block.bytes;
    recycle(block);
  }

  #closeBlock(): void {
    if (this.#begun !== null) this.#separate();
    if (this.#open.count > 0) this.#push(this.#open);
    this.#open = new OpenBlock(this.#next);
  }

  /** Closes the block that whole transactions and the open one share. */
  #separate(): void {
    const begun = this.#begun;
    if (begun === null || begun.records === 0) return;
    const rest = this.#open.split(begun.records);
    this.#push(this.#open);
    this.#open = rest;
    begun.blocks = this.#blocks.length;
    begun.records = 0;
  }

  #push(block: OpenBlock): void {
    const encoded = block.encode(this.#seedOf);
    this.#blocks.push(encoded);
    this.#blockBytes += encoded.bytes;
  }
}
