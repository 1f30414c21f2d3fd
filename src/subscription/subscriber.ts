import type { ChangeView } from '../change/decode.ts';
import type { TableDefinition } from '../change/table.ts';
import type { LogRecord } from '../log/log.ts';

/** Whoever takes what a subscription reads: delivery's side of the hand-over. */
export interface Subscriber {
  readonly name: string;
  /** Asked once per table version. */
  wantsTable(table: TableDefinition): boolean;
  /** The subscription's filter. May throw; that stops the subscription (see `faulted`). */
  matches(view: ChangeView): boolean;
  /**
   * Offers a change that matches, in the order of offsets, each once. False when there is no room:
   * then it was not taken, and is offered again once {@link Subscriber.room} has resolved.
   */
  offer(record: LogRecord, view: ChangeView): boolean;
  /**
   * Resolves when there is room for a page of records, or when the signal aborts.
   * @returns true when it should be a small one, because memory is short.
   */
  room(signal: AbortSignal): Promise<boolean>;
  /** Reading went past records that have been removed; `to` is exclusive (invariant 11). */
  lost(from: number, to: number): void;
  /** Reading stopped for good at a change that the filter has no answer for. */
  faulted(error: unknown): void;
  /** Reading failed for a reason that may pass; it goes on by itself. */
  troubled(error: unknown): void;
}
