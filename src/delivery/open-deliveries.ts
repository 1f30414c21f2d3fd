import type { StoredException, StoredLoss, SubscriptionCheckpoint } from '../state/state.ts';
import { qualifiedName } from '../change/table.ts';
import type { Delivery } from './delivery.ts';
import type { KeptBuffer } from './kept-buffers.ts';
import type { OpenRoom } from './open-room.ts';

/** How much of one subscription may be open at the same time. */
export interface OpenLimits {
  /** Deliveries at or beyond the cursor. */
  readonly deliveries: number;
  /** Bytes of memory that their records keep. */
  readonly bytes: number;
  /** Exceptions that are retrying or blocked. */
  readonly exceptions: number;
  /** Of all subscriptions together, both kinds. */
  readonly room: OpenRoom;
}

/**
 * An attempt that takes longer than this becomes an exception while it is under way, so that it does
 * not hold the cursor: what others deliver meanwhile would be repeated after a crash. Milliseconds.
 */
export const LINGER = 1_000;

/** After the limit of exceptions was reached, reading goes on when this share of it is left. */
const RESUME_SHARE = 0.9;

/**
 * The deliveries of one subscription that are not done, on both sides of its cursor, and what of it
 * has still to be written down.
 *
 * The cursor stands at the first delivery whose outcome is not known: one that waits for its turn or
 * is being attempted. Below it are only exceptions, each with its row in the state; at or beyond it
 * nothing has a row. So after a crash everything from the cursor on is simply read again, in order,
 * and a change that was already delivered cannot come after a later one of its row that was not
 * (invariants 5 and 6). That is why an outcome beyond the cursor is not written before the cursor
 * reaches it, not even a failure.
 */
export class OpenDeliveries {
  readonly #subscription: string;
  readonly #limits: OpenLimits;
  /** At or beyond the cursor, in the order of offsets. */
  readonly #unrecorded = new Set<Delivery>();
  /** Below the cursor: everything but what is parked, which is in the state only. */
  readonly #exceptions = new Map<number, Delivery>();
  /** Exceptions to be written, or to be removed where the value is null. */
  #rows = new Map<number, Delivery | null>();
  #losses: StoredLoss[] = [];
  #written: { readonly rows: Map<number, Delivery | null>; readonly losses: StoredLoss[] } | null =
    null;
  #cursor: number;
  #writtenCursor: number;
  #bytes = 0;
  /** That of the newest delivery. */
  #buffer: KeptBuffer | null = null;
  #full = false;
  /** Parked deliveries, here and in the state. */
  parked = 0;

  constructor(subscription: string, cursor: number, limits: OpenLimits) {
    this.#subscription = subscription;
    this.#cursor = cursor;
    this.#writtenCursor = cursor;
    this.#limits = limits;
  }

