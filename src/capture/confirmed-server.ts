import { untilWoken } from '../util/until-woken.ts';

/**
 * Whether the server behind the source's connections is known to be the one that the log was made from.
 * Another one's transactions have the same numbers: what it sees says nothing (invariant 4).
 */
export class ConfirmedServer {
  #confirmed: PromiseWithResolvers<void> = Promise.withResolvers();
  #isConfirmed = false;

  confirm(): void {
    this.#isConfirmed = true;
    this.#confirmed.resolve();
  }

  /** The connection has ended: the next one may lead elsewhere. */
  forget(): void {
    // Whoever waits already goes on waiting for the same: connecting may fail several times.
    if (!this.#isConfirmed) return;
    this.#isConfirmed = false;
    this.#confirmed = Promise.withResolvers();
  }

  /** Resolves once it is confirmed. @throws the signal's reason when it aborts before. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await untilWoken(signal, (wake) => void this.#confirmed.promise.then(wake));
    signal.throwIfAborted();
  }
}
