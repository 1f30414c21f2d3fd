import type { ChangeView } from '../change/decode.ts';
import { untilWoken } from '../util/until-woken.ts';
import type { TableDefinition } from '../change/table.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { LogRecord } from '../log/log.ts';
import type { State, StoredException, StoredReplay } from '../state/state.ts';
import type { Dispatcher } from '../subscription/dispatcher.ts';
import { sleep } from '../util/sleep.ts';
import type { Checkpoints } from './checkpoints.ts';
import { Delivery } from './delivery.ts';
import type { EndpointWindow } from './endpoint-window.ts';
import type { OpenDeliveries } from './open-deliveries.ts';
import { toDelivery } from './restore.ts';

export interface ReplayFeedOptions {
  readonly subscription: string;
  readonly state: State;
  readonly dispatcher: Dispatcher;
  readonly checkpoints: Checkpoints;
  readonly open: OpenDeliveries;
  readonly window: EndpointWindow;
  /** Everything below was read for the first time, and is done or an exception. */
  readonly cursor: () => number;
  readonly wantsTable: (table: TableDefinition) => boolean;
  readonly matches: (view: ChangeView) => boolean;
  readonly onFailure: (error: unknown) => void;
}

const PAGE_RECORDS = 500;
const PAGE_BYTES = 1 << 20;
/** Log or state cannot be read at the moment: the pause before another try, milliseconds. */
const FAILURE_PAUSE = 1_000;

/**
 * Delivers ranges of the log again: puts their changes back among the subscription's exceptions, a
 * few thousand at a time, while new changes go on. How far it got is written in the same checkpoint
 * as the exceptions it made, so a crash neither skips nor forgets any (invariant 5).
 */
export class ReplayFeed {
  readonly #options: ReplayFeedOptions;
  #replays: StoredReplay[] = [];
  /** Progress to be written, by the replay's number. */
  #advanced = new Map<number, StoredReplay>();
  #written: Map<number, StoredReplay> | null = null;
  #run: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();
  #wake: (() => void) | null = null;

  constructor(options: ReplayFeedOptions) {
    this.#options = options;
  }

  /** Those that are not done, the oldest first. */
  get replays(): readonly StoredReplay[] {
    return this.#replays;
  }

  /** Takes up what the state remembers. Nothing runs. */
  reset(replays: readonly StoredReplay[]): void {
    this.#replays = [...replays];
    this.#advanced.clear();
    this.#written = null;
  }

  add(replay: StoredReplay): void {
    this.#replays.push(replay);
    this.wake();
  }

