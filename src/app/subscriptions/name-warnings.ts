import { isTidingsError } from '../../errors/tidings-error.ts';
import type { Logger } from '../../observe/logger.ts';
import type { SourceService } from '../source-service.ts';
import { checkNames, type NamedFilter } from './check-names.ts';
import type { Registered, SubscriptionRegistry } from './subscription-registry.ts';

/** Tells of subscriptions that name what their source does not have. */
export class NameWarnings {
  readonly #registry: SubscriptionRegistry;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;

  constructor(options: {
    readonly registry: SubscriptionRegistry;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  }) {
    this.#registry = options.registry;
    this.#logger = options.logger;
    this.#signal = options.signal;
  }

  /** Warns of all subscriptions of a source, once it can be asked. */
  async warnOf(source: SourceService): Promise<void> {
    await source.settled;
    this.#log(await this.#check(source, this.#registry.of(source)));
  }

  /** Warns of one that was registered meanwhile. */
  async warnOfOne(name: string): Promise<void> {
    this.#log(new Map([[name, await this.ofOne(name)]]));
  }

  /** What one names and its source does not have, in sentences. */
  async ofOne(name: string): Promise<readonly string[]> {
    const registered = this.#registry.get(name);
    if (registered === undefined) return [];
    const found = await this.#check(registered.source, [registered]);
    return found.get(name) ?? [];
  }

  #log(found: ReadonlyMap<string, readonly string[]>): void {
    for (const [subscription, messages] of found) {
      for (const message of messages) this.#logger.warn(message, { subscription });
    }
  }

  async #check(
    source: SourceService,
    registered: readonly Registered[],
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    // A source that cannot be asked is told of as such, and nobody waits for it here.
    if (source.capture.state !== 'streaming' || this.#signal.aborted) return new Map();
    try {
      return await checkNames(source, registered.map(toNamedFilter), this.#signal);
    } catch (error) {
      if (!isTidingsError(error) && !this.#signal.aborted) throw error;
      this.#logger.debug('Names of subscriptions could not be looked up', { error });
      return new Map();
    }
  }
}

function toNamedFilter({ name, document: { tables, columns, where } }: Registered): NamedFilter {
  const filter = {
    tables,
    ...(columns === null ? {} : { columns }),
    ...(where === null ? {} : { where }),
  };
  return { name, filter };
}
