import { placeAt, type TextPlace } from './text-place.ts';

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

/**
 * Where members of valid JSON have their names, by {@link pathKey}; entries of a list are numbered.
 * @throws JsonProblem
 */
export function placesOfMembers(text: string): ReadonlyMap<string, TextPlace> {
  const places = new Map<string, TextPlace>();
  const scanner = new Scanner(text, (path, at) => places.set(pathKey(path), placeAt(text, at)));
  scanner.value(0);
  return places;
}

export function pathKey(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}

class Scanner {
  readonly #text: string;
  readonly #onMember: (path: readonly PropertyKey[], at: number) => void;
  readonly #path: PropertyKey[] = [];
  #at = 0;

  constructor(
    text: string,
    onMember: (path: readonly PropertyKey[], at: number) => void = () => undefined,
  ) {
    this.#text = text;
    this.#onMember = onMember;
  }

  value(depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH} levels`);
    this.#skip(SPACE);
    const first = this.#text[this.#at];
    if (first === '{') this.#list('}', () => this.#member(depth, new Set<string>()));
    else if (first === '[') this.#list(']', () => this.#entry(depth));
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

  #entry(depth: number): () => void {
    let index = 0;
    return () => this.#below(index++, depth);
  }

  /** The value of a member, or an entry of a list. */
  #below(name: PropertyKey, depth: number): void {
    this.#path.push(name);
    this.value(depth + 1);
    this.#path.pop();
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
      this.#onMember([...this.#path, name], start);
      this.#below(name, depth);
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
    throw new JsonProblem(problem, placeAt(this.#text, this.#at));
  }
}
