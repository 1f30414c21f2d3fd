import type {
  KeptFor,
  KeptNote,
  KeptRecord,
  KeptSize,
  LostDeliveries,
  SubscriptionNeeds,
} from './kept-record.ts';

/**
 * What has to be remembered between two runs besides the logs: where each subscription is, which of
 * its deliveries are exceptions, which database a log was made from, and how the service does.
 *
 * Times are milliseconds since 1970-01-01 UTC.
 */

/** A failure in the form that is kept and shown. */
export interface StoredError {
  readonly code: string;
  readonly message: string;
  /** Where it was thrown, if it was; what threw has not answered. */
  readonly stack?: string;
  /** What the endpoint answered, if it did. */
  readonly answer?: { readonly status: number; readonly excerpt: string };
}

/** A subscription as it is remembered. */
export interface StoredSubscription {
  readonly name: string;
  readonly source: string;
  /** The next offset to read; every delivery below it is done or an exception (invariant 5). */
  readonly cursor: number;
  /** Set while somebody wants it to stand still. */
  readonly paused: { readonly reason: string; readonly since: number } | null;
  readonly createdAt: number;
  /**
   * JSON text of its filter and endpoint when it was made while the service ran; the application
   * knows its shape. Null for one of the configuration or of the program, which has them.
   */
  readonly definition: string | null;
  /** Its endpoint asked to be left alone until then. */
  readonly restsUntil: number | null;
}

/** `discarded`: given up by somebody; kept so that it can be looked up, and replayed all the same. */
export type ExceptionState = 'retrying' | 'blocked' | 'parked' | 'discarded';

/** A delivery below the cursor that is not done. */
export interface StoredException {
  readonly offset: number;
  /** The number of its table version in the log. */
  readonly tableId: number;
  /** `schema.name`, for people; the log has the definition. */
  readonly table: string;
  readonly key: string | null;
  readonly previousKey: string | null;
  readonly state: ExceptionState;
  /** Attempts begun. */
  readonly attempts: number;
  /** When the next attempt is due; null for the other states, and for "at once". */
  readonly nextAttemptAt: number | null;
  readonly error: StoredError | null;
  /** When its first attempt failed. */
  readonly failedAt: number | null;
  /** Why and when somebody gave it up; absent in the other states. */
  readonly discarded?: { readonly reason: string; readonly at: number };
}

/**
 * What is being delivered again: a range of the log, or what was parked in it when it was asked for.
 */
export interface StoredReplay {
  readonly id: number;
  readonly kind: 'parked' | 'range';
  /** The next offset to look at; everything of it below is an exception, or done. */
  readonly next: number;
  /** Exclusive. */
  readonly to: number;
}

