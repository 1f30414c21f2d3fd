import { endianness } from 'node:os';
import type { NewBlock } from './block.ts';
import { RUN_PAGE_ENTRIES, RUN_RECORDS } from './format.ts';

/**
 * An entry of the key index: the hash of a key times 2^16, plus its record's distance from the
 * run's first offset. Below 2^48, so a double holds it exactly, and the engine sorts doubles fast.
 */
const DISTANCES = 65_536;
const ENTRY_BYTES = Float64Array.BYTES_PER_ELEMENT;
const SWAP = endianness() === 'BE';

/** A part of a sorted run, as one row of table `key_page` holds it. */
export interface KeyPage {
  readonly page: number;
  /** The hash of the page's first entry. */
  readonly low: number;
  /** Sorted doubles, little-endian. */
  readonly entries: Uint8Array;
}

/** Collects the key index's entries of consecutive records until they are worth a run. */
export class KeyRun {
  #first: number;
  #next: number;
  #entries = new Float64Array(RUN_RECORDS * 2);
  #count = 0;

  constructor(first: number) {
    this.#first = first;
    this.#next = first;
  }

  get first(): number {
    return this.#first;
  }

  /** The offset after its last record. */
  get next(): number {
    return this.#next;
  }

  /** True once the run should be written. */
  get full(): boolean {
    return this.#next - this.#first >= RUN_RECORDS;
  }

  add(block: Pick<NewBlock, 'first' | 'count' | 'keys'>): void {
    const { keys } = block;
    const needed = this.#count + keys.length / 2;
    if (needed > this.#entries.length) {
      const larger = new Float64Array(needed * 2);
      larger.set(this.#entries.subarray(0, this.#count));
      this.#entries = larger;
    }
    const distance = block.first - this.#first;
    for (let at = 0; at + 1 < keys.length; at += 2) {
      const hash = keys[at] ?? 0;
      const index = keys[at + 1] ?? 0;
      this.#entries[this.#count] = hash * DISTANCES + distance + index;
      this.#count += 1;
    }
    this.#next = block.first + block.count;
  }

  /** The sorted run in pages; the next run begins after it. */
  take(): KeyPage[] {
    const sorted = this.#entries.subarray(0, this.#count).sort();
    const pages: KeyPage[] = [];
    for (let start = 0; start < sorted.length; start += RUN_PAGE_ENTRIES) {
      const part = sorted.slice(start, start + RUN_PAGE_ENTRIES);
      const low = Math.floor((part[0] ?? 0) / DISTANCES);
      const entries = Buffer.from(part.buffer);
      pages.push({ page: pages.length, low, entries: SWAP ? entries.swap64() : entries });
    }
    this.restart(this.#next);
    return pages;
  }

  /** Drops all entries; the run begins at this offset. */
  restart(first: number): void {
    this.#first = first;
    this.#next = first;
    this.#count = 0;
  }
}

/** All entries of a page, as [hash, distance from the run's first offset]. */
export function* pageEntries(
  page: Uint8Array,
): Generator<readonly [hash: number, distance: number]> {
  for (const entry of readEntries(page)) {
    const hash = Math.floor(entry / DISTANCES);
    yield [hash, entry - hash * DISTANCES];
  }
}

/** The distances of the entries with this hash, ascending. */
export function distancesOf(page: Uint8Array, hash: number): number[] {
  const entries = readEntries(page);
  const start = hash * DISTANCES;
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] ?? Infinity) < start) low = middle + 1;
    else high = middle;
  }
  const distances: number[] = [];
  for (let at = low; (entries[at] ?? Infinity) < start + DISTANCES; at++) {
    distances.push((entries[at] ?? 0) - start);
  }
  return distances;
}

function readEntries(page: Uint8Array): Float64Array {
  // Copied, because a Float64Array has to begin at a multiple of 8 bytes.
  const bytes = Buffer.from(page.slice().buffer);
  if (SWAP) bytes.swap64();
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / ENTRY_BYTES);
}
