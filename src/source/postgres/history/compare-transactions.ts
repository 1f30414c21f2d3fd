import type { KnownTransaction, Parting } from '../../source-history.ts';

/** A transaction as the slot still has it. */
export interface SlotTransaction extends KnownTransaction {
  /** The position behind it: who has it goes on from here. */
  readonly end: string;
  /** False when nothing of it is captured: then the log has not kept it. */
  readonly changes: boolean;
}

export interface ComparisonOptions {
  /** The log's transactions, in order. */
  readonly logged: AsyncIterator<KnownTransaction>;
  /** Transactions of the log are all there from this position on. */
  readonly from: string;
  /** The position up to which the log is complete. */
  readonly to: string;
  /** Where the slot begins: what both have up to here is the same. */
  readonly begin: string;
  /** Where transactions committed that the log lacks and says so. */
  readonly leftOut: ReadonlySet<string>;
}

/**
 * Compares what a slot has, up to the log's position, with what the log has of that stretch. A slot
 * begins at a position that its own history has passed, so two histories that part behind it differ
 * here as soon as either has a captured change more: whatever the server says of its timeline.
 */
export class TransactionComparison {
  readonly #options: ComparisonOptions;
  #next: KnownTransaction | null = null;
  #ended = false;
  /** Up to here they are the same. */
  #common: string;

  constructor(options: ComparisonOptions) {
    this.#options = options;
    this.#common = options.begin;
  }

  /** @returns where they part, or null when they have not until here. */
  async compare(found: SlotTransaction): Promise<Parting | null> {
    const { from, to, leftOut } = this.#options;
    const { position } = found;
    if (position < from || position >= to) return null;
    const next = await this.#peek();
    if (next !== null && next.position === position) {
      if (next.id !== found.id || next.committedAt !== found.committedAt) {
        return this.#parted(position, `another transaction committed at ${position}`);
      }
      this.#next = null;
      this.#common = found.end;
      return null;
    }
    if (next !== null && next.position < position) return this.#missing(next);
    // One of which nothing is captured is in no log, and a gap stands for what could not be had.
    if (!found.changes || leftOut.has(position)) return null;
    return this.#parted(position, `the log lacks a transaction that committed at ${position}`);
  }

  /** The slot has been read up to the log's position. */
  async end(): Promise<Parting | null> {
    const next = await this.#peek();
    return next === null ? null : this.#missing(next);
  }

  #missing({ id, position }: KnownTransaction): Parting {
    return this.#parted(position, `it does not have transaction ${id}, which the log has`);
  }

  #parted(abandoned: string, reason: string): Parting {
    return { abandoned, to: this.#common, reason };
  }

  async #peek(): Promise<KnownTransaction | null> {
    if (this.#next === null && !this.#ended) {
      const { value, done } = await this.#options.logged.next();
      this.#ended = done === true;
      this.#next = done === true ? null : value;
    }
    return this.#next;
  }
}
