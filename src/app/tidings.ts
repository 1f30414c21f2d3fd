import type { StartAt } from './inspection.ts';
import type { Status } from './status.ts';
import type { TableHandler } from '../sink/handler/table-handler.ts';

/** What `register` takes besides the methods: which changes, and how they are delivered. */
export interface Registration extends TableHandler {
  /** The source that has the table. Default: the only one. */
  readonly source?: string;
  /** Row filter over `before` and `after`, as in the configuration. */
  readonly where?: string;
  /** Where a subscription that is new begins. Default `head`: what is committed from now on. */
  readonly from?: StartAt;
  readonly maxConcurrency?: number;
  readonly maxAttempts?: number;
  /** Deadline of one call, milliseconds. */
  readonly timeout?: number;
}

/** A running (or startable) Tidings in this process. */
export interface Tidings extends AsyncDisposable {
  /**
   * Registers an object for a table under a durable name: each change is one call, acknowledged when
   * its promise resolves. May be called before or after `start`.
   * @throws TidingsError `SUBSCRIPTION_EXISTS` when the name is taken.
   */
  register(name: string, table: string, handler: Registration): Tidings;
  /**
   * Starts capture and delivery. Resolves when every source is streaming or known to wait for its
   * database; rejects when no source can be started.
   */
  start(): Promise<void>;
  /** Settles when the service ends: rejects with the reason when the last source failed for good. */
  readonly finished: Promise<void>;
  /** Stops reading, lets what is in flight finish, writes down where everybody is, then resolves. */
  drain(): Promise<void>;
  status(): Promise<Status>;
  pause(subscription: string, reason?: string): Promise<void>;
  resume(subscription: string): Promise<void>;
  /** Delivers everything from there on again, in order. */
  rewind(subscription: string, to: StartAt): Promise<void>;
}
