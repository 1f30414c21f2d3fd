import { CELL_NULL, CELL_TEXT } from '../../../change/row-images.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;

/** What follows the backslash for a byte that COPY would take as something else; the last of them. */
const ESCAPED = new Uint8Array(BACKSLASH + 1);
ESCAPED[TAB] = 0x74; // 't'
ESCAPED[NEWLINE] = 0x6e; // 'n'
ESCAPED[RETURN] = 0x72; // 'r'
ESCAPED[BACKSLASH] = BACKSLASH;

/** Bytes of a cell before its text: its kind and its length. */
const TEXT = 5;
/** For a number, a null or the end of a row. */
const ROOM = 32;

/** Beyond this what there is is sent. */
const FULL = 128 * 1024;

/**
 * The text format of COPY, made from the cells of stored images without decoding a value: they are
 * the database's own text already.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
export class CopyText {
  #bytes: Buffer = Buffer.allocUnsafe(FULL + FULL / 4);
  #length = 0;
  /** Where the last row begins. */
  #row = 0;

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

  /** Begins a row with a number. */
  begin(number: number): void {
    this.#reserve(ROOM);
    this.#row = this.#length;
    this.#length += this.#bytes.write(String(number), this.#length, 'latin1');
  }

  /**
   * Adds the cell of an image that lies between these places.
   * @param other where another cell begins.
   * @returns whether that one has the same bytes: kind, length and text.
   */
  addCell(image: Buffer, start: number, end: number, other: number = start): boolean {
    const kind = image[start];
    if (kind === CELL_TEXT) return this.#addText(image, start, end, other - start);
    if (kind !== CELL_NULL) throw new Error('An image that is not whole was staged');
    this.#addNull();
    return image[other] === CELL_NULL;
  }

  /** Takes back the row that was begun. */
  drop(): void {
    this.#length = this.#row;
  }

  end(): void {
    this.#reserve(ROOM);
    this.#bytes[this.#length++] = NEWLINE;
  }

  #addText(image: Buffer, start: number, end: number, away: number): boolean {
    this.#reserve(2 * (end - start) + ROOM);
    const bytes = this.#bytes;
    let to = this.#length;
    let differ = 0;
    for (let from = start; from < start + TEXT; from++) {
      differ |= (image[from] ?? 0) ^ (image[from + away] ?? 0);
    }
    bytes[to++] = TAB;
    for (let from = start + TEXT; from < end; from++) {
      const byte = image[from] ?? 0;
      differ |= byte ^ (image[from + away] ?? 0);
      if (byte > BACKSLASH || (byte > RETURN && byte !== BACKSLASH)) bytes[to++] = byte;
      else {
        const escaped = ESCAPED[byte] ?? 0;
        if (escaped !== 0) bytes[to++] = BACKSLASH;
        bytes[to++] = escaped === 0 ? byte : escaped;
      }
    }
    this.#length = to;
    return differ === 0;
  }

  #addNull(): void {
    this.#reserve(ROOM);
    const bytes = this.#bytes;
    bytes[this.#length++] = TAB;
    bytes[this.#length++] = BACKSLASH;
    bytes[this.#length++] = 0x4e; // 'N'
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
