import {
  CELL_NULL,
  CELL_TEXT,
  CELL_UNCHANGED,
  type Cell,
  MARKER_KEY,
  MARKER_NEW,
  MARKER_OLD,
} from './row-images.ts';

const NULL_AT = -1;
const UNCHANGED_AT = -2;

/** The images of one change, with the places of their cells found and no cell read yet. */
export interface StoredRows {
  readonly before: StoredRow | null;
  readonly after: StoredRow | null;
}

const NO_ROWS: StoredRows = { before: null, after: null };

/**
 * Finds the cells of stored images (`row-images.ts`) without decoding them: a filter needs a column
 * or two, and comparing two images needs only their bytes.
 * @throws RangeError for malformed images, which are a defect (see `decodeImages`).
 */
export function readStoredRows(images: Uint8Array): StoredRows {
  if (images.length === 0) return NO_ROWS;
  const bytes = Buffer.from(images.buffer, images.byteOffset, images.byteLength);
  let before: StoredRow | null = null;
  let after: StoredRow | null = null;
  let at = 0;
  while (at < bytes.length) {
    const marker = bytes[at];
    const row = new StoredRow(bytes, at + 1, kindOf(marker));
    if (row.kind === 'new') after = row;
    else before = row;
    at = row.end;
  }
  return { before, after };
}

function kindOf(marker: number | undefined): StoredRow['kind'] {
  if (marker === MARKER_NEW) return 'new';
  if (marker === MARKER_OLD) return 'old';
  if (marker === MARKER_KEY) return 'key';
  throw new RangeError(`row image starts with unknown marker 0x${marker?.toString(16)}`);
}

/** One image: all of the old row, only its key, or the new row. */
export class StoredRow {
  readonly kind: 'old' | 'key' | 'new';
  /** Where the image ends in its bytes. */
  readonly end: number;
  readonly #bytes: Buffer;
  /** Per cell where its text starts, or NULL_AT or UNCHANGED_AT. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** @param start where the image's tuple starts, behind its marker. */
  constructor(bytes: Buffer, start: number, kind: StoredRow['kind']) {
    this.kind = kind;
    this.#bytes = bytes;
    let at = start + 2;
    for (let left = bytes.readUInt16BE(start); left > 0; left--) {
      const cell = bytes.readUInt8(at);
      at += 1;
      if (cell === CELL_TEXT) {
        const length = bytes.readUInt32BE(at);
        at += 4;
        this.#starts.push(at);
        at += length;
        if (at > bytes.length) throw new RangeError('row image ends inside a cell');
      } else if (cell === CELL_NULL) this.#starts.push(NULL_AT);
      else if (cell === CELL_UNCHANGED) this.#starts.push(UNCHANGED_AT);
      else throw new RangeError(`row image holds unknown cell kind 0x${cell.toString(16)}`);
      this.#ends.push(at);
    }
    this.end = at;
  }

  /**
   * The column's text, null, or undefined when the source left it out.
   * @throws Error that `isTooLong` knows.
   */
  cell(index: number): Cell {
    const start = this.#starts[index];
    if (start === undefined || start === UNCHANGED_AT) return undefined;
    if (start === NULL_AT) return null;
    return this.#bytes.toString('utf8', start, this.#ends[index]);
  }

  /** How many bytes the column's text has. */
  size(index: number): number {
    const start = this.#starts[index] ?? UNCHANGED_AT;
    return start < 0 ? 0 : (this.#ends[index] ?? 0) - start;
  }

  /** True when the source left the column out because it did not change. */
  isUnchanged(index: number): boolean {
    return this.#starts[index] === UNCHANGED_AT;
  }

  /** True when both have the same text, or both null, in this column. */
  sameCell(other: StoredRow, index: number): boolean {
    const start = this.#starts[index] ?? UNCHANGED_AT;
    const otherStart = other.#starts[index] ?? UNCHANGED_AT;
    if (start < 0 || otherStart < 0) return start === otherStart;
    const length = (this.#ends[index] ?? 0) - start;
    if (length !== (other.#ends[index] ?? 0) - otherStart) return false;
    return sameBytes([this.#bytes, start], [other.#bytes, otherStart], length);
  }
}

type Place = readonly [bytes: Buffer, start: number];

/** Up to here a loop beats the call into native code. */
const SHORT = 48;

function sameBytes([left, leftStart]: Place, [right, rightStart]: Place, length: number): boolean {
  if (length > SHORT) {
    const leftEnd = leftStart + length;
    return left.compare(right, rightStart, rightStart + length, leftStart, leftEnd) === 0;
  }
  for (let at = 0; at < length; at++) {
    if (left[leftStart + at] !== right[rightStart + at]) return false;
  }
  return true;
}
