import type { LoggedTable, LoggedTransaction, LogRecord, TableId } from '../log.ts';
import { type Block, decodeRecords, OPERATION_OF, type StoredRecord } from './block.ts';
import { corrupt } from './errors.ts';
import type { SegmentReader } from './segment-reader.ts';

/** Records of a page unless the reader asks for another number. */
const DEFAULT_LIMIT = 1000;
/** Bytes of images after which a page ends unless the reader asks for another number. */
const DEFAULT_MAX_BYTES = 1024 * 1024;

/**
 * How long one call may search; milliseconds. SQLite runs in the event loop, where capture and
 * delivery want to go on. Whoever finds nothing in that time gets an empty page, and goes on from
 * its `next`.
 */
const MAX_WORK = 4;

export interface PageLimits {
  readonly limit?: number | undefined;
  readonly maxBytes?: number | undefined;
}

/** Which records a page takes. */
export interface Acceptance {
  /** False when none of a block's records is wanted: then it is not even taken apart. */
  block?(block: Block): boolean;
  record(record: StoredRecord): boolean;
}

/** Collects the records of one page from blocks. */
export class PageCollector {
  readonly records: LogRecord[] = [];
  readonly #tables: ReadonlyMap<TableId, LoggedTable>;
  readonly #accept: Acceptance | null;
  readonly #limit: number;
  readonly #maxBytes: number;
  readonly #deadline = performance.now() + MAX_WORK;
  #bytes = 0;
  #transaction: LoggedTransaction | null = null;

  /** @param accept null takes every record. */
  constructor(
    tables: ReadonlyMap<TableId, LoggedTable>,
    limits: PageLimits,
    accept: Acceptance | null,
  ) {
    this.#tables = tables;
    this.#accept = accept;
    this.#limit = Math.max(1, limits.limit ?? DEFAULT_LIMIT);
    this.#maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /** True when the page is full or has taken long enough. */
  get done(): boolean {
    return this.#full || performance.now() > this.#deadline;
  }

  get #full(): boolean {
    const { length } = this.records;
    return length >= this.#limit || (length > 0 && this.#bytes >= this.#maxBytes);
  }

  /**
   * Takes what is wanted of the offsets from `from` to before `to` out of a block.
   * @returns the offset where reading goes on.
   */
  take(segment: SegmentReader, block: Block, range: { from: number; to: number }): number {
    if (this.#accept?.block?.(block) === false) {
      return Math.min(block.first + block.count, range.to);
    }
    const stored = decodeRecords(block.records);
    if (stored.length !== block.count) {
      throw corrupt(segment.path, `the block at ${block.first} lacks records`);
    }
    const start = Math.max(0, range.from - block.first);
    const end = Math.min(stored.length, range.to - block.first);
    let next = block.first + end;
    const wanted: number[] = [];
    let bytes = this.#bytes;
    for (let index = start; index < end; index++) {
      const record = stored[index];
      if (record === undefined || this.#accept?.record(record) === false) continue;
      wanted.push(index);
      bytes += record[4] - (stored[index - 1]?.[4] ?? 0);
      if (this.records.length + wanted.length >= this.#limit || bytes >= this.#maxBytes) {
        next = block.first + index + 1;
        break;
      }
    }
    this.#bytes = bytes;
    this.#add(segment, block, stored, wanted);
    return next;
  }

  #add(
    segment: SegmentReader,
    block: Block,
    stored: readonly StoredRecord[],
    wanted: readonly number[],
  ): void {
    const [firstWanted] = wanted;
    const lastWanted = wanted.at(-1);
    if (firstWanted === undefined || lastWanted === undefined) return;
    const transactions = this.#transactions(
      segment,
      block.first + firstWanted,
      block.first + lastWanted,
    );
    let at = 0;
    for (const index of wanted) {
      const offset = block.first + index;
      while (offset > (transactions[at]?.last ?? Infinity)) at += 1;
      const transaction = transactions[at];
      const record = stored[index];
      if (record === undefined || transaction === undefined || offset < transaction.first) {
        throw corrupt(segment.path, `the record at ${offset} belongs to no transaction`);
      }
      const [tableId, operation, key, previousKey, end] = record;
      const table = this.#tables.get(tableId);
      if (table === undefined) {
        throw corrupt(segment.path, `table version ${tableId} is missing`);
      }
      const images = block.images.subarray(stored[index - 1]?.[4] ?? 0, end);
      this.records.push({
        offset,
        table,
        operation: OPERATION_OF[operation],
        key,
        previousKey,
        images,
        transaction,
      });
    }
    this.#transaction = transactions.at(-1) ?? null;
  }

  /** Records of one transaction share one object, also when it spans blocks. */
  #transactions(segment: SegmentReader, from: number, to: number): readonly LoggedTransaction[] {
    const known = this.#transaction;
    if (known !== null && known.first <= from && to <= known.last) return [known];
    const found = segment.transactions(from, to);
    if (known !== null && found[0]?.first === known.first) found[0] = known;
    return found;
  }
}
