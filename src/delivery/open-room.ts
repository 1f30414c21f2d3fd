import { KeptBuffers } from './kept-buffers.ts';

/** Bounds the deliveries that all subscriptions of a source have open together. */
export interface OpenRoomLimits {
  /** Of all subscriptions together; reached, nobody adds to what it has beyond its share. */
  readonly all: number;
  /** What each may have whatever the others have, so that their backlog holds up nobody. */
  readonly share: number;
  /** Bytes of the log that they keep in memory; reached, who has something open reads nothing more. */
  readonly bytes: number;
}

/**
 * 200,000 are some 220 MB: far below the heap of Node.js, where a thousand times 10,000 is far above.
 * The bytes lie outside of it; 256 MB of them are 32 subscriptions with as much as each may read ahead.
 */
export const OPEN_ROOM: OpenRoomLimits = { all: 200_000, share: 100, bytes: 256 << 20 };

/** Once it was full there is room again when this share of it is left. */
const RESUME_SHARE = 0.9;

/**
 * Counts the open deliveries of all subscriptions of a source, exceptions and others. Each has a limit
 * of its own, but a thousand endpoints that fail together, as behind a network that is down, would
 * fill the memory with what is allowed to each (invariant 8: then one subscription ends all).
 */
export class OpenRoom {
  readonly buffers: KeptBuffers;
  readonly #limits: OpenRoomLimits;
  readonly #waiting = new Set<() => void>();
  #taken = 0;
  #full = false;

  constructor(limits: OpenRoomLimits = OPEN_ROOM) {
    this.#limits = limits;
    this.buffers = new KeptBuffers(limits.bytes, () => this.#tell());
  }

  /** Notes that a subscription has so many more than before, or fewer. */
  add(more: number): void {
    this.#taken += more;
    const { all } = this.#limits;
    const before = this.#full;
    this.#full = this.#taken >= all || (this.#full && this.#taken > all * RESUME_SHARE);
    if (before && !this.#full) this.#tell();
  }

  /** Calls `tell` whenever there is room again after it was full, until {@link forget}. */
  onFreed(tell: () => void): void {
    this.#waiting.add(tell);
  }

  forget(tell: () => void): void {
    this.#waiting.delete(tell);
  }

  /** True when a subscription with so many may have no more. */
  refuses(own: number): boolean {
    return this.#full && own >= this.#limits.share;
  }

  #tell(): void {
    for (const tell of this.#waiting) tell();
  }
}
