import type { Change } from '../change/change.ts';
import type { StartAt } from '../option/start-at.ts';
import type { SubscriptionStatus } from '../delivery/subscription-status.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { State, StoredException, StoredLoss, StoredReplay } from '../state/state.ts';
import type {
  Administration,
  ChangesPage,
  ChangesQuery,
  DeliveryPage,
  DeliveryQuery,
  DeliveryReport,
  ReplayReport,
  ReplayRequest,
  SubscriptionReport,
  TestReport,
} from './administration.ts';
import { toWire, type WireChange, wireText } from '../change/wire.ts';
import type { Logger } from '../observe/logger.ts';
import { tellLost } from './retention.ts';
import { trimAsAsked, type TrimReport, type TrimRequest } from './trimming/trim-request.ts';
import { withoutUndefined } from '../util/without-undefined.ts';
import { readChanges } from './change-pages.ts';
import type { SourceService } from './source-service.ts';
import type { Status, SubscriptionStatusReport } from './status/status.ts';
import type { NameWarnings } from './subscriptions/name-warnings.ts';
import {
  allSubscriptions,
  type SubscriptionRegistry,
} from './subscriptions/subscription-registry.ts';

export interface ServiceAdministrationOptions {
  readonly sources: readonly SourceService[];
  readonly registry: SubscriptionRegistry;
  readonly state: State;
  readonly logger: Logger;
  readonly names: NameWarnings;
  readonly status: () => Promise<Status>;
  /** Aborts when the service stops. */
  readonly signal: AbortSignal;
}

const DEFAULT_STATES = ['retrying', 'blocked', 'parked'] as const;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** Losses that a report tells; `losses` of the state has all of them. */
const SHOWN_LOSSES = 10;
/** How long a report waits for what the database says of names; milliseconds. */
const NAMES_DEADLINE = 2_000;

/** What operators ask of the service and do to it, on what the service is made of. */
export class ServiceAdministration implements Administration {
  readonly #options: ServiceAdministrationOptions;

  constructor(options: ServiceAdministrationOptions) {
    this.#options = options;
  }

