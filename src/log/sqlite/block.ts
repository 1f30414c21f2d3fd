import type { CapturedChange } from '../../change/captured.ts';
import type { Operation } from '../../change/change.ts';
import type { TableId } from '../log.ts';
import { blockChecksum } from './checksum.ts';
import { BLOCK_BYTES, BLOCK_RECORDS } from './format.ts';
import { hashKey, TRUNCATE_KEY } from './key-hash.ts';

type OperationCode = 'i' | 'u' | 'd' | 't';

export const CODE_OF: Readonly<Record<Operation, OperationCode>> = {
  insert: 'i',
  update: 'u',
  delete: 'd',
  truncate: 't',
};

export const OPERATION_OF: Readonly<Record<OperationCode, Operation>> = {
  i: 'insert',
  u: 'update',
  d: 'delete',
  t: 'truncate',
};

/** One record as a block's `records` hold it; `end` is where its images end in the block's. */
export type StoredRecord = readonly [
  table: TableId,
  operation: OperationCode,
  key: string | null,
  previousKey: string | null,
  end: number,
];

/** Consecutive records in stored form: one row of table `block`. */
export interface Block {
  readonly first: number;
  readonly count: number;
  readonly checksum: number;
  /** JSON array of {@link StoredRecord}. */
  readonly records: string;
  readonly images: Uint8Array;
}

/** A block on its way to a segment, with what the segment's indexes need of it. */
export interface NewBlock extends Block {
  readonly tables: ReadonlySet<TableId>;
  /** Hashes of keys, each followed by its record's place in the block. */
  readonly keys: readonly number[];
  /** What the block occupies in memory. */
  readonly bytes: number;
}

/** The records of a block, from their text. The text is our own: its checksum has been compared. */
export function decodeRecords(text: string): readonly StoredRecord[] {
  return JSON.parse(text) as readonly StoredRecord[];
}

/** The hashes under which a record is found: by its key, the one before, or as a truncate. */
export function keyHashes([, operation, key, previousKey]: StoredRecord, seed: number): number[] {
  if (operation === 't') return [hashKey(seed, TRUNCATE_KEY)];
  if (key === null) return [];
  if (previousKey === null) return [hashKey(seed, key)];
  return [hashKey(seed, key), hashKey(seed, previousKey)];
}

/**
 * Buffers of blocks that have been stored, used again: memory outside of JavaScript's heap is freed
 * late. 2 MiB, enough for a batch.
 */
const spare: Uint8Array[] = [];
const SPARE_BUFFERS = 32;

/** Gives back the memory of a block that has been stored; nobody may use the block afterwards. */
export function recycle(block: Block): void {
  const { buffer } = block.images;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === BLOCK_BYTES) {
    if (spare.length < SPARE_BUFFERS) spare.push(new Uint8Array(buffer));
  }
}

/** The block that is being filled. */
export class OpenBlock {
  readonly first: number;
  #records: StoredRecord[] = [];
  #images: Uint8Array;
  #used = 0;

  constructor(first: number) {
    this.first = first;
    this.#images = spare.pop() ?? new Uint8Array(BLOCK_BYTES);
  }

  get count(): number {
    return this.#records.length;
  }

  get bytes(): number {
    return this.#used;
  }

  /** False when a change with so many bytes of images belongs into the next block. */
  fits(bytes: number): boolean {
    if (this.#records.length === 0) return true;
    return this.#records.length < BLOCK_RECORDS && this.#used + bytes <= BLOCK_BYTES;
  }

  /**
   * Adds a record.
   * @param options `isStoredAtOnce`: the block is stored, or dropped, while the change's images are
   *   still there; then those of a large one need not be copied.
   */
  add(change: CapturedChange, { isStoredAtOnce }: { readonly isStoredAtOnce: boolean }): void {
    const { images } = change;
    const end = this.#used + images.length;
    // Only a block's first record may be larger than a block.
    if (end > BLOCK_BYTES && isStoredAtOnce) this.#images = images;
    else {
      if (end > this.#images.length) this.#images = new Uint8Array(images.length);
      this.#images.set(images, this.#used);
    }
    this.#used = end;
    const code = CODE_OF[change.operation];
    this.#records.push([change.table, code, change.key, change.previousKey, end]);
  }

  /** Drops all records but so many. */
  truncate(count: number): void {
    this.#records.length = Math.min(this.#records.length, count);
    this.#used = this.#records.at(-1)?.[4] ?? 0;
  }

  /** Moves the records from this place on to a block of their own. */
  split(count: number): OpenBlock {
    const rest = new OpenBlock(this.first + count);
    let start = this.#records[count - 1]?.[4] ?? 0;
    for (const [table, operation, key, previousKey, end] of this.#records.slice(count)) {
      const images = this.#images.subarray(start, end);
      const change = { table, operation: OPERATION_OF[operation], key, previousKey, images };
      rest.add(change, { isStoredAtOnce: false });
      start = end;
    }
    this.truncate(count);
    return rest;
  }

  /** The block as it is stored; no record may be added afterwards. */
  encode(seedOf: (table: TableId) => number): NewBlock {
    const tables = new Set<TableId>();
    const keys: number[] = [];
    let lastTable = -1;
    let seed = 0;
    for (const [index, record] of this.#records.entries()) {
      const [table, operation, key, previousKey] = record;
      if (table !== lastTable) {
        lastTable = table;
        seed = seedOf(table);
        tables.add(table);
      }
      // The common case without the array that keyHashes makes: this is the busiest loop there is.
      if (operation !== 't' && key !== null && previousKey === null) {
        keys.push(hashKey(seed, key), index);
      } else {
        for (const hash of keyHashes(record, seed)) keys.push(hash, index);
      }
    }
    const { first } = this;
    const records = JSON.stringify(this.#records);
    const images = this.#images.subarray(0, this.#used);
    const checksum = blockChecksum({ first, records, images });
    const bytes = this.#images.length + records.length + keys.length * 8;
    return { first, count: this.count, checksum, records, images, tables, keys, bytes };
  }
}