  /** True when one more delivery can be taken. */
  get hasRoom(): boolean {
    const { deliveries, bytes } = this.#limits;
    if (this.full || this.#refused) return false;
    return this.#unrecorded.size < deliveries && this.#bytes < bytes;
  }

  /** True when half of the room is free, so that reading a page is worth it. */
  get hasRoomForPage(): boolean {
    const { deliveries, bytes } = this.#limits;
    if (this.full || this.#refused) return false;
    if (this.#limits.room.buffers.full && this.#unrecorded.size > 0) return false;
    return this.#unrecorded.size <= deliveries / 2 && this.#bytes <= bytes / 2;
  }

  /** True when there are so many exceptions that reading has to wait. */
  get full(): boolean {
    const { exceptions, room } = this.#limits;
    const size = this.#exceptions.size;
    this.#full = size >= exceptions || (this.#full && size > exceptions * RESUME_SHARE);
    return this.#full || room.refuses(size);
  }

  /** True while replays may add exceptions: half of the room is kept for what fails now. */
  get hasRoomForReplay(): boolean {
    return this.#exceptions.size < this.#limits.exceptions / 2 && !this.#refused;
  }

  /** True when a delivery holds the cursor that becomes an exception just by taking long. */
  get lingering(): boolean {
    return this.#unrecorded.size > 0;
  }

  *all(): IterableIterator<Delivery> {
    yield* this.#exceptions.values();
    yield* this.#unrecorded;
  }

  /** The delivery at this offset, unless it is done or parked below the cursor. */
  find(offset: number): Delivery | undefined {
    const exception = this.#exceptions.get(offset);
    if (exception !== undefined) return exception;
    for (const delivery of this.#unrecorded) if (delivery.offset === offset) return delivery;
    return undefined;
  }

  /** The first offset without a known outcome; `position` is how far was read. */
  cursor(position: number): number {
    for (const { offset } of this.#unrecorded) return offset;
    return position;
  }

  /** Takes in a delivery that was just read. */
  admit(delivery: Delivery): void {
    this.#unrecorded.add(delivery);
    this.#limits.room.add(1);
    this.#keepImages(delivery);
  }

  /** Takes in an exception from the state. */
  restore(delivery: Delivery): void {
    delivery.recorded = true;
    this.#keep(delivery);
  }

  /** Takes back one that was parked and is to be attempted again. */
  unpark(delivery: Delivery): void {
    this.parked -= 1;
    if (this.#unrecorded.has(delivery)) return;
    this.restore(delivery);
    this.#rows.set(delivery.offset, delivery);
  }

  /** Takes in one below the cursor that is attempted anew, with no row yet or one that says less. */
  readmit(delivery: Delivery): void {
    this.restore(delivery);
    this.#rows.set(delivery.offset, delivery);
  }

  /** Notes that the delivery's state has changed. */
  changed(delivery: Delivery): void {
    const { offset, state } = delivery;
    if (state === 'parked') this.parked += 1;
    if (!delivery.recorded) {
      // One that was given up stays until the cursor passes it and its reason can be written.
      if (state === 'done' && delivery.discarded === null) this.#forget(delivery);
      return;
    }
    this.#rows.set(offset, state === 'done' && delivery.discarded === null ? null : delivery);
    if (state !== 'done' && state !== 'parked') return;
    if (this.#exceptions.delete(offset)) this.#limits.room.add(-1);
  }

  /** Notes that a delivery that was parked below the cursor is given up. */
  discardParked(delivery: Delivery): void {
    this.#rows.set(delivery.offset, delivery);
    this.parked -= 1;
  }

  /** Notes that records are gone that were never read. */
  lost(from: number, to: number): void {
    this.#losses.push({ from, to, at: Date.now() });
  }

  /** Forgets everything, for a rewind, when the state already says so, or at the end. */
  reset(cursor: number): void {
    this.#limits.room.add(-this.#size);
    for (const delivery of this.#unrecorded) this.#releaseImages(delivery);
    this.#unrecorded.clear();
    this.#exceptions.clear();
    this.#rows.clear();
    this.#full = false;
    this.#cursor = cursor;
    this.#writtenCursor = cursor;
  }

  /**
   * What is to be written now, or null when nothing has changed. Moves the cursor as far as outcomes
   * are known; {@link OpenDeliveries.settle} must be told how the writing went.
   * @param now on the process's own clock.
   * @param position how far was read.
   * @param more there is something else to be written with it.
   */
  checkpoint(now: number, position: number, more = false): SubscriptionCheckpoint | null {
    this.#moveCursor(now, position);
    const rows = this.#rows;
    const losses = this.#losses;
    const nothing = rows.size === 0 && losses.length === 0 && this.#cursor === this.#writtenCursor;
    if (nothing && !more) return null;
    this.#rows = new Map();
    this.#losses = [];
    this.#written = { rows, losses };
    const put: StoredException[] = [];
    const remove: number[] = [];
    for (const [offset, delivery] of rows) {
      if (delivery === null) remove.push(offset);
      else put.push(toStored(delivery));
    }
    return { name: this.#subscription, cursor: this.#cursor, put, remove, losses };
  }

  /** Ends a checkpoint. What could not be written is part of the next one. */
  settle(checkpoint: SubscriptionCheckpoint, written: boolean): void {
    if (written) this.#writtenCursor = checkpoint.cursor;
    else if (this.#written !== null) {
      const { rows, losses } = this.#written;
      // What has changed since then is newer.
      this.#rows = new Map([...rows, ...this.#rows]);
      this.#losses = [...losses, ...this.#losses];
    }
    this.#written = null;
  }

  #moveCursor(now: number, position: number): void {
    for (const delivery of this.#unrecorded) {
      if (!isKnown(delivery, now)) {
        this.#cursor = delivery.offset;
        return;
      }
      this.#forget(delivery);
      delivery.recorded = true;
      // It is read again when it is attempted: of exceptions there may be thousands.
      delivery.view = null;
      this.#rows.set(delivery.offset, delivery);
      if (delivery.state !== 'parked' && delivery.state !== 'done') {
        this.#keep(delivery);
      }
    }
    this.#cursor = position;
  }

  get #size(): number {
    return this.#unrecorded.size + this.#exceptions.size;
  }

  /** True when all subscriptions together have as much open as there may be, and this one its share. */
  get #refused(): boolean {
    return this.#limits.room.refuses(this.#size);
  }

  #keep(delivery: Delivery): void {
    const before = this.#exceptions.size;
    this.#exceptions.set(delivery.offset, delivery);
    this.#limits.room.add(this.#exceptions.size - before);
  }

  #forget(delivery: Delivery): void {
    if (this.#unrecorded.delete(delivery)) this.#limits.room.add(-1);
    this.#releaseImages(delivery);
  }

  /**
   * A record's images are part of a larger buffer, that of all records read together, and keep all
   * of it in memory. So the first record of a buffer counts for the buffer.
   */
  #keepImages(delivery: Delivery): void {
    const images = delivery.view?.stored.images;
    if (images === undefined) return;
    const { buffer } = images;
    delivery.bytes = buffer === this.#buffer?.buffer ? images.length : buffer.byteLength;
    this.#buffer = this.#limits.room.buffers.keep(buffer, this.#buffer);
    delivery.kept = this.#buffer;
    this.#bytes += delivery.bytes;
  }

  #releaseImages(delivery: Delivery): void {
    const { kept, bytes } = delivery;
    if (kept === null) return;
    delivery.kept = null;
    this.#bytes -= bytes;
    this.#limits.room.buffers.release(kept);
  }
}

/** Whether the cursor may move past it, leaving it behind as an exception. */
function isKnown({ state, startedAt }: Delivery, now: number): boolean {
  // A blocked one waits for one before it, which the cursor has therefore passed already.
  return state === 'inFlight' ? now - startedAt >= LINGER : state !== 'ready';
}

function toStored(delivery: Delivery): StoredException {
  const { table, key, previousKey, offset } = delivery.subject;
  return {
    offset,
    tableId: table.id,
    table: qualifiedName(table),
    key,
    previousKey,
    state: storedState(delivery),
    attempts: delivery.attempts,
    nextAttemptAt: delivery.state === 'retrying' ? delivery.nextAttemptAt : null,
    error: delivery.error,
    failedAt: delivery.failedAt,
    ...(delivery.discarded === null ? {} : { discarded: delivery.discarded }),
  };
}

/** An attempt that is under way, or about to be, is one to be made again after a crash. */
function storedState({ state, attempts, discarded }: Delivery): StoredException['state'] {
  if (discarded !== null) return 'discarded';
  if (state === 'parked') return 'parked';
  if (state === 'retrying' || state === 'inFlight' || state === 'overdue') return 'retrying';
  return attempts > 0 ? 'retrying' : 'blocked';
}