  async subscriptions(): Promise<readonly SubscriptionReport[]> {
    const { status, state } = this.#options;
    const { subscriptions } = await status();
    const created = new Map(
      (await allSubscriptions(state)).map(({ name, createdAt }) => [name, createdAt]),
    );
    // Asked once of all: each status goes through everything that its subscription has open.
    const running = new Map(
      this.#options.sources.flatMap(({ delivery }) =>
        delivery.status().map((each) => [each.name, each] as const),
      ),
    );
    const reports: SubscriptionReport[] = [];
    for (const each of subscriptions) {
      const losses = await state.losses(each.name, SHOWN_LOSSES);
      const report = this.#report(each, created.get(each.name) ?? null, running.get(each.name));
      reports.push({ ...report, losses: losses.map(lossReport) });
    }
    return reports.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  async subscription(
    name: string,
    {
      warnings: asked = true,
      signal,
    }: NonNullable<Parameters<Administration['subscription']>[1]> = {},
  ): Promise<SubscriptionReport> {
    const found = (await this.subscriptions()).find((each) => each.name === name);
    if (found === undefined) throw new TidingsError('SUBSCRIPTION_UNKNOWN', { name });
    if (!asked) return found;
    // A link that hangs must not hold up the report: everything else in it is known here.
    const late = AbortSignal.timeout(NAMES_DEADLINE);
    const over = signal === undefined ? late : AbortSignal.any([late, signal]);
    return { ...found, warnings: await this.#options.names.ofOne(name, over) };
  }

  async createSubscription(
    name: string,
    definition: unknown,
    signal?: AbortSignal,
  ): Promise<SubscriptionReport> {
    await this.#options.registry.create(name, definition);
    return await this.subscription(name, withoutUndefined({ signal }));
  }

  async changeSubscription(
    name: string,
    definition: unknown,
    signal?: AbortSignal,
  ): Promise<SubscriptionReport> {
    await this.#options.registry.change(name, definition);
    return await this.subscription(name, withoutUndefined({ signal }));
  }

  async deleteSubscription(name: string): Promise<void> {
    await this.#options.registry.remove(name);
  }

  async pause(subscription: string, reason = 'paused by the application'): Promise<void> {
    await this.#delivery(subscription).pause(subscription, reason);
  }

  async resume(subscription: string): Promise<void> {
    await this.#delivery(subscription).resume(subscription);
  }

  async rewind(subscription: string, to: StartAt): Promise<void> {
    await this.#delivery(subscription).rewind(subscription, to);
  }

  async deliveries(query: DeliveryQuery = {}): Promise<DeliveryPage> {
    const { states = DEFAULT_STATES } = query;
    const limit = Math.max(1, Math.min(query.limit ?? DEFAULT_LIMIT, MAX_LIMIT));
    const start = query.after === undefined ? null : parsePlace(query.after);
    const names = await this.#names(query.subscription);
    const found: DeliveryReport[] = [];
    for (const name of names) {
      if (start !== null && name < start.subscription) continue;
      const after = name === start?.subscription ? start.offset : -1;
      const page = await this.#exceptions({
        subscription: name,
        states,
        after,
        limit: limit + 1 - found.length,
      });
      found.push(...page.map((exception) => deliveryReport(name, exception)));
      if (found.length > limit) break;
    }
    const deliveries = found.slice(0, limit);
    const last = deliveries.at(-1);
    const isMore = found.length > limit && last !== undefined;
    return { deliveries, next: isMore ? `${last.subscription}:${last.offset}` : null };
  }

  async delivery(subscription: string, offset: number): Promise<DeliveryReport> {
    await this.#names(subscription);
    const [found] = await this.#exceptions({
      subscription,
      states: [...DEFAULT_STATES, 'discarded'],
      after: offset - 1,
      limit: 1,
    });
    if (found?.offset === offset) return deliveryReport(subscription, found);
    throw new TidingsError('EXCEPTION_UNKNOWN', { name: subscription, offset });
  }

  async deliveredChange(subscription: string, offset: number): Promise<WireChange | null> {
    await this.delivery(subscription, offset);
    const { registry, state, sources } = this.#options;
    const name = registry.has(subscription)
      ? registry.sourceOf(subscription).name
      : (await state.subscription(subscription))?.source;
    const source = sources.find((each) => each.name === name);
    const change = (await source?.delivery.change(offset)) ?? null;
    if (change === null) return null;
    wireText(change); // Says by its code when no text can hold it.
    return toWire(change);
  }

  async trimLog(
    request: TrimRequest,
    { source, force = false }: { readonly source?: string; readonly force?: boolean } = {},
  ): Promise<readonly TrimReport[]> {
    const { registry, sources, state, logger } = this.#options;
    const reports: TrimReport[] = [];
    for (const { name, log, trimmer } of source === undefined
      ? sources
      : [registry.source(source)]) {
      const trim: Parameters<typeof trimAsAsked>[2]['trim'] = (limits, check) =>
        trimmer.trimOnce(limits, check);
      const report = await trimAsAsked({ source: name, log, state }, request, { force, trim });
      tellLost(logger.with({ source: name }), report.lost);
      reports.push(report);
    }
    return reports;
  }

  async retry(subscription: string, offset: number): Promise<void> {
    await this.#delivery(subscription).retry(subscription, offset);
  }

  async replay(subscription: string, what: ReplayRequest): Promise<ReplayReport> {
    const delivery = this.#delivery(subscription);
    if ('offset' in what) {
      await delivery.replay(subscription, what.offset);
      return { kind: 'range', from: what.offset, to: what.offset + 1 };
    }
    if ('parked' in what) return replayReport(await delivery.replayParked(subscription));
    return replayReport(await delivery.replayRange(subscription, what.from, what.to ?? null));
  }

  async discard(subscription: string, offset: number, reason: string): Promise<void> {
    await this.#delivery(subscription).discard(subscription, offset, reason);
  }

  async testDelivery(subscription: string, signal?: AbortSignal): Promise<TestReport> {
    const delivery = this.#delivery(subscription);
    const sink = delivery.sinkOf(subscription);
    if (sink.test === undefined) throw new TidingsError('TEST_UNSUPPORTED', { name: subscription });
    const registered = this.#options.registry.get(subscription);
    const timeout = registered?.document.delivery.timeout ?? 30_000;
    const signals = [this.#options.signal, AbortSignal.timeout(timeout)];
    const over = AbortSignal.any(signal === undefined ? signals : [...signals, signal]);
    const source = registered?.source.name ?? '';
    const change = (await delivery.sample(subscription)) ?? madeUpChange(source);
    const exchange = await sink.test({ subscription, change, number: 1 }, over);
    const { request, answer, outcome, milliseconds } = exchange;
    const error =
      'error' in outcome ? { code: outcome.error.code, message: outcome.error.message } : null;
    return { subscription, request, answer, outcome: outcome.kind, error, milliseconds };
  }

  async changes(query: ChangesQuery, signal?: AbortSignal): Promise<ChangesPage> {
    const { registry, signal: stopped } = this.#options;
    const over = signal === undefined ? stopped : AbortSignal.any([stopped, signal]);
    return await readChanges(registry.source(query.source), query, over);
  }

  #delivery(subscription: string): ReturnType<SubscriptionRegistry['sourceOf']>['delivery'] {
    return this.#options.registry.sourceOf(subscription).delivery;
  }

  async #exceptions(query: {
    readonly subscription: string;
    readonly states: DeliveryQuery['states'] & {};
    readonly after: number;
    readonly limit: number;
  }): Promise<readonly StoredException[]> {
    const { registry, state } = this.#options;
    const { subscription } = query;
    if (!registry.has(subscription)) return await state.exceptions(query);
    return await registry.sourceOf(subscription).delivery.exceptions(query);
  }

  /** @throws TidingsError `SUBSCRIPTION_UNKNOWN` */
  async #names(only: string | undefined): Promise<readonly string[]> {
    const { state, registry } = this.#options;
    if (only === undefined) return (await allSubscriptions(state)).map(({ name }) => name);
    if (!registry.has(only) && (await state.subscription(only)) === null) {
      throw new TidingsError('SUBSCRIPTION_UNKNOWN', { name: only });
    }
    return [only];
  }

  #report(
    status: SubscriptionStatusReport,
    created: number | null,
    running: SubscriptionStatus | undefined,
  ): Omit<SubscriptionReport, 'losses'> {
    const registered = this.#options.registry.get(status.name);
    const rests = running?.restsUntil ?? null;
    const origin = registered?.origin ?? 'none';
    return {
      ...status,
      origin,
      protected: origin === 'configuration' || origin === 'program',
      definition: registered?.document ?? null,
      createdAt: created === null ? null : isoTime(created),
      warnings: [],
      restsUntil: rests === null ? null : isoTime(rests),
      replays: (running?.replays ?? []).map(replayReport),
    };
  }
}

