import { CELL_NULL, CELL_TEXT } from '../../../change/row-images.ts';
import { carryValue } from './carry-value.ts';
import type { MatchedColumn } from './match-columns.ts';

/** Beyond this the rows are sent. */
const FULL = 128 * 1024;

/**
 * Rows for COPY whose values the server does not read yet: the number, the texts as one array, and
 * beside them, for columns whose type has changed, the texts as they were. A value whose text is not
 * carried over is null in the first and is there in the second.
 *
 * Bytes are kept in strings of one character per byte: what they mean is only looked at where a type
 * has changed.
 */
export class TextRows {
  readonly #columns: readonly (MatchedColumn | null)[];
  #parts: string[] = [];
  #length = 0;

  /** @param columns per cell of the image; null for one that is no part of the rows. */
  constructor(columns: readonly (MatchedColumn | null)[]) {
    this.#columns = columns;
  }

  get isFull(): boolean {
    return this.#length >= FULL;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  take(): Buffer {
    const taken = Buffer.from(this.#parts.join(''), 'latin1');
    this.#parts = [];
    this.#length = 0;
    return taken;
  }

  /** As of `CopyRows`. */
  add(number: number, image: Buffer, at: number): number {
    const texts: string[] = [];
    const were: string[] = [];
    let next = at + 2;
    const count = image.readUInt16BE(at);
    for (let index = 0; index < count; index++) {
      const kind = image[next];
      next += 1;
      const length = kind === CELL_TEXT ? image.readUInt32BE(next) : 0;
      if (kind === CELL_TEXT) next += 4;
      const column = this.#columns[index] ?? null;
      if (column !== null) {
        if (kind !== CELL_TEXT && kind !== CELL_NULL) {
          throw new Error('An image that is not whole was staged');
        }
        const text = kind === CELL_TEXT ? image.toString('latin1', next, next + length) : null;
        texts.push(element(carried(text, column)));
        were.push(element(column.fit === 'plain' ? null : text));
      }
      next += length;
    }
    const row = `${number}\t{${texts.join(',')}}\t{${were.join(',')}}\n`;
    this.#parts.push(row);
    this.#length += row.length;
    return next;
  }
}

function carried(bytes: string | null, { fit, was, now }: MatchedColumn): string | null {
  if (bytes === null || fit === 'plain') return bytes;
  // Not known what it was: all that is left is to ask whether the type now takes the text.
  if (was.shape === undefined || now.shape === undefined) return bytes;
  const text = carryValue(Buffer.from(bytes, 'latin1').toString('utf8'), was.shape, now.shape);
  return text === null ? null : Buffer.from(text, 'utf8').toString('latin1');
}

const SPECIAL = /[\\"\t\n\r]/g;
/** In an array's element first, and then in COPY's text format. */
const ESCAPED: Readonly<Record<string, string>> = {
  '\\': '\\\\\\\\',
  '"': '\\\\"',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
};

function element(bytes: string | null): string {
  return bytes === null ? 'NULL' : `"${bytes.replace(SPECIAL, (each) => ESCAPED[each] ?? each)}"`;
}
