import type { ChangeDecoder, ChangeView } from '../change/decode.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { LogReader, LogRecord } from '../log/log.ts';
import { backoff, type BackoffOptions } from '../util/backoff.ts';
import { sleep } from '../util/sleep.ts';
import type { Horizon } from './horizon.ts';
import { type IndexedReader, TableIndex } from './table-index.ts';
import { nextTurn, Turns } from './turns.ts';

/** A subscription as the dispatcher knows it. */
export interface LiveReader extends IndexedReader {
  /** Takes a change of a table that it may want. It must not throw: others are waiting. */
  hand(record: LogRecord, view: ChangeView): void;
  /** The dispatcher cannot go on at this offset: each one has to see for itself. */
  fallBehind(offset: number): void;
}

export interface DispatcherOptions {
  readonly log: LogReader;
  readonly horizon: Horizon;
  readonly decoder: ChangeDecoder;
  /** Told of a read that failed; the dispatcher goes on by itself. */
  readonly onFailure: (error: unknown) => void;
}

const PAGE_RECORDS = 1_000;
/** Changes handed over before the rest of the process gets its turn; about a millisecond's work. */
const HANDED_PER_TURN = 1_000;
/** Pages of catch-up worked on at the same time, beside the dispatcher's own. */
const CATCH_UP_PAGES = 2;
const READ_RETRY: BackoffOptions = { first: 100, factor: 2, max: 10_000, jitter: 0.3 };

/**
 * Reads each page of one source's log once for all subscriptions that are live, and hands each
 * change to those that may want it, found by the index on tables.
 */
export class Dispatcher {
  readonly log: LogReader;
  readonly horizon: Horizon;
  readonly decoder: ChangeDecoder;
  readonly index: TableIndex<LiveReader>;
  readonly turns = new Turns(CATCH_UP_PAGES);
  readonly #onFailure: (error: unknown) => void;
  #position: number;

  constructor({ log, horizon, decoder, onFailure }: DispatcherOptions) {
    this.log = log;
    this.horizon = horizon;
    this.decoder = decoder;
    this.index = new TableIndex(log);
    this.#onFailure = onFailure;
    this.#position = horizon.offset;
  }

  /** The next offset to be handed to live subscriptions. Exact also in the middle of a page. */
  get position(): number {
    return this.#position;
  }

  /**
   * Whether a subscription that has read up to here can go live: not when it is behind. With nobody
   * live the dispatcher comes along, rather than read for nobody.
   */
  join(position: number): boolean {
    // It has lost records to retention and has to find out by reading.
    if (position < this.log.floor) return false;
    if (this.index.liveCount === 0) this.#position = Math.max(this.#position, position);
    return position >= this.#position;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      await this.horizon.wait(this.#position, signal);
      if (signal.aborted) return;
      try {
        await this.#dispatch(signal);
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#onFailure(error);
        await sleep(backoff(READ_RETRY, failures), signal);
      }
      await nextTurn();
    }
  }

  async #dispatch(signal: AbortSignal): Promise<void> {
    const { log, index, horizon } = this;
    const from = this.#position;
    if (index.liveCount === 0) {
      this.#position = horizon.offset;
      return;
    }
    index.refresh();
    try {
      const page = await log.read({ from, to: horizon.offset, limit: PAGE_RECORDS });
      await this.#hand(page.records, signal);
      if (!signal.aborted) this.#position = Math.max(this.#position, page.next);
    } catch (error) {
      if (!isTidingsError(error, 'LOG_PRUNED')) throw error;
      // A hard retention limit: each subscription finds out, and reports, what it has lost.
      for (const reader of index.live) reader.fallBehind(from);
    }
  }

  async #hand(records: readonly LogRecord[], signal: AbortSignal): Promise<void> {
    let handed = 0;
    for (const record of records) {
      // While nobody was live the position may have moved on.
      if (record.offset < this.#position) continue;
      const interested = this.index.interested(record.table.id);
      if (interested !== undefined && interested.size > 0) {
        const view = this.decoder.view(record);
        for (const reader of interested) reader.hand(record, view);
        handed += interested.size;
      }
      this.#position = record.offset + 1;
      if (handed >= HANDED_PER_TURN) {
        handed = 0;
        await nextTurn();
        if (signal.aborted) return;
      }
    }
  }
}