function lossReport({ from, to, at }: StoredLoss): SubscriptionReport['losses'][number] {
  return { from, to, at: isoTime(at) };
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}

function replayReport({ kind, next, to }: Omit<StoredReplay, 'id'>): ReplayReport {
  return { kind, from: next, to };
}

/** @throws TidingsError `PAGE_UNKNOWN` for what no page gave. */
function parsePlace(text: string): { readonly subscription: string; readonly offset: number } {
  const [subscription = '', offset = ''] = text.split(':');
  if (!/^\d{1,16}$/.test(offset)) throw new TidingsError('PAGE_UNKNOWN', { after: text });
  return { subscription, offset: Number(offset) };
}

function deliveryReport(subscription: string, exception: StoredException): DeliveryReport {
  const { offset, table, key, state, attempts, error, failedAt, nextAttemptAt } = exception;
  const { discarded } = exception;
  return {
    subscription,
    offset,
    table,
    key,
    state,
    attempts,
    failedAt: failedAt === null ? null : isoTime(failedAt),
    nextAttemptAt: nextAttemptAt === null ? null : isoTime(nextAttemptAt),
    lastError:
      error === null
        ? null
        : {
            code: error.code,
            message: error.message,
            stack: error.stack ?? null,
            status: error.answer?.status ?? null,
            excerpt: error.answer?.excerpt ?? null,
          },
    discarded:
      discarded === undefined ? null : { reason: discarded.reason, at: isoTime(discarded.at) },
  };
}

/** For a test when the log has no change that the subscription would get. */
function madeUpChange(source: string): Change {
  return {
    id: `${source}:0:0`,
    source,
    offset: 0,
    operation: 'insert',
    schema: 'public',
    table: 'example',
    key: { id: 1 },
    before: null,
    after: { id: 1, name: 'This row does not exist' },
    changed: null,
    transaction: {
      id: '0',
      position: '0',
      index: 0,
      last: true,
      committedAt: new Date().toISOString(),
      context: null,
    },
  };
}
