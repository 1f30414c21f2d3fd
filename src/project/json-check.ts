/** A place in a text, both from 1; columns count UTF-16 units, as editors do. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Why a text is no JSON, or is ambiguous, and where. */
export class JsonProblem extends Error {
  override readonly name = 'JsonProblem';
  readonly place: TextPlace;

  constructor(problem: string, place: TextPlace) {
    super(problem);
    this.place = place;
  }
}

const MAX_DEPTH = 100;
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy;
const WORD = /(?:true|false|null)(?!\w)/y;

/**
 * Reads JSON (RFC 8259) like `JSON.parse`, which names no place for many mistakes, and silently keeps
 * the last of several members with the same name.
 * @throws JsonProblem
 */
export function parseJson(text: string): unknown {
  const scanner = new Scanner(text);
  scanner.value(0);
  scanner.end();
  return JSON.parse(text);
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH} levels`);
    this.#skip(SPACE);
    const first = this.#text[this.#at];
    if (first === '{') this.#list('}', () => this.#member(depth, new Set<string>()));
    else if (first === '[') this.#list(']', () => () => this.value(depth + 1));
    else if (first === '"') this.#string();
    else if (!this.#skip(NUMBER) && !this.#skip(WORD)) this.#fail(`a value has to stand here`);
  }

  end(): void {
    this.#skip(SPACE);
    if (this.#at < this.#text.length) this.#fail('text follows after the end');
  }

  /** Entries between brackets, with a comma between two. */
  #list(close: string, newEntry: () => () => void): void {
    this.#at += 1;
    this.#skip(SPACE);
    if (this.#take(close)) return;
    const entry = newEntry();
    for (;;) {
      entry();
      this.#skip(SPACE);
      if (this.#take(close)) return;
      if (!this.#take(',')) this.#fail(`a comma or ${close} has to stand here`);
      this.#skip(SPACE);
      if (this.#text[this.#at] === close) this.#fail('no comma may stand after the last entry');
    }
  }

  #member(depth: number, names: Set<string>): () => void {
    return () => {
      this.#skip(SPACE);
      const start = this.#at;
      if (this.#text[start] !== '"') this.#fail('a name in double quotes has to stand here');
      const name = this.#string();
      if (names.has(name)) {
        this.#at = start;
        this.#fail(`${JSON.stringify(name)} is there a second time`);
      }
      names.add(name);
      this.#skip(SPACE);
      if (!this.#take(':')) this.#fail('a colon has to stand here');
      this.value(depth + 1);
    };
  }

  #string(): string {
    const start = this.#at;
    if (!this.#skip(STRING)) this.#fail('a text does not end, or has a bad escape or line break');
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #fail(problem: string): never {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    throw new JsonProblem(problem, { line, column: this.#at - before.lastIndexOf('\n') });
  }
}
