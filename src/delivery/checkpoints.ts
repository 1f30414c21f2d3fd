import type { State, SubscriptionCheckpoint } from '../state/state.ts';

/** A subscription with something to write down. */
export interface Checkpointed {
  /** What is to be written, or null; the outcome of the writing is told by `checkpointed`. */
  takeCheckpoint(): SubscriptionCheckpoint | null;
  checkpointed(checkpoint: SubscriptionCheckpoint, written: boolean): void;
  /** True when time alone will give it more to write. */
  readonly lingering: boolean;
  /** Writing is possible again after a failure. */
  recovered(): void;
}

export interface CheckpointsOptions {
  readonly state: State;
  readonly onWritten: (subscriptions: number, seconds: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Pause before outcomes are written, milliseconds: what a crash can repeat, against write cost. */
const PAUSE = 50;
/** Outcomes that make it happen at once: bounds what a crash can repeat at full speed. */
const MAX_OUTCOMES = 2_000;
/** Writing may take this share of the time; with a thousand busy subscriptions it comes less often. */
const MAX_SHARE = 0.1;
/** Pause before a subscription is looked at again whose cursor is held by a slow attempt. */
const LINGER_PAUSE = 1_000;
/** How often cursors are written that only follow the dispatcher. */
const FOLLOW_PAUSE = 5_000;
/** Pause after a failure, for instance a full disk. */
const FAILURE_PAUSE = 1_000;

/**
 * Writes down where subscriptions are: together, in one transaction, shortly after something has
 * changed. Only after it has been written may a cursor count as moved (invariant 5).
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #all = new Set<Checkpointed>();
  readonly #changed = new Set<Checkpointed>();
  readonly #lingering = new Set<Checkpointed>();
  #outcomes = 0;
  #timer: NodeJS.Timeout | null = null;
  #lingerTimer: NodeJS.Timeout | null = null;
  #followTimer: NodeJS.Timeout | null = null;
  #soon: NodeJS.Immediate | null = null;
  #pause = PAUSE;
  #writing: Promise<boolean> | null = null;
  #error: unknown = null;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** Why nothing can be written at the moment; null when all is well. */
  get error(): unknown {
    return this.#error;
  }

  add(subscription: Checkpointed): void {
    this.#all.add(subscription);
    this.#followTimer ??= setInterval(() => void this.#write(this.#all), FOLLOW_PAUSE);
  }

  remove(subscription: Checkpointed): void {
    this.#all.delete(subscription);
    this.#changed.delete(subscription);
    this.#lingering.delete(subscription);
    if (this.#error !== null) this.#arm();
  }

  /** An outcome is known and has to be written soon. */
  mark(subscription: Checkpointed): void {
    this.#changed.add(subscription);
    this.#outcomes += 1;
    this.#arm();
    if (this.#outcomes >= MAX_OUTCOMES && this.#pause === PAUSE) {
      this.#soon ??= setImmediate(() => {
        this.#soon = null;
        void this.#write(this.#changed);
      });
    }
  }

  /** Writes everything that is known now. False when it could not be written. */
  async flush(): Promise<boolean> {
    // One that is under way may have started before the last outcome.
    while (this.#writing !== null) await this.#writing;
    return await this.#write(this.#all);
  }

  /** Ends the timers; what is not flushed stays unwritten. */
  close(): void {
    for (const timer of [this.#timer, this.#lingerTimer]) if (timer !== null) clearTimeout(timer);
    if (this.#followTimer !== null) clearInterval(this.#followTimer);
    if (this.#soon !== null) clearImmediate(this.#soon);
    this.#timer = this.#lingerTimer = this.#followTimer = this.#soon = null;
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#write(this.#changed);
    }, this.#pause);
  }

  /** One at a time: checkpoints of a subscription must be written in their order. */
  #write(subscriptions: Set<Checkpointed>): Promise<boolean> {
    this.#writing ??= this.#writeOnce(subscriptions).finally(() => {
      this.#writing = null;
      if (this.#changed.size > 0) this.#arm();
    });
    return this.#writing;
  }

  async #writeOnce(subscriptions: Set<Checkpointed>): Promise<boolean> {
    const { state, onWritten, onFailure } = this.#options;
    const started = performance.now();
    this.#outcomes = 0;
    const taken: [Checkpointed, SubscriptionCheckpoint][] = [];
    for (const subscription of subscriptions) {
      this.#changed.delete(subscription);
      const checkpoint = subscription.takeCheckpoint();
      if (checkpoint !== null) taken.push([subscription, checkpoint]);
      if (subscription.lingering) this.#lookAgain(subscription);
    }
    if (taken.length === 0) {
      // What could not be written may have been that of a subscription that is gone. Nobody has
      // anything to try with, and nobody would ever get on again while there is an error.
      this.#recovered();
      return true;
    }
    try {
      await state.checkpoint(taken.map(([, checkpoint]) => checkpoint));
    } catch (error) {
      this.#error = error;
      this.#pause = FAILURE_PAUSE;
      for (const [subscription, checkpoint] of taken) {
        subscription.checkpointed(checkpoint, false);
        this.#changed.add(subscription);
      }
      onFailure(error);
      return false;
    }
    for (const [subscription, checkpoint] of taken) subscription.checkpointed(checkpoint, true);
    const took = performance.now() - started;
    this.#pause = Math.max(PAUSE, took / MAX_SHARE);
    this.#recovered();
    onWritten(taken.length, took / 1_000);
    return true;
  }

  #recovered(): void {
    if (this.#error === null) return;
    this.#error = null;
    for (const subscription of this.#all) subscription.recovered();
  }

  #lookAgain(subscription: Checkpointed): void {
    this.#lingering.add(subscription);
    this.#lingerTimer ??= setTimeout(() => {
      this.#lingerTimer = null;
      for (const held of this.#lingering) this.#changed.add(held);
      this.#lingering.clear();
      this.#arm();
    }, LINGER_PAUSE);
  }
}
