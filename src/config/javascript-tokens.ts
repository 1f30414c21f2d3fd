/** A token of JavaScript, as far as one needs to find names in object literals. */
export interface Token {
  /** A word, a text in quotes, a mark such as `{` or `...`; or a number, template or pattern. */
  readonly kind: 'word' | 'text' | 'mark' | 'other';
  /** Of a text what is between the quotes. */
  readonly text: string;
  readonly at: number;
}

const BLANK = /(?:\s|\/\/.*|\/\*[^]*?\*\/|^#!.*)+/y;
const WORD = /[\p{ID_Start}$_#@][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /\.?\d[\w.]*/y;
const TEXT = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const PATTERN = /\/(?![/*])(?:[^\\/[\n]|\\.|\[(?:[^\\\]\n]|\\.)*\])+\/\w*/y;
const MARK = /\.\.\.|=>|[^\s\w]/y;

/** Words behind which a value begins, so that a `/` begins a pattern. */
const BEFORE_VALUES = new Set(
  'await case default delete do else in instanceof new of return throw typeof void yield'.split(
    ' ',
  ),
);

/**
 * The tokens of a text in JavaScript; null where it is not certain what they are: what a `/` means
 * behind a bracket takes a whole parser, and a guess could take half of the file for a text.
 */
export function tokensOf(text: string): readonly Token[] | null {
  try {
    return new Tokens(text).read();
  } catch (error) {
    if (error instanceof Uncertain) return null;
    throw error;
  }
}

class Uncertain extends Error {}

class Tokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** All, or those up to the brace that ends a part of a template. */
  read(inTemplate = false): Token[] {
    const tokens: Token[] = [];
    let depth = 0;
    for (;;) {
      this.#take(BLANK);
      if (this.#at >= this.#text.length) {
        if (inTemplate) throw new Uncertain();
        return tokens;
      }
      const token = this.#next(tokens.at(-1));
      if (token.text === '{' && token.kind === 'mark') depth += 1;
      if (token.text === '}' && token.kind === 'mark') depth -= 1;
      if (inTemplate && depth < 0) return tokens;
      tokens.push(token);
    }
  }

  #next(before: Token | undefined): Token {
    const at = this.#at;
    const first = this.#text[at];
    if (first === '`') return this.#template();
    const quoted = this.#take(TEXT);
    if (quoted !== null) {
      const text = quoted.slice(1, -1);
      // A name with an escape is none that one looks for.
      return { kind: text.includes('\\') ? 'other' : 'text', text, at };
    }
    if (first === '/' && beginsValue(before)) {
      const pattern = this.#take(PATTERN);
      if (pattern === null) throw new Uncertain();
      return { kind: 'other', text: pattern, at };
    }
    const number = this.#take(NUMBER);
    if (number !== null) return { kind: 'other', text: number, at };
    const word = this.#take(WORD);
    if (word !== null) return { kind: 'word', text: word, at };
    const mark = this.#take(MARK);
    if (mark === null || mark === '"' || mark === "'" || mark === '\\') throw new Uncertain();
    return { kind: 'mark', text: mark, at };
  }

  #template(): Token {
    const at = this.#at;
    for (this.#at += 1; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at];
      if (character === '\\') this.#at += 1;
      if (character === '`') {
        this.#at += 1;
        return { kind: 'other', text: this.#text.slice(at, this.#at), at };
      }
      if (character === '$' && this.#text[this.#at + 1] === '{') {
        this.#at += 2;
        this.read(true);
        this.#at -= 1;
      }
    }
    throw new Uncertain();
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }
}

function beginsValue(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'word') return BEFORE_VALUES.has(before.text);
  if (before.kind !== 'mark' || before.text === ']') return false;
  if (before.text === ')' || before.text === '}') throw new Uncertain();
  return true;
}