  start(): void {
    if (this.#run !== null) return;
    this.#run = new AbortController();
    this.#running = this.#feed(this.#run.signal);
  }

  async stop(): Promise<void> {
    this.#run?.abort();
    this.#run = null;
    await this.#running;
  }

  /** There may be room, or the cursor may have moved. */
  wake(): void {
    this.#wake?.();
  }

  /** What has to be written with the next checkpoint; `settle` tells how that went. */
  takeProgress(): readonly StoredReplay[] {
    this.#written = this.#advanced;
    this.#advanced = new Map();
    return [...this.#written.values()];
  }

  get hasProgress(): boolean {
    return this.#advanced.size > 0;
  }

  settle(written: boolean): void {
    // What has advanced since then is newer.
    if (!written) this.#advanced = new Map([...(this.#written ?? []), ...this.#advanced]);
    this.#written = null;
  }

  async #feed(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [replay] = this.#replays;
      if (replay === undefined || !this.#canGoOn(replay)) {
        await this.#woken(signal);
        continue;
      }
      try {
        if (!(await this.#options.checkpoints.flush())) throw this.#options.checkpoints.error;
        if (signal.aborted) return;
        if (replay.kind === 'range') await this.#feedRange(replay, signal);
        else await this.#feedParked(replay, signal);
      } catch (error) {
        this.#options.onFailure(error);
        await sleep(FAILURE_PAUSE, signal);
      }
    }
  }

  #canGoOn({ next, to }: StoredReplay): boolean {
    return this.#options.open.hasRoomForReplay && (next >= to || next < this.#options.cursor());
  }

  async #feedRange(replay: StoredReplay, signal: AbortSignal): Promise<void> {
    const { dispatcher, cursor, wantsTable, matches, open } = this.#options;
    const { log, decoder } = dispatcher;
    const to = Math.min(replay.to, cursor());
    const tables = new Set(
      log
        .tables()
        .filter(wantsTable)
        .map(({ id }) => id),
    );
    if (tables.size === 0 || replay.next >= to) {
      this.#advance(replay, to);
      return;
    }
    try {
      const limits = { limit: PAGE_RECORDS, maxBytes: PAGE_BYTES };
      const page = await log.read({ from: replay.next, to, tables, ...limits });
      for (const record of page.records) {
        const wanted = matches(decoder.view(record));
        const stored = wanted ? await this.#stored(record.offset) : null;
        // The rest of the page is read again.
        if (signal.aborted || !open.hasRoomForReplay) return;
        if (wanted) this.#again(record, stored);
        this.#advance(replay, record.offset + 1);
      }
      this.#advance(replay, page.next);
    } catch (error) {
      if (!isTidingsError(error, 'LOG_PRUNED') || replay.next >= log.floor) throw error;
      // A hard retention limit; said aloud, then what is left of it goes on.
      this.#options.onFailure(error);
      this.#advance(replay, Math.min(log.floor, replay.to));
    }
  }

  async #feedParked(replay: StoredReplay, signal: AbortSignal): Promise<void> {
    const { state, subscription, window, open, dispatcher, cursor } = this.#options;
    const to = Math.min(replay.to, cursor());
    const page = await state.exceptions({
      subscription,
      states: ['parked'],
      after: replay.next - 1,
      limit: PAGE_RECORDS,
    });
    for (const exception of page) {
      if (exception.offset >= to) break;
      if (signal.aborted || !open.hasRoomForReplay) return;
      window.replay(toDelivery(exception, dispatcher.index));
      this.#advance(replay, exception.offset + 1);
    }
    const last = page.at(-1)?.offset ?? to;
    if (page.length < PAGE_RECORDS || last >= to) this.#advance(replay, to);
  }

  /** The row of a change that is not in memory: parked, given up, or none when it is done. */
  async #stored(offset: number): Promise<StoredException | null> {
    const { state, subscription, checkpoints, open } = this.#options;
    const stored = await state.exception(subscription, offset);
    if (stored === null || isResting(stored) || open.find(offset) !== undefined) return stored;
    // It was parked or done a moment ago, and that is not written yet.
    if (!(await checkpoints.flush())) throw checkpoints.error;
    return await state.exception(subscription, offset);
  }

  #again(record: LogRecord, stored: StoredException | null): void {
    const { open, window, dispatcher } = this.#options;
    const current = open.find(record.offset);
    // One that cannot be attempted now is about to be, or waits for an earlier one of its row.
    if (current !== undefined) window.replay(current);
    else if (stored?.state === 'parked') window.replay(toDelivery(stored, dispatcher.index));
    else window.readmit(new Delivery(record, null));
  }

  /** Goes on behind `next`. Moves no further back: a replay is taken up where it got to. */
  #advance(replay: StoredReplay, next: number): void {
    const { id, to } = replay;
    const at = this.#replays.findIndex((each) => each.id === id);
    if (at === -1) return;
    const advanced = { ...replay, next };
    if (next >= to) this.#replays.splice(at, 1);
    else this.#replays[at] = advanced;
    this.#advanced.set(id, advanced);
  }

  async #woken(signal: AbortSignal): Promise<void> {
    await untilWoken(signal, (wake) => {
      this.#wake = wake;
      return () => void (this.#wake = null);
    });
  }
}

function isResting({ state }: StoredException): boolean {
  return state === 'parked' || state === 'discarded';
}
