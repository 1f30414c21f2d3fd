/**
 * Whether the server behind the source's connections is known to be the one that the log was made from.
 * Another one's transactions have the same numbers: what it sees says nothing (invariant 4).
 */
export class ConfirmedServer {
  #confirmed: PromiseWithResolvers<void> = Promise.withResolvers();

  confirm(): void {
    this.#confirmed.resolve();
  }

  /** The connection has ended: the next one may lead elsewhere. */
  forget(): void {
    this.#confirmed = Promise.withResolvers();
  }

  /** Resolves once it is confirmed. @throws the signal's reason when it aborts before. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#confirmed.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
