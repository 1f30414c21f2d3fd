import type { Change } from '../change/change.ts';
import type { ChangeDecoder } from '../change/decode.ts';
import type { StartAt } from '../option/start-at.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import type { LogReader } from '../log/log.ts';
import type { AttemptError, Sink } from '../sink/sink.ts';
import type { ExceptionQuery, State, StoredException, StoredSubscription } from '../state/state.ts';
import { Dispatcher } from '../subscription/dispatcher.ts';
import { compileFilter } from '../subscription/filter.ts';
import type { Horizon } from '../subscription/horizon.ts';
import { Checkpoints } from './checkpoints.ts';
import { completeDelivery, type SubscriptionDefinition } from './definition.ts';
import { OpenRoom, type OpenRoomLimits } from './open-room.ts';
import { type DeliveryCommitPoint, type DeliveryObserver, SILENT_OBSERVER } from './observer.ts';
import { changeReader, newestWanted, readRecord } from './read-record.ts';
import { rememberAll } from './remember.ts';
import { findStored, newStored } from './stored-subscription.ts';
import type { SubscriptionContext } from './subscription-context.ts';
import { SubscriptionControls } from './subscription-controls.ts';
import { type PreparedSubscription, SubscriptionDelivery } from './subscription-delivery.ts';
import { stoppedStatus, type SubscriptionStatus } from './subscription-status.ts';

export interface SourceDeliveryOptions {
  /** The source's name. */
  readonly source: string;
  readonly log: LogReader;
  /** How far may be read; capture moves it. */
  readonly horizon: Horizon;
  readonly state: State;
  /** Made with every dialect that the log's tables name. */
  readonly decoder: ChangeDecoder;
  readonly observer?: DeliveryObserver | undefined;
  /** Default: `OPEN_ROOM`. */
  readonly openRoom?: OpenRoomLimits | undefined;
  /** Called at each commit point, for tests that crash there. */
  readonly onCommitPoint?: ((point: DeliveryCommitPoint) => void) | undefined;
}

interface Entry {
  readonly prepared: PreparedSubscription;
  running: {
    readonly delivery: SubscriptionDelivery;
    readonly controls: SubscriptionControls;
  } | null;
  /** Why it does not run. */
  failure: unknown;
}

/** All subscriptions of one source: reads its log for them and delivers to their endpoints. */
export class SourceDelivery implements AsyncDisposable {
  readonly #context: SubscriptionContext;
  readonly #entries = new Map<string, Entry>();
  readonly #stop = new AbortController();
  #dispatching: Promise<void> | null = null;
  #beginning: Promise<void> = Promise.resolve();
  #drained: Promise<void> | null = null;

