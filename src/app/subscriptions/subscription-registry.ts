import type { Config, SubscriptionConfig } from '../../config/define-config.ts';
import type { SubscriptionDefinition } from '../../delivery/definition.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { Logger } from '../../observe/logger.ts';
import { HandlerSink } from '../../sink/handler/handler-sink.ts';
import type { TableHandler } from '../../sink/handler/table-handler.ts';
import type { Sink } from '../../sink/sink.ts';
import type { State, StoredSubscription } from '../../state/state.ts';
import type { SubscriptionDocument, SubscriptionOrigin } from '../administration.ts';
import { openEndpoint } from './open-endpoint.ts';
import type { SourceService } from '../source-service.ts';
import {
  endpointDocument,
  keepSecrets,
  resolveDefinition,
  toDefinition,
  toDocument,
} from './subscription-definition.ts';

/** A subscription that somebody registered in this process. */
export interface Registered {
  readonly name: string;
  readonly origin: Exclude<SubscriptionOrigin, 'none'>;
  readonly source: SourceService;
  readonly document: SubscriptionDocument;
  /** Of one that the API made. */
  readonly config: SubscriptionConfig | null;
}

export interface SubscriptionRegistryOptions {
  readonly config: Config;
  readonly sources: readonly SourceService[];
  readonly state: State;
  readonly logger: Logger;
}

const ORIGINS: Readonly<Record<SubscriptionOrigin, string>> = {
  configuration: 'the configuration',
  program: 'the program that runs the service',
  api: 'the API',
  none: 'an earlier run',
};

