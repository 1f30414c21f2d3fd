import type { JsonValue, ValueReader } from '../../../change/dialect.ts';

/** Deeper than any array: PostgreSQL's MAXDIM is 6. */
const MAX_DIMENSIONS = 6;

/**
 * Reads an array as PostgreSQL prints it (manual, section 8.15.6, "Array Input and Output Syntax"):
 * `{1,2,NULL}`, `{{"a,b","c\"d"},{e,"NULL"}}`. Several dimensions become nested JSON arrays.
 *
 * `pg` brings a parser along, but it drops lower bounds, copies the rest of the text at every inner
 * brace, and takes malformed text.
 * @returns undefined for text of another form, such as an array whose lower bound is not 1
 *   (`[0:1]={1,2}`): JSON cannot say that, so such a value keeps its text (invariant 10).
 */
export function readArray(text: string, element: ValueReader): JsonValue | undefined {
  const reader = new ArrayReader(text, element);
  const value = reader.readList(1);
  return value !== undefined && reader.atEnd() ? value : undefined;
}

const UNQUOTED = /[^{},"\\]+/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;

class ArrayReader {
  readonly #text: string;
  readonly #element: ValueReader;
  #at = 0;

  constructor(text: string, element: ValueReader) {
    this.#text = text;
    this.#element = element;
  }

  atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  readList(dimension: number): JsonValue[] | undefined {
    if (dimension > MAX_DIMENSIONS || !this.#take('{')) return undefined;
    const list: JsonValue[] = [];
    if (this.#take('}')) return list;
    do {
      const value = this.#text[this.#at] === '{' ? this.readList(dimension + 1) : this.#readOne();
      if (value === undefined) return undefined;
      list.push(value);
    } while (this.#take(','));
    return this.#take('}') ? list : undefined;
  }

  #readOne(): JsonValue | undefined {
    const quoted = this.#match(QUOTED);
    if (quoted !== undefined) return this.#element(quoted.replace(/\\([\s\S])/g, '$1'));
    const plain = this.#match(UNQUOTED);
    if (plain === undefined) return undefined;
    return plain === 'NULL' ? null : this.#element(plain);
  }

  /** The pattern's group, or all of it, when it matches here; moves behind it. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }
}
