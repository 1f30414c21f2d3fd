import { isTidingsError } from '../../errors/tidings-error.ts';
import type { Config } from '../../config/define-config.ts';
import type { Logger } from '../../observe/logger.ts';
import type { SourceService } from '../source-service.ts';
import { checkNames, checkSubscription, type NamedFilter } from './check-names.ts';
import type { Registered, SubscriptionRegistry } from './subscription-registry.ts';

/** Tells of sources and subscriptions that name what is not in the database. */
export class NameWarnings {
  readonly #config: Config;
  readonly #registry: SubscriptionRegistry;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;

  constructor(options: {
    readonly config: Config;
    readonly registry: SubscriptionRegistry;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  }) {
    this.#config = options.config;
    this.#registry = options.registry;
    this.#logger = options.logger;
    this.#signal = options.signal;
  }

  /** Warns of a source's own patterns and all its subscriptions, once it can be asked. */
  async warnOf(source: SourceService): Promise<void> {
    await source.settled;
    const tables = this.#config.sources[source.name]?.tables ?? [];
    const subscriptions = this.#registry.of(source).map(toNamedFilter);
    const unmet = await this.#look(source, () =>
      checkNames(source, { tables, subscriptions }, this.#signal),
    );
    for (const message of unmet?.source ?? []) {
      this.#logger.warn(message, { source: source.name, option: `sources.${source.name}.tables` });
    }
    for (const [name, messages] of unmet?.subscriptions ?? []) this.#log(name, messages);
  }

  /** Warns of one that was registered meanwhile. */
  async warnOfOne(name: string): Promise<void> {
    this.#log(name, await this.ofOne(name));
  }

  /** What one names and its source does not have, in sentences. */
  async ofOne(name: string): Promise<readonly string[]> {
    const registered = this.#registry.get(name);
    if (registered === undefined) return [];
    const { source } = registered;
    const look = () => checkSubscription(source, toNamedFilter(registered), this.#signal);
    return (await this.#look(source, look)) ?? [];
  }

  #log(subscription: string, messages: readonly string[]): void {
    for (const message of messages) this.#logger.warn(message, { subscription });
  }

  /** Null when the source cannot be asked. */
  async #look<Found>(source: SourceService, look: () => Promise<Found>): Promise<Found | null> {
    // A source that cannot be asked is told of as such, and nobody waits for it here.
    if (source.capture.state !== 'streaming' || this.#signal.aborted) return null;
    try {
      return await look();
    } catch (error) {
      if (!isTidingsError(error) && !this.#signal.aborted) throw error;
      this.#logger.debug('Names of tables could not be looked up', { error });
      return null;
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
