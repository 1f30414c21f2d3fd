import {
  CELL_NULL,
  CELL_TEXT,
  CELL_UNCHANGED,
  MARKER_NEW,
  MARKER_OLD,
} from '../../../change/row-images.ts';
import { type Bytes, MalformedData } from './decode-bytes.ts';

/**
 * A cell whose value has no meaning in the database's encoding, as `RawMessages` writes it. Unlike one
 * that did not change it must not be taken from the old row; once that is seen to, it is stored as one
 * that is not known.
 */
export const CELL_UNREADABLE = 0x3f; // '?'

const NULL_AT = -1;
const UNCHANGED_AT = -2;
const UNREADABLE_AT = -3;
/** A cell's kind and the length of its text. */
const CELL_HEADER = 5;

/**
 * Where the cells of a tuple are. One object serves all rows: walking a row allocates nothing, and
 * its texts are read only where somebody needs them, which is the key.
 */
export class TupleCells {
  #bytes: Bytes;
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  /** How many cells the server left out because their large value did not change. */
  unchanged = 0;
  /** Where the first cell begins, behind the tuple's count. */
  first = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /**
   * Finds the cells of the TupleData at `at`, and that they lie before `end`.
   * @param columns how many cells the relation has.
   * @returns the index behind the tuple.
   */
  read(bytes: Bytes, start: number, end: number, columns: number): number {
    const { view } = bytes;
    let at = start + 2;
    if (at > end) throw new MalformedData('a tuple is cut off', start);
    if (view.getUint16(start) !== columns) {
      throw new MalformedData(`a tuple does not have ${columns} columns`, start);
    }
    if (columns > this.#starts.length) {
      this.#starts = new Int32Array(columns);
      this.#ends = new Int32Array(columns);
    }
    const starts = this.#starts;
    const ends = this.#ends;
    this.#bytes = bytes;
    this.first = at;
    let unchanged = 0;
    for (let index = 0; index < columns; index++) {
      if (at >= end) throw new MalformedData('a tuple is cut off', at);
      const kind = view.getUint8(at);
      if (kind === CELL_TEXT) {
        if (at + CELL_HEADER > end) throw new MalformedData('a cell is cut off', at);
        const length = view.getUint32(at + 1);
        at += CELL_HEADER;
        if (length > end - at) throw new MalformedData(`a cell of ${length} bytes is cut off`, at);
        starts[index] = at;
        at += length;
      } else if (kind === CELL_NULL) {
        starts[index] = NULL_AT;
        at += 1;
      } else if (kind === CELL_UNCHANGED) {
        starts[index] = UNCHANGED_AT;
        unchanged += 1;
        at += 1;
      } else if (kind === CELL_UNREADABLE) {
        starts[index] = UNREADABLE_AT;
        view.setUint8(at, CELL_UNCHANGED);
        at += 1;
      } else throw new MalformedData(`a cell has the unknown kind 0x${kind.toString(16)}`, at);
      ends[index] = at;
    }
    this.unchanged = unchanged;
    return at;
  }

  /** The cell's text; null for null and for a value that was left out. */
  text(index: number): string | null {
    const start = this.#starts[index] ?? NULL_AT;
    if (start < 0) return null;
    return readText(this.#bytes.buffer, start, this.#ends[index] ?? start);
  }

  isUnchanged(index: number): boolean {
    return this.#starts[index] === UNCHANGED_AT;
  }

  /** True when both rows have the same text, or both none, in this column. */
  sameText(other: TupleCells, index: number): boolean {
    const start = this.#starts[index] ?? NULL_AT;
    const otherStart = other.#starts[index] ?? NULL_AT;
    if (start < 0 || otherStart < 0) return start === otherStart;
    const length = (this.#ends[index] ?? start) - start;
    if (length !== (other.#ends[index] ?? otherStart) - otherStart) return false;
    const { view } = this.#bytes;
    const otherView = other.#bytes.view;
    for (let at = 0; at < length; at++) {
      if (view.getUint8(start + at) !== otherView.getUint8(otherStart + at)) return false;
    }
    return true;
  }

  /** The cell as it was received, with its kind. */
  encoded(index: number): Buffer {
    const start = this.#starts[index] ?? NULL_AT;
    const end = this.#ends[index] ?? 0;
    return this.#bytes.buffer.subarray(start < 0 ? end - 1 : start - CELL_HEADER, end);
  }
}

/** Below this a loop is faster than the call into native code. */
const SHORT = 20;

/** Keys are mostly short digits, for which the general decoder's fixed cost is the most of it. */
function readText(buffer: Buffer, start: number, end: number): string {
  if (end - start > SHORT) return buffer.toString('utf8', start, end);
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte >= 0x80) return buffer.toString('utf8', start, end);
    text += ASCII[byte] ?? '';
  }
  return text;
}

const ASCII: readonly string[] = Array.from({ length: 0x80 }, (_, code) =>
  String.fromCharCode(code),
);

/**
 * The images of an update whose new row leaves out large values that did not change: their text is
 * in the whole old row, and is copied over. The new row then is whole as well (invariant 10).
 */
export function fillUnchanged(before: TupleCells, after: TupleCells, columns: number): Buffer {
  const count = Buffer.allocUnsafe(2);
  count.writeUInt16BE(columns);
  const parts: Buffer[] = [Buffer.of(MARKER_OLD), count];
  for (let index = 0; index < columns; index++) parts.push(before.encoded(index));
  parts.push(Buffer.of(MARKER_NEW), count);
  for (let index = 0; index < columns; index++) {
    parts.push(after.isUnchanged(index) ? before.encoded(index) : after.encoded(index));
  }
  return Buffer.concat(parts);
}
