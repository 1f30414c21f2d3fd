import type { StartAt } from '../option/start-at.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { resolveStart } from '../subscription/resolve-start.ts';
import type { StoredReplay } from '../state/state.ts';
import type { Delivery } from './delivery.ts';
import type { DeliveryState } from './delivery-state.ts';
import { toDelivery } from './restore.ts';
import type { SubscriptionContext } from './subscription-context.ts';
import type { SubscriptionDelivery } from './subscription-delivery.ts';

/** What somebody can do to a running subscription. One thing at a time; each is done when it resolves. */
export class SubscriptionControls {
  readonly #subscription: SubscriptionDelivery;
  readonly #context: SubscriptionContext;
  readonly #signal: AbortSignal;
  #last: Promise<unknown> = Promise.resolve();

  /** @param signal ends the waiting for attempts that are in flight. */
  constructor(
    subscription: SubscriptionDelivery,
    context: SubscriptionContext,
    signal: AbortSignal,
  ) {
    this.#subscription = subscription;
    this.#context = context;
    this.#signal = signal;
  }

  /** Stands still until it is resumed, also over restarts. Resolves when nothing is in flight. */
  pause(reason: string): Promise<void> {
    return this.#inTurn(async () => {
      const { name } = this.#subscription;
      await this.#context.state.setPaused(name, { reason, since: Date.now() });
      this.#subscription.setPaused(reason);
      await this.#subscription.rest(this.#signal);
      await this.#flush();
    });
  }

  resume(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#context.state.setPaused(this.#subscription.name, null);
      await this.#subscription.resume();
    });
  }

  /**
   * Delivers everything from there on again, in order, and with the same change ids. Exceptions from
   * there on are dropped, the parked ones too, since all of it is read again; those before it stay.
   * To a place ahead of the cursor it skips, because somebody said so.
   * @throws TidingsError `LOG_PRUNED`, `OFFSET_UNKNOWN`
   */
  rewind(to: StartAt): Promise<void> {
    return this.#inTurn(async () => {
      const { dispatcher, source } = this.#context;
      const place = await resolveStart(dispatcher.log, source, to);
      let cursor: number;
      try {
        await this.#subscription.rest(this.#signal);
        await this.#flush();
        // Again, because retention may have moved the floor while attempts ended.
        cursor = await resolveStart(dispatcher.log, source, to === 'floor' ? to : place);
      } catch (error) {
        this.#subscription.goOn();
        throw error;
      }
      await this.#subscription.moveTo(cursor);
    });
  }

  /**
   * Attempts a delivery now that is parked or waits for its next attempt, also while its endpoint
   * asked to be left alone; a parked one has all its attempts before it again.
   * @throws TidingsError `EXCEPTION_UNKNOWN`, `DELIVERY_IN_FLIGHT`, `DELIVERY_BLOCKED`
   */
  retry(offset: number): Promise<void> {
    return this.#inTurn(async () => {
      const { window, open } = this.#subscription;
      const delivery = open.find(offset) ?? (await this.#findParked(offset));
      if (!window.replay(delivery)) throw this.#refused(offset, delivery.state);
      window.pace.wake();
      await this.#flush();
    });
  }

  /**
   * Delivers one change again, whatever became of it: parked, waiting, given up, or done.
   * @throws TidingsError `DELIVERY_IN_FLIGHT`, `DELIVERY_BLOCKED`, `DELIVERY_NOT_YET`,
   *   `CHANGE_NOT_WANTED`, `OFFSET_UNKNOWN`, `LOG_PRUNED`
   */
  replay(offset: number): Promise<void> {
    return this.#inTurn(async () => {
      const { window, open } = this.#subscription;
      await this.#flush();
      const delivery = open.find(offset) ?? (await this.#parked(offset));
      if (delivery === null) await this.#subscription.deliverAgain(offset);
      else if (!window.replay(delivery)) throw this.#refused(offset, delivery.state);
      await this.#flush();
    });
  }

  /**
   * Delivers a range of the log again, or what is parked now. Resolves when that is written down; with
   * an empty range when nothing is parked.
   * @throws TidingsError `LOG_PRUNED`, `OFFSET_UNKNOWN`
   */
  replayRange(
    kind: StoredReplay['kind'],
    from: StartAt,
    to: StartAt | null,
  ): Promise<Omit<StoredReplay, 'id'>> {
    return this.#inTurn(async () => {
      const { dispatcher, source, state } = this.#context;
      const { name, feed } = this.#subscription;
      if (kind === 'parked') {
        // Something may have been parked a moment ago.
        await this.#flush();
        if ((await state.countExceptions(name)).parked === 0) return { kind, next: 0, to: 0 };
      }
      const next = kind === 'parked' ? 0 : await resolveStart(dispatcher.log, source, from);
      const end =
        to === null ? dispatcher.log.head : await resolveStart(dispatcher.log, source, to);
      // What it has not read yet is still to come by itself.
      const { position } = this.#subscription;
      const replay = await state.addReplay(name, { kind, next, to: Math.min(end, position) });
      feed.add(replay);
      return replay;
    });
  }

  /**
   * Gives up a delivery that is parked or waits. The endpoint does not get it by itself.
   * @throws TidingsError `EXCEPTION_UNKNOWN`, `DELIVERY_IN_FLIGHT`
   */
  discard(offset: number, reason: string): Promise<void> {
    return this.#inTurn(async () => {
      const { name, window, open } = this.#subscription;
      const delivery = open.find(offset) ?? (await this.#findParked(offset));
      if (delivery.state === 'parked' && delivery.recorded) {
        delivery.discarded = { reason, at: Date.now() };
        open.discardParked(delivery);
      } else if (!window.discard(delivery, reason)) throw this.#refused(offset, delivery.state);
      this.#context.observer.discarded(name, offset, reason);
      await this.#flush();
    });
  }

  /** Everything that was begun before is done when it resolves. */
  settled(): Promise<void> {
    return this.#inTurn(async () => undefined);
  }

  async #findParked(offset: number): Promise<Delivery> {
    // It may have been parked a moment ago.
    await this.#flush();
    const parked = await this.#parked(offset);
    const { name } = this.#subscription;
    if (parked === null) throw new TidingsError('EXCEPTION_UNKNOWN', { name, offset });
    return parked;
  }

  async #parked(offset: number): Promise<Delivery | null> {
    const { state, dispatcher } = this.#context;
    const stored = await state.exception(this.#subscription.name, offset);
    return stored?.state === 'parked' ? toDelivery(stored, dispatcher.index) : null;
  }

  #refused(offset: number, state: DeliveryState): TidingsError {
    const details = { name: this.#subscription.name, offset };
    if (state === 'blocked') return new TidingsError('DELIVERY_BLOCKED', details);
    if (state === 'done') return new TidingsError('EXCEPTION_UNKNOWN', details);
    return new TidingsError('DELIVERY_IN_FLIGHT', details);
  }

  async #flush(): Promise<void> {
    const { checkpoints } = this.#context;
    if (!(await checkpoints.flush())) throw checkpoints.error;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    // Its own caller hears of a failure; the next in turn does not care.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
