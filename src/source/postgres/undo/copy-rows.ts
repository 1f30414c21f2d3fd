import { CELL_NULL, CELL_TEXT } from '../../../change/row-images.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;

/** What follows the backslash for a byte that COPY would take as something else. */
const ESCAPED = new Uint8Array(0x60);
ESCAPED[TAB] = 0x74; // 't'
ESCAPED[NEWLINE] = 0x6e; // 'n'
ESCAPED[RETURN] = 0x72; // 'r'
ESCAPED[BACKSLASH] = BACKSLASH;

/** Beyond this the rows are sent. */
const FULL = 128 * 1024;

/**
 * Rows in the text format of COPY, made from stored images without decoding a value: the cells are
 * the database's own text already.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
export class CopyRows {
  /** Per cell of the image whether it is a column of the rows. */
  readonly #kept: readonly boolean[];
  #bytes: Buffer = Buffer.allocUnsafe(FULL + FULL / 4);
  #length = 0;

  constructor(kept: readonly boolean[]) {
    this.#kept = kept;
  }

  get isFull(): boolean {
    return this.#length >= FULL;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Hands the rows over and begins anew. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafe(FULL + FULL / 4);
    this.#length = 0;
    return taken;
  }

  /**
   * Adds a row: the number, then the kept cells.
   * @param at where the image's tuple begins, behind its marker.
   * @returns where the tuple ends.
   */
  add(number: number, image: Buffer, at: number): number {
    const digits = String(number);
    this.#reserve(digits.length + 1);
    this.#length += this.#bytes.write(digits, this.#length, 'latin1');
    let next = at + 2;
    const count = image.readUInt16BE(at);
    for (let index = 0; index < count; index++) {
      const kind = image[next];
      next += 1;
      const length = kind === CELL_TEXT ? image.readUInt32BE(next) : 0;
      if (kind === CELL_TEXT) next += 4;
      if (this.#kept[index] === true) {
        if (kind === CELL_TEXT) this.#addText(image, next, length);
        else if (kind === CELL_NULL) this.#addNull();
        else throw new Error('An image that is not whole was staged');
      }
      next += length;
    }
    this.#reserve(1);
    this.#bytes[this.#length++] = NEWLINE;
    return next;
  }

  #addText(image: Buffer, start: number, length: number): void {
    this.#reserve(2 * length + 1);
    const bytes = this.#bytes;
    let to = this.#length;
    bytes[to++] = TAB;
    const end = start + length;
    for (let from = start; from < end; from++) {
      const byte = image[from] ?? 0;
      const escaped = byte < 0x60 ? (ESCAPED[byte] ?? 0) : 0;
      if (escaped === 0) bytes[to++] = byte;
      else {
        bytes[to++] = BACKSLASH;
        bytes[to++] = escaped;
      }
    }
    this.#length = to;
  }

  #addNull(): void {
    this.#reserve(3);
    this.#bytes[this.#length++] = TAB;
    this.#bytes[this.#length++] = BACKSLASH;
    this.#bytes[this.#length++] = 0x4e; // 'N'
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Where the tuple that begins at `at` ends. */
export function tupleEnd(image: Buffer, at: number): number {
  let next = at + 2;
  for (let left = image.readUInt16BE(at); left > 0; left--) {
    next += image[next] === CELL_TEXT ? 5 + image.readUInt32BE(next + 1) : 1;
  }
  return next;
}
