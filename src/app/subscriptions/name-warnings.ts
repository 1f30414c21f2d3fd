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
    const unmet = await this.#look(source, this.#signal, (signal) =>
      checkNames(source, { tables, subscriptions }, signal),
    );
    for (const message of unmet?.source ?? []) {
      this.#logger.warn(message, { source: source.name, option: `sources.${source.name}.tables` });
    }
    for (const [name, messages] of unmet?.subscriptions ?? []) this.#log(name, messages);
  }

  /** Warns of one that was registered meanwhile. */
  async warnOfOne(name: string): Promise<void> {
    this.#log(name, await this.ofOne(name, this.#signal));
  }

  /** What one names and its source does not have, in sentences; none when the signal aborts before. */
  async ofOne(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const registered = this.#registry.get(name);
    if (registered === undefined) return [];
    const { source } = registered;
    const over = AbortSignal.any([this.#signal, signal]);
    const found = await this.#look(source, over, (signal) =>
      checkSubscription(source, toNamedFilter(registered), signal),
    );
    return found ?? [];
  }

  #log(subscription: string, messages: readonly string[]): void {
    for (const message of messages) this.#logger.warn(message, { subscription });
  }

  /** Null when the source cannot be asked, or the signal aborts before it has answered. */
  async #look<Found>(
    source: SourceService,
    signal: AbortSignal,
    look: (signal: AbortSignal) => Promise<Found>,
  ): Promise<Found | null> {
    // A source that cannot be asked is told of as such, and nobody waits for it here.
    if (source.capture.state !== 'streaming' || signal.aborted) return null;
    try {
      return await look(signal);
    } catch (error) {
      if (!isTidingsError(error) && !signal.aborted) throw error;
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
