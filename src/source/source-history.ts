import type { TidingsError } from '../errors/tidings-error.ts';

/** A transaction as far as histories are compared by it. */
export interface KnownTransaction {
  readonly id: string;
  /** The source's own, see `change/position.ts`. */
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC, on the database's clock. */
  readonly committedAt: number;
}

/** What the log has of the source's history. Positions are the source's own. */
export interface KnownHistory {
  /** The position up to which the log is complete. */
  readonly position: string;
  /** What {@link Continuation.lineage} was; null: not known. */
  readonly lineage: string | null;
  /**
   * The log's transactions from a position on, in order.
   * @returns `from`: all are there from this position on; retention may have removed earlier ones.
   *   `leftOut`: where transactions committed that the log lacks and says so.
   */
  since(position: string): Promise<{
    readonly from: string;
    readonly leftOut: ReadonlySet<string>;
    readonly transactions: AsyncIterable<KnownTransaction>;
  }>;
  /** The newest ones, newest first. */
  newest(limit: number): Promise<readonly KnownTransaction[]>;
}

/** Where the source's history and the log's part. */
export interface Parting {
  /** What the log has from this position on does not exist in the source's history. */
  readonly abandoned: string;
  /** The log can go on from here: up to here it has what the source's history has. */
  readonly to: string;
  /** What shows it, for people: `its timeline 2 left timeline 1 there`. */
  readonly reason: string;
}

/** The source's history went back. */
export interface Rewound extends Parting {
  /** True when the source can still deliver everything that its history has since `to`. */
  readonly complete: boolean;
}

/** How a source's history stands to the log's (invariant 15). */
export interface Continuation {
  /** The source's history in its own words, for the next comparison. */
  readonly lineage: string;
  /** Null when the source's history goes on from where the log's has come to. */
  readonly rewound: Rewound | null;
  /** Why the two could not be compared as far as they have to be; else null. */
  readonly doubt: TidingsError | null;
  /** Why the source cannot deliver what follows the log, as far as that can be told now; else null. */
  readonly lost: TidingsError | null;
}

/** The earlier of two findings in each respect. */
export function earlier(one: Parting | null, other: Parting | null): Parting | null {
  if (one === null || other === null) return one ?? other;
  const { reason } = one.abandoned <= other.abandoned ? one : other;
  return {
    abandoned: one.abandoned < other.abandoned ? one.abandoned : other.abandoned,
    to: one.to < other.to ? one.to : other.to,
    reason,
  };
}
