import type { ChangeView } from '../change/decode.ts';
import { untilWoken } from '../util/until-woken.ts';
import { isRewindTable } from '../change/rewind.ts';
import { qualifiedName, type TableDefinition } from '../change/table.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { abandonedBy } from '../log/forks.ts';
import type { LogRecord } from '../log/log.ts';
import { describeFailure } from '../sink/describe-failure.ts';
import type { Sink } from '../sink/sink.ts';
import type { StoredSubscription, SubscriptionCheckpoint } from '../state/state.ts';
import type { ChangeFilter } from '../subscription/filter.ts';
import type { Subscriber } from '../subscription/subscriber.ts';
import { SubscriptionReader } from '../subscription/subscription-reader.ts';
import type { Checkpointed } from './checkpoints.ts';
import type { DeliveryOptions, SubscriptionDefinition } from './definition.ts';
import { Delivery } from './delivery.ts';
import { EndpointWindow } from './endpoint-window.ts';
import { OpenDeliveries } from './open-deliveries.ts';
import { Rate } from './rate.ts';
import { ReplayFeed } from './replay-feed.ts';
import { restoreExceptions } from './restore.ts';
import { changeReader, readRecord } from './read-record.ts';
import type { SubscriptionContext } from './subscription-context.ts';
import type { SubscriptionStatus } from './subscription-status.ts';

/** A definition with what was made of it. */
export interface PreparedSubscription {
  readonly definition: SubscriptionDefinition;
  readonly filter: ChangeFilter;
  readonly sink: Sink;
  readonly delivery: DeliveryOptions;
}

/** Read and not done: twice a page, so that one page can be read while another is worked off. */
const MAX_UNRECORDED = 2_000;
/** Bytes of memory that these keep. */
const MAX_BYTES = 8 << 20;

/** One subscription at work: from its reader, through the filter, into its window, to its cursor. */
export class SubscriptionDelivery implements Subscriber, Checkpointed {
  readonly name: string;
  readonly open: OpenDeliveries;
  readonly window: EndpointWindow;
  readonly feed: ReplayFeed;
  readonly #context: SubscriptionContext;
  readonly #prepared: PreparedSubscription;
  readonly #reader: SubscriptionReader;
  readonly #rate = new Rate();
  /** Of the cursor, in records. */
  #progress: Rate;
  #pausedFor: string | null;
  #fault: Error | null = null;
  #draining = false;
  /**
   * False until its exceptions are in memory: nothing may be delivered before them, and the cursor
   * must not be written while it is being set.
   */
  #ready = false;
  #roomWaiter: (() => void) | null = null;
  /** Another subscription has given back what this one waits for. */
  readonly #onFreed = (): void => this.#tellRoom();
  #restWritten: number | null = null;

  constructor(
    prepared: PreparedSubscription,
    stored: StoredSubscription,
    context: SubscriptionContext,
  ) {
    const { definition, sink, delivery } = prepared;
    this.name = definition.name;
    this.#prepared = prepared;
    this.#context = context;
    this.#pausedFor = stored.paused?.reason ?? null;
    this.#progress = new Rate(stored.cursor, performance.now());
    this.open = new OpenDeliveries(this.name, stored.cursor, {
      deliveries: MAX_UNRECORDED,
      bytes: MAX_BYTES,
      exceptions: delivery.maxExceptions,
      room: context.room,
    });
    this.window = new EndpointWindow({
      subscription: this.name,
      sink,
      delivery,
      open: this.open,
      toChange: changeReader(definition),
      readAgain: async (offset) => (await readRecord(context, offset)).view,
      onChanged: () => this.#changed(),
      onGone: (error) => this.#context.onGone(this.name, error),
      observer: context.observer,
      onCommitPoint: context.onCommitPoint,
    });
    if (stored.restsUntil !== null) this.window.pace.restUntil(stored.restsUntil);
    this.#reader = new SubscriptionReader(this, context.dispatcher, stored.cursor);
    this.feed = new ReplayFeed({
      ...context,
      subscription: this.name,
      open: this.open,
      window: this.window,
      cursor: () => this.cursor,
      wantsTable: (table) => this.#mayWant(table),
      matches: (view) => this.matches(view),
      onFailure: (error) => this.troubled(error),
    });
  }

  get paused(): boolean {
    return this.#pausedFor !== null;
  }

  /** Takes up its exceptions, then reads and delivers unless it is paused. */
  async begin(): Promise<void> {
    await this.#takeUp(this.#reader.position);
    this.#context.checkpoints.add(this);
    this.#context.room.onFreed(this.#onFreed);
    this.goOn();
  }

