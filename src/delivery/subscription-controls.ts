import type { StartAt } from '../config/start-at.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { resolveStart } from '../subscription/resolve-start.ts';
import type { DeliveryState } from './delivery-state.ts';
import { toDelivery } from './restore.ts';
import type { SubscriptionContext, SubscriptionDelivery } from './subscription-delivery.ts';

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
      const cursor = await resolveStart(dispatcher.log, source, to);
      try {
        await this.#subscription.rest(this.#signal);
        await this.#flush();
      } catch (error) {
        this.#subscription.goOn();
        throw error;
      }
      await this.#subscription.moveTo(cursor);
    });
  }

  /**
   * Attempts a delivery now that is parked or waits for its next attempt; a parked one has all its
   * attempts before it again.
   * @throws TidingsError `EXCEPTION_UNKNOWN`, `DELIVERY_IN_FLIGHT`, `DELIVERY_BLOCKED`
   */
  replay(offset: number): Promise<void> {
    return this.#inTurn(async () => {
      const { window, open } = this.#subscription;
      const delivery = open.find(offset) ?? (await this.#findParked(offset));
      if (!window.replay(delivery)) throw this.#refused(offset, delivery.state);
      await this.#flush();
    });
  }

  /**
   * Gives up a delivery that is parked or waits. The endpoint never gets it.
   * @throws TidingsError `EXCEPTION_UNKNOWN`, `DELIVERY_IN_FLIGHT`
   */
  discard(offset: number, reason: string): Promise<void> {
    return this.#inTurn(async () => {
      const { name, window, open } = this.#subscription;
      const delivery = open.find(offset) ?? (await this.#findParked(offset));
      if (delivery.state === 'parked' && delivery.recorded) open.removeParked(offset);
      else if (!window.discard(delivery)) throw this.#refused(offset, delivery.state);
      this.#context.observer.discarded(name, offset, reason);
      await this.#flush();
    });
  }

  async #findParked(offset: number): Promise<ReturnType<typeof toDelivery>> {
    const { name } = this.#subscription;
    const { state, dispatcher } = this.#context;
    // It may have been parked a moment ago.
    await this.#flush();
    const stored = await state.exception(name, offset);
    if (stored?.state !== 'parked') throw new TidingsError('EXCEPTION_UNKNOWN', { name, offset });
    return toDelivery(stored, dispatcher.index);
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

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    // Its own caller hears of a failure; the next in turn does not care.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