/** Offsets that retention took away before the subscription had read them; `to` is exclusive. */
export interface StoredLoss {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

/** What one subscription has to write down: all of it takes effect, or nothing. */
export interface SubscriptionCheckpoint {
  readonly name: string;
  readonly cursor: number;
  /** Exceptions that are new or changed; all lie below the cursor. */
  readonly put: readonly StoredException[];
  /** Offsets of exceptions that are done. */
  readonly remove: readonly number[];
  readonly losses: readonly StoredLoss[];
  /** How far replays have got; one that has reached its end is forgotten. */
  readonly replays?: readonly StoredReplay[];
  /** As in {@link StoredSubscription}. Absent: as before. */
  readonly restsUntil?: number | null;
}

export interface ExceptionCounts {
  readonly retrying: number;
  readonly blocked: number;
  readonly parked: number;
}

/** One page of a subscription's exceptions, in the order of their offsets. */
export interface ExceptionQuery {
  readonly subscription: string;
  readonly states: readonly ExceptionState[];
  /** Only exceptions beyond this offset: the last one of the page before. */
  readonly after?: number;
  /** At most this many. Default 100. */
  readonly limit?: number;
}

/** The sign of life of a running service, for other processes. */
export interface ServiceHeartbeat {
  readonly pid: number;
  readonly startedAt: number;
  readonly at: number;
  /** JSON text; the application knows its shape. */
  readonly status: string;
}

/** The state as a process sees it that only looks, while the service runs or not. */
export interface StateReader extends AsyncDisposable {
  subscription(name: string): Promise<StoredSubscription | null>;
  /** One page in the order of names, beyond `after`. Default limit 1,000. */
  subscriptions(page?: {
    readonly after?: string;
    readonly limit?: number;
  }): Promise<readonly StoredSubscription[]>;
  exceptions(query: ExceptionQuery): Promise<readonly StoredException[]>;
  exception(subscription: string, offset: number): Promise<StoredException | null>;
  countExceptions(subscription: string): Promise<ExceptionCounts>;
  /** Replays that are not done, the oldest first. */
  replays(subscription: string): Promise<readonly StoredReplay[]>;
  /** The newest losses of a subscription, newest first. Default limit 100. */
  losses(subscription: string, limit?: number): Promise<readonly StoredLoss[]>;
  /** The subscription of this source that has read furthest; null when there is none. */
  furthest(source: string): Promise<Pick<StoredSubscription, 'name' | 'cursor'> | null>;
  /** A record that was kept aside; null when it is not. */
  keptRecord(source: string, offset: number): Promise<KeptRecord | null>;
  /** One page of what is kept aside, in the order of offsets from `from` on. */
  keptNotes(
    source: string,
    page: { readonly from: number; readonly limit: number },
  ): Promise<readonly KeptNote[]>;
  kept(source: string): Promise<KeptSize>;
  /** For whom that is, the oldest first. */
  keptFor(source: string): Promise<readonly KeptFor[]>;
  /** What each subscription of a source needs of its log, by name (invariant 11). */
  needs(source: string): Promise<readonly SubscriptionNeeds[]>;
  /**
   * Offsets from `from` to `to` (exclusive) whose record a delivery needs that is retrying, blocked
   * or parked, and that is not kept aside; each once, ascending.
   */
  neededOffsets(
    source: string,
    range: { readonly from: number; readonly to: number; readonly limit: number },
  ): Promise<readonly number[]>;
  /** How many those are. */
  countNeeded(
    source: string,
    range: { readonly from: number; readonly to: number },
  ): Promise<number>;
  /** Subscriptions with such deliveries in the range, by name. */
  neededBy(
    source: string,
    range: { readonly from: number; readonly to: number },
  ): Promise<readonly string[]>;
  /** What `Source.identify` said when the source's log was begun; null for a new one. */
  sourceIdentity(source: string): Promise<string | null>;
  /** The last sign of life; null when there was none, or when the service ended properly. */
  heartbeat(): Promise<ServiceHeartbeat | null>;
}

/** The state as the service has it, the only writer. */
export interface State extends StateReader {
  /**
   * Remembers new subscriptions. Durable when it resolves: one that was forgotten by a power cut
   * would begin at the head again and so skip what came in between (invariant 5).
   */
  addSubscriptions(subscriptions: readonly StoredSubscription[]): Promise<void>;
  /** Forgets a subscription with its exceptions. Durable when it resolves. */
  removeSubscription(name: string): Promise<void>;
  /** Replaces the definition of a subscription. Durable when it resolves. */
  setDefinition(name: string, definition: string): Promise<void>;
  /** Remembers a replay. Durable when it resolves. */
  addReplay(name: string, replay: Omit<StoredReplay, 'id'>): Promise<StoredReplay>;
  /** Durable when it resolves. */
  setPaused(name: string, paused: StoredSubscription['paused']): Promise<void>;
  /**
   * Writes down where subscriptions are, all of them or none. Survives the end of the process at
   * once and a power cut after the next {@link State.sync}: a cut may set all of it back together,
   * which repeats deliveries and skips none (invariant 5).
   */
  checkpoint(checkpoints: readonly SubscriptionCheckpoint[]): Promise<void>;
  /**
   * Sets the cursor, and drops the exceptions and what is to be replayed from there on, in one step.
   * Durable when it resolves.
   */
  rewind(name: string, cursor: number): Promise<void>;
  /** Durable when it resolves. */
  setSourceIdentity(source: string, identity: string): Promise<void>;
  /** Writes the sign of life; null when the service ends. */
  beat(heartbeat: ServiceHeartbeat | null): Promise<void>;
  /** Forgets what was given up below the log's floor: it could not be replayed any more. */
  forgetDiscarded(source: string, floor: number): Promise<void>;
  /** Makes everything written so far survive a power cut. Needed before a log is trimmed. */
  sync(): Promise<void>;
  /** Keeps records aside. Survives a power cut after the next {@link State.sync}. */
  keep(source: string, records: readonly KeptRecord[]): Promise<void>;
  /** Forgets what was kept aside below the floor and no delivery needs any more. */
  forgetKept(source: string, floor: number): Promise<void>;
  /**
   * Forgets what was kept aside beyond a limit, although deliveries need it; the oldest go first.
   * @param limits bytes of all together, and when a record committed at the earliest
   *   (microseconds); null for no limit.
   */
  dropKept(
    source: string,
    limits: { readonly maxBytes: number | null; readonly since: number | null },
  ): Promise<void>;
  /**
   * Notes as lost what deliveries below the floor need and is not kept aside, each once. Returns what
   * was noted now.
   */
  noteLost(source: string, floor: number): Promise<readonly LostDeliveries[]>;
}
