import type { LoggedTransaction } from './log.ts';

/** Which transactions `findTransactions` returns; everything given has to be true of one. */
export interface TransactionRequest {
  /** Only transactions whose first offset is at least this. Default: the floor. */
  readonly from?: number;
  /** Only transactions whose first offset is below this. Default: the head. */
  readonly to?: number;
  /** Only transactions of at least so many records. From 64 on an index answers. */
  readonly minRecords?: number;
  /** Only transactions whose context has this text in it; an empty text means any context. */
  readonly contextWith?: string;
  /** Default 100. */
  readonly limit?: number;
}

/**
 * Transactions, newest first. The following page is asked for with `to: next`; when `next` is not
 * above `from` there is none. A page may be empty and not the last, like those of `read`.
 */
export interface TransactionPage {
  readonly transactions: readonly LoggedTransaction[];
  readonly next: number;
}

/** A log that can be searched by what is known of whole transactions. */
export interface LogSearch {
  /** Looks at transactions only, never at their records. */
  findTransactions(request: TransactionRequest): Promise<TransactionPage>;
  /**
   * The moment from which on the log has everything (but for `gaps`): what was committed at or after
   * it is here, and the state at the floor is that of this moment or of one before the floor's first
   * transaction. Microseconds on this machine's clock; null while nothing has been captured.
   */
  beginning(): Promise<number | null>;
}
