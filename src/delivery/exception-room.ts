/** Bounds the exceptions that all subscriptions of a source keep in memory together. */
export interface ExceptionRoomLimits {
  /** Of all subscriptions together; reached, nobody adds to what it has beyond its share. */
  readonly all: number;
  /** What each may have whatever the others have, so that their failures hold up nobody. */
  readonly share: number;
}

/** 200,000 are some 220 MB: far below the heap of Node.js, where a thousand times 10,000 is far above. */
export const EXCEPTION_ROOM: ExceptionRoomLimits = { all: 200_000, share: 100 };

/** Once it was full there is room again when this share of it is left. */
const RESUME_SHARE = 0.9;

/**
 * Counts the exceptions of all subscriptions of a source. Each has a limit of its own, but a thousand
 * endpoints that fail together, as behind a network that is down, would fill the memory with what is
 * allowed to each (invariant 8: then one subscription ends all).
 */
export class ExceptionRoom {
  readonly #limits: ExceptionRoomLimits;
  #taken = 0;
  #full = false;

  constructor(limits: ExceptionRoomLimits = EXCEPTION_ROOM) {
    this.#limits = limits;
  }

  /** Exceptions in memory. */
  get taken(): number {
    return this.#taken;
  }

  /** Notes that a subscription has so many more than before, or fewer. */
  add(more: number): void {
    this.#taken += more;
    const { all } = this.#limits;
    this.#full = this.#taken >= all || (this.#full && this.#taken > all * RESUME_SHARE);
  }

  /** True when a subscription with so many may have no more. */
  refuses(own: number): boolean {
    return this.#full && own >= this.#limits.share;
  }
}
