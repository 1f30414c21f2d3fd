import { type Token, tokensOf } from './javascript-tokens.ts';

/**
 * The offset at which a module in JavaScript writes a key of the object that it exports; null where
 * its text alone does not tell. That is so for whatever is computed, spread or brought in from
 * elsewhere: a wrong line would be worse than none.
 *
 * It follows `export default` and `module.exports =` through `defineConfig(…)` and a `const`.
 */
export function offsetOfKey(text: string, path: readonly string[]): number | null {
  const tokens = tokensOf(text);
  const last = path.at(-1);
  if (tokens === null || last === undefined) return null;
  let literal = exportedLiteral(tokens);
  for (const name of path.slice(0, -1)) {
    if (literal === null) return null;
    const member = findMember(tokens, literal.open, name);
    literal = member === null ? null : literalAt(tokens, member.value);
    // Only when it is the whole of the value: `{ … } && x` is something else.
    if (literal !== null && literal.next !== member?.next) return null;
  }
  if (literal === null) return null;
  return findMember(tokens, literal.open, last)?.at ?? null;
}

/** An object literal. */
interface Literal {
  /** Index of its opening brace. */
  readonly open: number;
  /** Index of the token behind it and the brackets around it. */
  readonly next: number;
}

function exportedLiteral(tokens: readonly Token[]): Literal | null {
  const exports = tokens.flatMap((token, index) =>
    (isWord(token, 'default') && isWord(tokens[index - 1], 'export')) || isWord(token, 'exports')
      ? [index]
      : [],
  );
  const [at] = exports;
  // More than one: something is exported, and changed or replaced afterwards.
  if (at === undefined || exports.length > 1 || !isOutermost(tokens, at)) return null;
  const value = startOfExported(tokens, at);
  return value === null ? null : wholeStatement(tokens, valueAt(tokens, value));
}

function startOfExported(tokens: readonly Token[], at: number): number | null {
  if (isWord(tokens[at], 'default')) return at + 1;
  const assigned = isMark(tokens[at - 1], '.') && isWord(tokens[at - 2], 'module');
  if (assigned && isMark(tokens[at + 1], '=')) return at + 2;
  const compiled = isMark(tokens[at + 1], '.') && isWord(tokens[at + 2], 'default');
  return compiled && isMark(tokens[at + 3], '=') ? at + 4 : null;
}

/** The literal that a value is or, by the name of a constant, stands for. */
function valueAt(tokens: readonly Token[], at: number): Literal | null {
  const called = isWord(tokens[at], 'defineConfig') && isMark(tokens[at + 1], '(');
  if (called || isMark(tokens[at], '(')) {
    const inner = valueAt(tokens, called ? at + 2 : at + 1);
    if (inner === null) return null;
    const close = isMark(tokens[inner.next], ',') ? inner.next + 1 : inner.next;
    return isMark(tokens[close], ')') ? { open: inner.open, next: close + 1 } : null;
  }
  const token = tokens[at];
  if (token?.kind !== 'word') return literalAt(tokens, at);
  const constant = constantAt(tokens, token.text);
  const literal = constant === null ? null : wholeStatement(tokens, valueAt(tokens, constant));
  return literal === null ? null : { open: literal.open, next: at + 1 };
}

/** Where the value of a constant begins that nothing else in the module names. */
function constantAt(tokens: readonly Token[], name: string): number | null {
  const [declared, used, ...more] = tokens.flatMap((token, at) =>
    isWord(token, name) ? [at] : [],
  );
  if (declared === undefined || used === undefined || more.length > 0) return null;
  const isConstant = isWord(tokens[declared - 1], 'const') && isMark(tokens[declared + 1], '=');
  return isConstant && isOutermost(tokens, declared) ? declared + 2 : null;
}

function literalAt(tokens: readonly Token[], at: number): Literal | null {
  if (!isMark(tokens[at], '{')) return null;
  const close = skip(tokens, at + 1);
  return isMark(tokens[close], '}') ? { open: at, next: close + 1 } : null;
}

/** A literal whose statement ends behind it. */
function wholeStatement(tokens: readonly Token[], literal: Literal | null): Literal | null {
  const after = literal === null ? undefined : tokens[literal.next];
  if (after === undefined || isMark(after, ';')) return literal;
  return after.kind === 'word' && !['in', 'instanceof'].includes(after.text) ? literal : null;
}

interface Member {
  /** Offset of its name. */
  readonly at: number;
  /** Index at which its value begins. */
  readonly value: number;
  /** Index of the comma or brace behind it. */
  readonly next: number;
}

/** The member of a literal that decides: the last of that name, if nothing unknown follows it. */
function findMember(tokens: readonly Token[], open: number, name: string): Member | null {
  let found: Member | null = null;
  for (let index = open + 1; ;) {
    const token = tokens[index];
    if (token === undefined) return null;
    if (isMark(token, '}')) return found;
    const next = skipEntry(tokens, index);
    if (next === index) return null;
    const written = isMark(tokens[index + 1], ':');
    const named = token.kind === 'word' || token.kind === 'text';
    // A spread, a computed name, a method or an accessor may say the same again.
    if (!named || !(written || next === index + 1)) found = null;
    else if (token.text === name) found = { at: token.at, value: written ? index + 2 : next, next };
    index = isMark(tokens[next], ',') ? next + 1 : next;
  }
}

/** The index of the comma or closing bracket that ends an entry. */
function skipEntry(tokens: readonly Token[], from: number): number {
  let at = from;
  while (at < tokens.length && !isMark(tokens[at], ',') && !closes(tokens[at])) {
    at = opens(tokens[at]) ? skip(tokens, at + 1) + 1 : at + 1;
  }
  return at;
}

/** The index of the bracket that closes the one before `from`. */
function skip(tokens: readonly Token[], from: number): number {
  let at = from;
  while (at < tokens.length && !closes(tokens[at])) {
    at = opens(tokens[at]) ? skip(tokens, at + 1) + 1 : at + 1;
  }
  return at;
}

function isOutermost(tokens: readonly Token[], index: number): boolean {
  const before = tokens.slice(0, index);
  return before.filter(opens).length === before.filter(closes).length;
}

function opens(token: Token | undefined): boolean {
  return token?.kind === 'mark' && '([{'.includes(token.text);
}

function closes(token: Token | undefined): boolean {
  return token?.kind === 'mark' && ')]}'.includes(token.text);
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function isMark(token: Token | undefined, text: string): boolean {
  return token?.kind === 'mark' && token.text === text;
}
