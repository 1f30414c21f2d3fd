import type { Operation } from '../change/change.ts';
import type { StoredTransaction } from '../change/stored-change.ts';

/**
 * A record of a source's log that is kept aside: a delivery still needs it, and its segment may go.
 * It has all that the log had of it, so it can be delivered, shown and undone by hand.
 */
export interface KeptRecord {
  readonly offset: number;
  /** The number of its table version in the log, which outlasts segments. */
  readonly tableId: number;
  readonly operation: Operation;
  readonly key: string | null;
  readonly previousKey: string | null;
  readonly images: Uint8Array;
  readonly transaction: StoredTransaction;
}

/** What is known of a kept record without reading its images. */
export type KeptNote = Omit<KeptRecord, 'images'>;

/** What is kept aside of one source. */
export interface KeptSize {
  readonly records: number;
  /** Of their images. */
  readonly bytes: number;
}

/** What is kept aside for one subscription; what others need as well counts for each. */
export interface KeptFor extends KeptSize {
  readonly subscription: string;
  /** The oldest. */
  readonly offset: number;
}

/** What one subscription needs of the log, besides the records of single deliveries. */
export interface SubscriptionNeeds {
  readonly subscription: string;
  /** It reads on from here. */
  readonly cursor: number;
  /** The lowest offset that is still to be replayed; null when nothing is. */
  readonly replay: number | null;
}

/** Deliveries whose record is neither in the log nor kept aside. */
export interface LostDeliveries {
  readonly subscription: string;
  /** Ascending. */
  readonly offsets: readonly number[];
}
