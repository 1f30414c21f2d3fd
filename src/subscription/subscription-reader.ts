import type { ChangeView } from '../change/decode.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { LogRecord, LoggedTable, TableId } from '../log/log.ts';
import { backoff, type BackoffOptions } from '../util/backoff.ts';
import { sleep } from '../util/sleep.ts';
import type { Dispatcher, LiveReader } from './dispatcher.ts';
import type { Subscriber } from './subscriber.ts';
import { nextTurn } from './turns.ts';

export type ReadingState = 'stopped' | 'catching up' | 'live';

/**
 * One page of catch-up. Small, so that a thousand subscriptions that are behind at the same time
 * stay within memory; large enough that a page's fixed cost does not matter.
 */
export const PAGE_RECORDS = 1_000;
const PAGE_BYTES = 1 << 20;
/** The same while memory is short: a thousand of them are little. */
const SMALL_PAGE_BYTES = 64 << 10;

/** A log that cannot be read at the moment is tried again at this pace. */
const READ_RETRY: BackoffOptions = { first: 100, factor: 2, max: 10_000, jitter: 0.3 };

/**
 * Where one subscription is in the log, and how it gets on: live, when the dispatcher hands it what
 * it reads for all; catching up, when it is behind and reads for itself. It changes from one to the
 * other at an exact offset, so no change is missed or offered twice at the cut-over.
 */
export class SubscriptionReader implements LiveReader {
  readonly subscriber: Subscriber;
  readonly tables = new Set<TableId>();
  readonly #dispatcher: Dispatcher;
  #state: ReadingState = 'stopped';
  #position: number;
  #run = new AbortController();
  #catchUp: Promise<void> = Promise.resolve();

  constructor(subscriber: Subscriber, dispatcher: Dispatcher, position: number) {
    this.subscriber = subscriber;
    this.#dispatcher = dispatcher;
    this.#position = position;
  }

  get state(): ReadingState {
    return this.#state;
  }

  /**
   * The next offset to be offered. A live subscription that takes part in nothing follows the
   * dispatcher without any work of its own.
   */
  get position(): number {
    return this.#state === 'live'
      ? Math.max(this.#position, this.#dispatcher.position)
      : this.#position;
  }

  wantsTable(table: LoggedTable): boolean {
    return this.subscriber.wantsTable(table);
  }

  /** Sets where reading will begin; it is stopped. */
  moveTo(position: number): void {
    this.#position = position;
  }

  /** Starts reading from its position. Does nothing when it reads already. */
  start(): void {
    if (this.#state !== 'stopped') return;
    this.#run = new AbortController();
    this.#dispatcher.index.add(this);
    this.#beginCatchUp();
  }

  /** Stops reading; nothing is offered any more once it resolves. */
  async stop(): Promise<void> {
    this.#halt();
    await this.#catchUp;
  }

  hand(record: LogRecord, view: ChangeView): void {
    const { offset } = record;
    if (offset < this.#position) return;
    if (this.#offer(record, view) || this.#state !== 'live') return;
    this.#leaveLive(offset);
  }

  fallBehind(offset: number): void {
    if (this.#state === 'live') this.#leaveLive(Math.max(offset, this.#position));
  }

  #halt(): void {
    if (this.#state === 'stopped') return;
    this.#position = this.position;
    this.#state = 'stopped';
    this.#dispatcher.index.remove(this);
    this.#run.abort();
  }

  #leaveLive(offset: number): void {
    this.#position = offset;
    this.#dispatcher.index.setLive(this, false);
    this.#beginCatchUp();
  }

  #beginCatchUp(): void {
    this.#state = 'catching up';
    this.#catchUp = this.#readUntilLive(this.#run.signal);
  }

  /** False when the change was not taken: there is no room, or the filter has stopped reading. */
  #offer(record: LogRecord, view: ChangeView): boolean {
    const { subscriber } = this;
    try {
      return !subscriber.matches(view) || subscriber.offer(record, view);
    } catch (error) {
      // Neither sending nor skipping would be right, so reading ends before this change.
      this.#halt();
      this.#position = record.offset;
      subscriber.faulted(error);
      return false;
    }
  }

  async #readUntilLive(signal: AbortSignal): Promise<void> {
    const { horizon } = this.#dispatcher;
    let failures = 0;
    while (!signal.aborted) {
      try {
        // A position beyond the horizon is normal after a start: nothing is known to be visible yet.
        await horizon.wait(this.#position - 1, signal);
        if (signal.aborted || this.#joinLive()) return;
        const maxBytes = (await this.subscriber.room(signal)) ? SMALL_PAGE_BYTES : PAGE_BYTES;
        await this.#dispatcher.turns.take(signal, () => this.#readPage(maxBytes, signal));
        failures = 0;
      } catch (error) {
        failures += 1;
        this.subscriber.troubled(error);
        await sleep(backoff(READ_RETRY, failures), signal);
      }
      await nextTurn();
    }
  }

  /** The cut-over: possible from the moment on when the dispatcher is not ahead any more. */
  #joinLive(): boolean {
    if (!this.#dispatcher.join(this.#position)) return false;
    this.#state = 'live';
    this.#dispatcher.index.setLive(this, true);
    return true;
  }

  async #readPage(maxBytes: number, signal: AbortSignal): Promise<void> {
    const { log, horizon, index, decoder } = this.#dispatcher;
    index.refresh();
    const from = this.#position;
    const to = horizon.offset;
    if (from >= to) return;
    if (this.tables.size === 0 && from >= log.floor) {
      this.#position = to;
      return;
    }
    try {
      const filter = index.wantsAll(this) ? {} : { tables: this.tables };
      const limits = { limit: PAGE_RECORDS, maxBytes };
      const page = await log.read({ from, to, ...filter, ...limits });
      if (signal.aborted) return;
      for (const record of page.records) {
        // The rest of the page is read again later: keeping it would not be bounded in memory.
        if (!this.#offer(record, decoder.view(record))) return;
        this.#position = record.offset + 1;
      }
      this.#position = page.next;
    } catch (error) {
      if (!isTidingsError(error, 'LOG_PRUNED') || from >= log.floor) throw error;
      this.#position = log.floor;
      this.subscriber.lost(from, this.#position);
    }
  }
}