  /** Stops reading and attempting; resolves when nothing is in flight, or when the signal aborts. */
  async rest(signal: AbortSignal): Promise<void> {
    this.window.hold();
    await this.#reader.stop();
    await this.feed.stop();
    await this.window.idle(signal);
  }

  /** Reads and attempts again after a rest, unless it is paused. */
  goOn(): void {
    if (this.#draining || this.paused || !this.#ready) return;
    this.window.release();
    this.#reader.start();
    this.feed.start();
  }

  /** Notes that somebody wants it to stand still; `rest` does it. */
  setPaused(reason: string): void {
    this.#pausedFor = reason;
  }

  /** Goes on after a pause, or after a change that the filter had no answer for. */
  async resume(): Promise<void> {
    this.#pausedFor = null;
    this.#fault = null;
    this.window.pace.wake();
    if (!this.#ready) await this.#takeUp(this.#reader.position);
    this.goOn();
  }

  /** Sets the cursor; nothing is in flight. Goes on from there unless it is paused. */
  async moveTo(cursor: number): Promise<void> {
    this.#ready = false;
    try {
      await this.#context.state.rewind(this.name, cursor);
    } catch (error) {
      this.#ready = true;
      this.goOn();
      throw error;
    }
    this.#fault = null;
    this.#progress = new Rate(cursor, performance.now());
    await this.#takeUp(cursor);
    this.goOn();
  }

  /** The next offset to be read. */
  get position(): number {
    return this.#reader.position;
  }

  /** The first offset whose outcome is not known. */
  get cursor(): number {
    return this.open.cursor(this.#reader.position);
  }

  /**
   * Delivers a change again that is done or was given up.
   * @throws TidingsError `DELIVERY_NOT_YET`, `CHANGE_NOT_WANTED`, `OFFSET_UNKNOWN`, `LOG_PRUNED`
   */
  async deliverAgain(offset: number): Promise<void> {
    const { dispatcher, source } = this.#context;
    const { log } = dispatcher;
    const { name } = this;
    if (offset >= log.head)
      throw new TidingsError('OFFSET_UNKNOWN', { offset, source, head: log.head });
    if (offset >= this.cursor) throw new TidingsError('DELIVERY_NOT_YET', { name, offset });
    const { record, view } = await readRecord(this.#context, offset);
    if (!this.#mayWant(record.table) || !this.matches(view)) {
      throw new TidingsError('CHANGE_NOT_WANTED', { name, offset });
    }
    this.window.readmit(new Delivery(record, null));
  }

  beginDraining(): void {
    this.#draining = true;
  }

  /** Cuts short what is still in flight, and lets go of the endpoint. */
  async close(): Promise<void> {
    this.#context.room.forget(this.#onFreed);
    this.window.close();
    await this.#reader.stop();
    await this.feed.stop();
    await this.#prepared.sink[Symbol.asyncDispose]();
  }

  status(): SubscriptionStatus {
    const { source, dispatcher } = this.#context;
    const { cursor } = this;
    const counts = { retrying: 0, blocked: 0 };
    for (const { state, attempts, recorded } of this.open.all()) {
      if (state === 'retrying' || state === 'blocked') counts[state] += 1;
      // An exception that only waits for a place is what it was before.
      else if (state === 'ready' && recorded) counts[attempts > 0 ? 'retrying' : 'blocked'] += 1;
    }
    const overdue = [...this.window.overdue()];
    const [longest] = overdue;
    const now = performance.now();
    return {
      name: this.name,
      source,
      ...this.#stateAndReason(),
      cursor,
      lag: dispatcher.log.head - cursor,
      inFlight: this.window.inFlight,
      ...counts,
      parked: this.open.parked,
      stuck: overdue.length,
      stuckSince: longest === undefined ? null : Math.round(Date.now() - (now - longest.startedAt)),
      delivered: this.window.delivered,
      rate: this.#rate.perSecond(this.window.delivered, now),
      speed: this.#progress.perSecond(cursor, now),
      lastError: this.window.lastError,
      restsUntil: this.window.pace.restsUntil,
      replays: this.feed.replays,
    };
  }

  wantsTable(table: TableDefinition): boolean {
    if (!this.#mayWant(table)) return false;
    const missing = isRewindTable(table) ? [] : this.#prepared.filter.missingColumns(table);
    if (missing.length > 0) {
      this.#context.observer.missingColumns(this.name, qualifiedName(table), missing);
    }
    return true;
  }

  matches(view: ChangeView): boolean {
    const { offset, table } = view.stored;
    // A fresh read on the source will never see it (invariant 4).
    if (abandonedBy(this.#context.dispatcher.log.forks(), offset) !== null) return false;
    return isRewindTable(table) || this.#prepared.filter.matches(view);
  }

  offer(record: LogRecord, view: ChangeView): boolean {
    if (!this.open.hasRoom || !this.#canRecord) return false;
    this.window.take(record, view);
    return true;
  }

  async room(signal: AbortSignal): Promise<boolean> {
    const { buffers } = this.#context.room;
    if (this.#hasRoomForPage) return buffers.full;
    await untilWoken(signal, (wake) => {
      this.#roomWaiter = wake;
      return () => void (this.#roomWaiter = null);
    });
    return buffers.full;
  }

  lost(from: number, to: number): void {
    const details = { name: this.name, from, last: to - 1 };
    this.#note(new TidingsError('RECORDS_LOST', details));
    this.open.lost(from, to);
    this.#context.observer.lost(this.name, from, to);
    this.#changed();
  }

  faulted(error: unknown): void {
    this.#stopAt(error);
    this.#context.observer.failure(this.name, error);
  }

  troubled(error: unknown): void {
    this.#note(error);
    this.#context.observer.failure(this.name, error);
  }

  takeCheckpoint(): SubscriptionCheckpoint | null {
    if (!this.#ready) return null;
    const now = performance.now();
    this.#rate.note(this.window.delivered, now);
    this.#progress.note(this.cursor, now);
    const { restsUntil } = this.window.pace;
    const more = this.feed.hasProgress || restsUntil !== this.#restWritten;
    const checkpoint = this.open.checkpoint(now, this.#reader.position, more);
    // What the cursor has passed is in memory as an exception only, which may have made room.
    this.#tellRoom();
    if (checkpoint === null || !more) return checkpoint;
    this.#restWritten = restsUntil;
    return { ...checkpoint, restsUntil, replays: this.feed.takeProgress() };
  }

  checkpointed(checkpoint: SubscriptionCheckpoint, written: boolean): void {
    this.open.settle(checkpoint, written);
    if (checkpoint.replays !== undefined) this.feed.settle(written);
    if (written) this.#context.onCommitPoint?.('delivery 4: checkpointed');
  }

  recovered(): void {
    this.#tellRoom();
  }

  get lingering(): boolean {
    return this.open.lingering;
  }

  /** That its source's history went back concerns everybody, whatever they have asked for. */
  #mayWant(table: TableDefinition): boolean {
    return isRewindTable(table) || this.#prepared.filter.wantsTable(table);
  }

  /** Without being able to record outcomes, a crash would repeat more and more. */
  get #canRecord(): boolean {
    return this.#context.checkpoints.error === null;
  }

  get #hasRoomForPage(): boolean {
    return this.open.hasRoomForPage && this.#canRecord;
  }

  /** Begins anew at a cursor, with the exceptions that the state has. */
  async #takeUp(cursor: number): Promise<void> {
    const { state, dispatcher } = this.#context;
    this.window.reset();
    this.open.reset(cursor);
    this.#reader.moveTo(cursor);
    try {
      dispatcher.index.refresh();
      const { parked } = await state.countExceptions(this.name);
      this.open.parked = parked;
      this.feed.reset(await state.replays(this.name));
      await restoreExceptions(state, this.name, dispatcher.index, (delivery: Delivery) =>
        this.window.restore(delivery),
      );
      this.#ready = true;
    } catch (error) {
      this.open.reset(cursor);
      // It stands still, and says why, until somebody resumes it.
      this.#stopAt(error);
      throw error;
    }
  }

  #stopAt(error: unknown): void {
    this.#fault = error instanceof Error ? error : new Error(String(error), { cause: error });
    this.#note(this.#fault);
  }

  #changed(): void {
    this.#context.checkpoints.mark(this);
    this.#tellRoom();
  }

  #tellRoom(): void {
    this.feed.wake();
    if (this.#roomWaiter !== null && this.#hasRoomForPage) this.#roomWaiter();
  }

  #note(error: unknown): void {
    this.window.lastError = { ...describeFailure(error), at: Date.now() };
  }

  #stateAndReason(): Pick<SubscriptionStatus, 'state' | 'reason'> {
    if (this.#draining) return { state: 'draining', reason: null };
    if (this.#pausedFor !== null) return { state: 'paused', reason: this.#pausedFor };
    if (this.#fault !== null) return { state: 'paused', reason: this.#fault.message };
    if (this.open.full) {
      return { state: 'full', reason: 'too many deliveries are retrying or blocked' };
    }
    return { state: this.#reader.state, reason: null };
  }
}
