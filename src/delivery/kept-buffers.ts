/** A buffer that holds the records of some deliveries, and how many of them. */
export interface KeptBuffer {
  readonly buffer: ArrayBufferLike;
  deliveries: number;
}

/** Below this share of the limit there is room again, once it was reached. */
const RESUME_SHARE = 0.9;

/**
 * Counts the bytes of the log that deliveries of all subscriptions keep in memory. A record's images
 * are part of the buffer of all records read together and keep it whole; live subscriptions share
 * such buffers, and those that catch up have each their own. So each buffer counts once, for as long
 * as any delivery needs it.
 */
export class KeptBuffers {
  readonly #limit: number;
  readonly #onFreed: () => void;
  readonly #kept = new Map<ArrayBufferLike, KeptBuffer>();
  #bytes = 0;
  #full = false;

  /**
   * @param limit bytes.
   * @param onFreed called when there is room again.
   */
  constructor(limit: number, onFreed: () => void = () => undefined) {
    this.#limit = limit;
    this.#onFreed = onFreed;
  }

  /** True from the limit on, until a tenth of it is free. */
  get full(): boolean {
    return this.#full;
  }

  /**
   * Notes one more delivery that needs the buffer.
   * @param last what was returned before: the next delivery is mostly of the same buffer.
   */
  keep(buffer: ArrayBufferLike, last: KeptBuffer | null): KeptBuffer {
    const same = last?.buffer === buffer && last.deliveries > 0;
    const kept = same ? last : (this.#kept.get(buffer) ?? this.#begin(buffer));
    kept.deliveries += 1;
    return kept;
  }

  release(kept: KeptBuffer): void {
    kept.deliveries -= 1;
    if (kept.deliveries > 0) return;
    this.#kept.delete(kept.buffer);
    this.#count(-kept.buffer.byteLength);
  }

  #begin(buffer: ArrayBufferLike): KeptBuffer {
    const kept = { buffer, deliveries: 0 };
    this.#kept.set(buffer, kept);
    this.#count(buffer.byteLength);
    return kept;
  }

  #count(more: number): void {
    this.#bytes += more;
    const limit = this.#limit;
    const before = this.#full;
    this.#full = this.#bytes >= limit || (this.#full && this.#bytes > limit * RESUME_SHARE);
    if (before && !this.#full) this.#onFreed();
  }
}