  constructor(options: SourceDeliveryOptions) {
    const { source, log, horizon, state, decoder, openRoom, onCommitPoint } = options;
    const observer = options.observer ?? SILENT_OBSERVER;
    const onFailure = (error: unknown): void => observer.failure(null, error);
    this.#context = {
      source,
      state,
      observer,
      room: new OpenRoom(openRoom),
      onCommitPoint,
      onGone: (name, error) => this.#endpointGone(name, error),
      dispatcher: new Dispatcher({ log, horizon, decoder, onFailure }),
      checkpoints: new Checkpoints({
        state,
        onFailure,
        onWritten: (subscriptions, seconds) => observer.checkpoint(subscriptions, seconds),
      }),
    };
  }

  /**
   * Adds a subscription; before `start`, or after it, and then it begins at once. It owns the sink
   * from here on. One that cannot begin says why in its status and holds up no other.
   * @throws TidingsError `SUBSCRIPTION_EXISTS`, `FILTER_INVALID`, `TABLE_PATTERN_INVALID`,
   *   `CONFIG_INVALID`
   */
  register(definition: SubscriptionDefinition, sink: Sink): void {
    const { name } = definition;
    if (this.#entries.has(name)) throw new TidingsError('SUBSCRIPTION_EXISTS', { name });
    const prepared = {
      definition,
      sink,
      filter: compileFilter(definition.filter),
      delivery: completeDelivery(definition),
    };
    const entry: Entry = { prepared, running: null, failure: null };
    this.#entries.set(name, entry);
    if (this.#dispatching !== null) this.#beginLater([entry]);
  }

  /** Begins to read and deliver. Resolves when every subscription has begun, or said why it cannot. */
  async start(): Promise<void> {
    if (this.#dispatching !== null) return;
    this.#dispatching = this.#context.dispatcher.run(this.#stop.signal);
    this.#beginLater([...this.#entries.values()]);
    await this.#beginning;
  }

  /**
   * Stops reading, lets what is in flight finish, writes down where everybody is, and lets go of the
   * endpoints. When the signal aborts, what is still in flight is cut short; it is attempted again
   * in the next run.
   */
  drain(signal: AbortSignal): Promise<void> {
    this.#drained ??= this.#drain(signal);
    return this.#drained;
  }

  /** Drains without waiting for what is in flight. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(AbortSignal.abort());
  }

  /**
   * Stands still until it is resumed, also over restarts. Resolves when nothing is in flight.
   * @throws TidingsError `SUBSCRIPTION_UNKNOWN`
   */
  async pause(name: string, reason: string): Promise<void> {
    await this.#controls(name).pause(reason);
  }

  /**
   * Goes on after a pause, a change that the filter had no answer for, or a failure to begin.
   * @throws TidingsError `SUBSCRIPTION_UNKNOWN`, or why it cannot begin.
   */
  async resume(name: string): Promise<void> {
    const entry = this.#entry(name);
    if (entry.running === null && this.#dispatching !== null) {
      this.#beginLater([entry]);
      await this.#beginning;
    }
    await this.#controls(name).resume();
  }

  /** See {@link SubscriptionControls.rewind}. @throws TidingsError `SUBSCRIPTION_UNKNOWN` too */
  async rewind(name: string, to: StartAt): Promise<void> {
    await this.#controls(name).rewind(to);
  }

  /** See {@link SubscriptionControls.retry}. @throws TidingsError `SUBSCRIPTION_UNKNOWN` too */
  async retry(name: string, offset: number): Promise<void> {
    await this.#controls(name).retry(offset);
  }

  /** See {@link SubscriptionControls.replayRange}. @throws TidingsError `SUBSCRIPTION_UNKNOWN` too */
  async replayRange(
    name: string,
    from: StartAt,
    to: StartAt | null,
  ): ReturnType<SubscriptionControls['replayRange']> {
    return await this.#controls(name).replayRange('range', from, to);
  }

  /** Delivers again what is parked now. @throws TidingsError `SUBSCRIPTION_UNKNOWN` */
  async replayParked(name: string): ReturnType<SubscriptionControls['replayRange']> {
    return await this.#controls(name).replayRange('parked', 'floor', null);
  }

  /** See {@link SubscriptionControls.replay}. @throws TidingsError `SUBSCRIPTION_UNKNOWN` too */
  async replay(name: string, offset: number): Promise<void> {
    await this.#controls(name).replay(offset);
  }

  /** See {@link SubscriptionControls.discard}. @throws TidingsError `SUBSCRIPTION_UNKNOWN` too */
  async discard(name: string, offset: number, reason: string): Promise<void> {
    await this.#controls(name).discard(offset, reason);
  }

  /** One page of exceptions. */
  async exceptions(query: ExceptionQuery): Promise<readonly StoredException[]> {
    const { state, checkpoints } = this.#context;
    // What failed a moment ago shall be in it. While nothing can be written, what was is told.
    await checkpoints.flush();
    return await state.exceptions(query);
  }

  /** The change at an offset below the head; null when retention has removed it. */
  async change(offset: number): Promise<Change | null> {
    try {
      return (await readRecord(this.#context, offset)).view.change;
    } catch (error) {
      if (isTidingsError(error, 'LOG_PRUNED')) return null;
      throw error;
    }
  }

  /** True while an attempt is under way. */
  get busy(): boolean {
    for (const { running } of this.#entries.values()) {
      if (running !== null && running.delivery.window.inFlight > 0) return true;
    }
    return false;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** The endpoint of a subscription, for a test delivery. @throws TidingsError `SUBSCRIPTION_UNKNOWN` */
  sinkOf(name: string): Sink {
    return this.#entry(name).prepared.sink;
  }

  /** Resolves when a subscription has begun. @throws why it cannot */
  async begun(name: string): Promise<void> {
    await this.#beginning;
    const { failure } = this.#entry(name);
    if (failure !== null) throw failure;
  }

  /**
   * Puts another definition and endpoint in the place of a subscription's own; its cursor and its
   * exceptions stay.
   * @param remember writes the definition down, before anything is stopped.
   * @throws TidingsError as `register`, or what `remember` throws; then everything is as before, and
   *   the new endpoint is the caller's to let go of.
   */
  async replace(
    definition: SubscriptionDefinition,
    sink: Sink,
    remember: () => Promise<void>,
  ): Promise<void> {
    const { name } = definition;
    this.#entry(name);
    // What is wrong with it is found out before anything is stopped.
    compileFilter(definition.filter);
    completeDelivery(definition);
    await remember();
    await this.unregister(name);
    this.register(definition, sink);
    await this.#beginning;
  }

  /** See {@link newestWanted}. @throws TidingsError `SUBSCRIPTION_UNKNOWN` */
  async sample(name: string): Promise<Change | null> {
    const { filter, definition } = this.#entry(name).prepared;
    return await newestWanted(this.#context.dispatcher, filter, changeReader(definition));
  }

  /**
   * Stops a subscription and lets go of its endpoint; what is remembered of it stays. Outcomes that
   * cannot be written down are repeated by whoever takes its place: a failure that was told already.
   * @throws TidingsError `SUBSCRIPTION_UNKNOWN`
   */
  async unregister(name: string): Promise<void> {
    const entry = this.#entry(name);
    await this.#beginning;
    const { running, prepared } = entry;
    this.#entries.delete(name);
    if (running === null) {
      await prepared.sink[Symbol.asyncDispose]();
      return;
    }
    const { delivery, controls } = running;
    delivery.beginDraining();
    await controls.settled();
    await delivery.rest(this.#stop.signal);
    await delivery.close();
    await this.#context.checkpoints.flush();
    this.#context.checkpoints.remove(delivery);
    delivery.open.reset(delivery.position);
  }

  status(): readonly SubscriptionStatus[] {
    return [...this.#entries.values()].map((entry) =>
      entry.running === null
        ? stoppedStatus(entry.prepared.definition.name, this.#context.source, entry.failure)
        : entry.running.delivery.status(),
    );
  }

  /**
   * Writes down for good whatever is known: only what is durable may decide what is removed of the
   * log (invariant 11).
   * @throws TidingsError `STATE_FAILED`: then nothing may be removed.
   */
  async settle(): Promise<void> {
    const { state, checkpoints } = this.#context;
    if (!(await checkpoints.flush())) throw checkpoints.error;
    await state.sync();
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { checkpoints } = this.#context;
    this.#stop.abort();
    await this.#dispatching;
    await this.#beginning;
    const running = this.#running();
    for (const { delivery } of running) delivery.beginDraining();
    await Promise.all(running.map(({ delivery }) => delivery.rest(signal)));
    await Promise.all(running.map(({ delivery }) => delivery.close()));
    // A failure has been told; what is not written is delivered again in the next run.
    await checkpoints.flush();
    checkpoints.close();
    const never = [...this.#entries.values()].filter((entry) => entry.running === null);
    await Promise.all(never.map(({ prepared }) => prepared.sink[Symbol.asyncDispose]()));
  }

  /** In its own turn, because this is told in the middle of an attempt's end. */
  #endpointGone(name: string, error: AttemptError): void {
    const entry = this.#entries.get(name);
    const running = entry?.running ?? null;
    if (running === null || running.delivery.paused) return;
    const reason = `the endpoint wants nothing any more: ${error.message}`;
    running.delivery.setPaused(reason);
    running.controls.pause(reason).catch((failure: unknown) => {
      // It stands still all the same, until the next start.
      this.#context.observer.failure(name, failure);
    });
  }

  #beginLater(entries: readonly Entry[]): void {
    this.#beginning = this.#beginning.then(() => this.#beginAll(entries));
  }

  /** Never rejects: what goes wrong is kept with the subscription. */
  async #beginAll(entries: readonly Entry[]): Promise<void> {
    const stored = new Map<Entry, StoredSubscription>();
    const created: StoredSubscription[] = [];
    for (const entry of entries) {
      await this.#attempt(entry, async () => {
        const { definition } = entry.prepared;
        const known = await findStored(this.#context, definition);
        const subscription = known ?? (await newStored(this.#context, definition));
        if (known === null) created.push(subscription);
        stored.set(entry, subscription);
      });
    }
    const failures = await rememberAll(this.#context.state, created);
    for (const [entry, subscription] of stored) {
      if (failures.has(subscription)) this.#failed(entry, failures.get(subscription));
      else await this.#attempt(entry, () => this.#begin(entry, subscription));
    }
  }

  async #begin(entry: Entry, stored: StoredSubscription): Promise<void> {
    if (this.#stop.signal.aborted || entry.running !== null) return;
    const delivery = new SubscriptionDelivery(entry.prepared, stored, this.#context);
    const controls = new SubscriptionControls(delivery, this.#context, this.#stop.signal);
    await delivery.begin();
    entry.running = { delivery, controls };
    entry.failure = null;
  }

  async #attempt(entry: Entry, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(entry, error);
    }
  }

  #failed(entry: Entry, error: unknown): void {
    entry.failure = error;
    this.#context.observer.failure(entry.prepared.definition.name, error);
  }

  #running(): readonly NonNullable<Entry['running']>[] {
    return [...this.#entries.values()].flatMap(({ running }) => running ?? []);
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new TidingsError('SUBSCRIPTION_UNKNOWN', { name });
    return entry;
  }

  #controls(name: string): SubscriptionControls {
    const { running, failure } = this.#entry(name);
    if (running !== null) return running.controls;
    throw failure ?? new TidingsError('SUBSCRIPTION_STOPPED', { name });
  }
}