/** Who subscribes, and where each subscription was made. */
export class SubscriptionRegistry {
  readonly #options: SubscriptionRegistryOptions;
  readonly #registered = new Map<string, Registered>();
  /** One change of the registry after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SubscriptionRegistryOptions) {
    this.#options = options;
  }

  get(name: string): Registered | undefined {
    return this.#registered.get(name);
  }

  has(name: string): boolean {
    return this.#registered.has(name);
  }

  /** All subscriptions of a source. */
  of(source: SourceService): readonly Registered[] {
    return [...this.#registered.values()].filter((each) => each.source === source);
  }

  /** @throws TidingsError `SUBSCRIPTION_UNKNOWN` */
  sourceOf(name: string): SourceService {
    const registered = this.#registered.get(name);
    if (registered === undefined) throw new TidingsError('SUBSCRIPTION_UNKNOWN', { name });
    return registered.source;
  }

  /** @throws TidingsError `SOURCE_UNKNOWN`; `SOURCE_AMBIGUOUS` for none when there are several. */
  source(name: string | undefined): SourceService {
    const { sources } = this.#options;
    if (name === undefined) {
      const [first, second] = sources;
      if (first !== undefined && second === undefined) return first;
      throw new TidingsError('SOURCE_AMBIGUOUS', {
        sources: sources.map((each) => each.name).join(', '),
      });
    }
    const source = sources.find((each) => each.name === name);
    if (source === undefined) throw new TidingsError('SOURCE_UNKNOWN', { source: name });
    return source;
  }

  /** Registers an object of this program. */
  addHandler(
    source: SourceService,
    definition: SubscriptionDefinition,
    handler: TableHandler,
  ): void {
    const sink = new HandlerSink(definition.name, handler);
    const to = { handler: 'an object of the program' };
    this.#add({ origin: 'program', source, definition, sink, to, config: null });
  }

  /** Registers what the configuration names. @throws as `openEndpoint` */
  async addConfigured(): Promise<void> {
    const { config } = this.#options;
    for (const [name, subscription] of Object.entries(config.subscriptions)) {
      await this.#addFrom('configuration', name, subscription, toDefinition(name, subscription));
    }
  }

  /** Registers again what the API made in earlier runs. What cannot be is told, and stays as it is. */
  async addRemembered(): Promise<void> {
    const { state, config, logger } = this.#options;
    for (const { name, definition } of await allSubscriptions(state)) {
      if (definition === null) continue;
      if (this.has(name)) {
        logger.warn('The configuration has a subscription of a name that the API made', {
          subscription: name,
        });
        continue;
      }
      try {
        const subscription = resolveDefinition(config, name, JSON.parse(definition));
        await this.#addFrom('api', name, subscription, toDefinition(name, subscription));
      } catch (error) {
        logger.error('A subscription cannot be taken up', { subscription: name, error });
      }
    }
  }

  /** @throws TidingsError `SUBSCRIPTION_EXISTS`, `CONFIG_*`, `ENDPOINT_NOT_ALLOWED`, `FILTER_INVALID` */
  create(name: string, definition: unknown): Promise<void> {
    return this.#inTurn(async () => {
      const { config, state } = this.#options;
      if (this.has(name) || (await state.subscription(name)) !== null) {
        throw new TidingsError('SUBSCRIPTION_EXISTS', { name });
      }
      const subscription = resolveDefinition(config, name, definition);
      const stored = JSON.stringify(subscription);
      await this.#addFrom('api', name, subscription, {
        ...toDefinition(name, subscription),
        stored,
      });
      const { delivery } = this.sourceOf(name);
      try {
        await delivery.begun(name);
      } catch (error) {
        // Whoever asked is told that it was not made, and may correct it and ask again.
        await this.#withdraw(name, delivery);
        throw error;
      }
    });
  }

  /** @throws TidingsError `SUBSCRIPTION_UNKNOWN`, `SUBSCRIPTION_PROTECTED`, `CONFIG_*` */
  change(name: string, definition: unknown): Promise<void> {
    return this.#inTurn(async () => {
      const { config, state } = this.#options;
      const { config: before, source } = this.#changeable(name);
      if (before === null) throw new Error(`Subscription ${name} of the API has no definition`);
      const subscription = resolveDefinition(config, name, keepSecrets(definition, before));
      if (subscription.source !== source.name) {
        const details = { name, expected: source.name, found: subscription.source };
        throw new TidingsError('SUBSCRIPTION_MOVED', details);
      }
      const sink = await openEndpoint(config, name, subscription);
      try {
        await source.delivery.replace(toDefinition(name, subscription), sink, () =>
          state.setDefinition(name, JSON.stringify(subscription)),
        );
      } catch (error) {
        await sink[Symbol.asyncDispose]();
        throw error;
      }
      this.#remember('api', name, source, subscription);
    });
  }

  /** @throws TidingsError `SUBSCRIPTION_UNKNOWN`, `SUBSCRIPTION_PROTECTED` */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const { state } = this.#options;
      if (this.has(name)) {
        const { source } = this.#changeable(name);
        await source.delivery.unregister(name);
        this.#registered.delete(name);
      } else if ((await state.subscription(name)) === null) {
        throw new TidingsError('SUBSCRIPTION_UNKNOWN', { name });
      }
      await state.removeSubscription(name);
    });
  }

  /** Takes one back that could not begin. */
  async #withdraw(name: string, delivery: SourceService['delivery']): Promise<void> {
    const { state, logger } = this.#options;
    await delivery.unregister(name);
    this.#registered.delete(name);
    try {
      await state.removeSubscription(name);
    } catch (error) {
      logger.error('A subscription that could not begin is still remembered', {
        subscription: name,
        error,
      });
    }
  }

  #changeable(name: string): Registered {
    const registered = this.#registered.get(name);
    if (registered === undefined) throw new TidingsError('SUBSCRIPTION_UNKNOWN', { name });
    if (registered.origin === 'api') return registered;
    const origin = ORIGINS[registered.origin];
    throw new TidingsError('SUBSCRIPTION_PROTECTED', { name, origin });
  }

  async #addFrom(
    origin: 'configuration' | 'api',
    name: string,
    subscription: SubscriptionConfig,
    definition: SubscriptionDefinition,
  ): Promise<void> {
    const sink = await openEndpoint(this.#options.config, name, subscription);
    const to = endpointDocument(subscription.to);
    const source = this.source(subscription.source);
    const config = origin === 'api' ? subscription : null;
    try {
      this.#add({ origin, source, definition, sink, to, config });
    } catch (error) {
      await sink[Symbol.asyncDispose]();
      throw error;
    }
  }

  #add(added: {
    readonly origin: Registered['origin'];
    readonly source: SourceService;
    readonly definition: SubscriptionDefinition;
    readonly sink: Sink;
    readonly to: SubscriptionDocument['to'];
    readonly config: SubscriptionConfig | null;
  }): void {
    const { origin, source, sink, to, config } = added;
    const { name } = added.definition;
    if (this.has(name)) throw new TidingsError('SUBSCRIPTION_EXISTS', { name });
    const definition =
      sink instanceof HandlerSink ? handled(added.definition, sink) : added.definition;
    source.delivery.register(definition, sink);
    const document = toDocument(source.name, definition, to);
    this.#registered.set(name, { name, origin, source, document, config });
  }

  #remember(
    origin: Registered['origin'],
    name: string,
    source: SourceService,
    config: SubscriptionConfig,
  ): void {
    const to = endpointDocument(config.to);
    const document = toDocument(source.name, toDefinition(name, config), to);
    this.#registered.set(name, { name, origin, source, document, config });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    // Its own caller hears of a failure; the next in turn does not care.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** Operations without a method are not sent; columns that the handler names count where no others do. */
function handled(definition: SubscriptionDefinition, sink: HandlerSink): SubscriptionDefinition {
  const { filter } = definition;
  const given = filter.operations?.filter((wanted) => sink.operations.includes(wanted));
  const operations = given ?? sink.operations;
  const columns = filter.columns ?? sink.columns;
  const named = columns === undefined ? {} : { columns };
  return { ...definition, filter: { ...filter, operations, ...named } };
}

/** Every subscription that the state remembers. */
export async function allSubscriptions(state: State): Promise<readonly StoredSubscription[]> {
  const all: StoredSubscription[] = [];
  for (let after = ''; ; after = all.at(-1)?.name ?? '') {
    const page = await state.subscriptions({ after });
    all.push(...page);
    if (page.length === 0) return all;
  }
}
