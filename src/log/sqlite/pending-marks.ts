import type { TransactionEnd } from '../../change/captured.ts';
import type { MarkFound, TableMark } from '../../change/mark.ts';
import type { LoggedMark } from '../log.ts';

/** A mark whose `since` is still to be looked up: the position after which it may have happened. */
interface PendingMark extends Omit<LoggedMark, 'since'> {
  readonly after: string | null;
}

/** The marks that the writer has collected and no segment has yet. */
export class PendingMarks {
  /** Of the open transaction, each with its place. */
  #open: { readonly mark: TableMark; readonly offset: number }[] = [];
  #whole: PendingMark[] = [];
  /** Whole transactions that have marks and no record: nothing else tells of them. */
  #transactions = 0;

  get transactions(): number {
    return this.#transactions;
  }

  get isEmpty(): boolean {
    return this.#whole.length === 0;
  }

  /** Adds one to the open transaction. */
  add(mark: TableMark, offset: number): void {
    this.#open.push({ mark, offset });
  }

  /** Adds one that was found by comparing, unless the newest one of its partition says the same. */
  addFound(
    mark: TableMark,
    place: MarkFound & { readonly offset: number; readonly stored: readonly LoggedMark[] },
  ): void {
    const { after, at, offset, stored } = place;
    const newest =
      this.#whole.findLast((other) => sameSubject(other, mark)) ??
      stored.findLast((other) => sameSubject(other, mark));
    if (newest?.kind === mark.kind) return;
    this.#whole.push({ ...mark, offset, at, transaction: null, after });
  }

  /**
   * The open transaction is whole.
   * @returns false when it has no marks.
   */
  commit(
    transaction: { readonly id: string; readonly position: string },
    end: TransactionEnd,
    hasRecords: boolean,
  ): boolean {
    const { id, position } = transaction;
    const open = this.#open;
    this.#open = [];
    for (const { mark, offset } of open) {
      const at = end.committedAt;
      const whole = { ...mark, offset, at, transaction: { id, position }, after: null };
      this.#whole.push(whole);
    }
    if (open.length > 0 && !hasRecords) this.#transactions += 1;
    return open.length > 0;
  }

  /** Drops those of the open transaction. */
  abandon(): void {
    this.#open = [];
  }

  /** Those of whole transactions, and those that were found. */
  whole(offsetAfter: (position: string) => number): readonly LoggedMark[] {
    return this.#whole.map(({ after, ...mark }) => {
      if (mark.transaction !== null) return { ...mark, since: mark.offset };
      // Unknown is as good as ever since the log began.
      return { ...mark, since: after === null ? 0 : Math.min(offsetAfter(after), mark.offset) };
    });
  }

  /** Those of whole transactions have been made durable. */
  flushed(): void {
    this.#whole = [];
    this.#transactions = 0;
  }

  clear(): void {
    this.abandon();
    this.flushed();
  }
}

function sameSubject(one: TableMark, other: TableMark): boolean {
  if (one.partition !== null || other.partition !== null) {
    return one.partition?.id === other.partition?.id;
  }
  if (one.origin !== null && other.origin !== null) return one.origin === other.origin;
  return one.schema === other.schema && one.name === other.name;
}
