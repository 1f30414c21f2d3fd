/** A pattern that does not parse. Callers that know who wrote it turn it into a coded error. */
export class TablePatternError extends Error {
  override readonly name = 'TablePatternError';
  readonly pattern: string;
  /** What is wrong, as the end of a sentence. */
  readonly problem: string;
  /** A pattern that was probably meant, or one that shows the form. */
  readonly suggestion: string;

  constructor(pattern: string, problem: string, suggestion: string) {
    super(`Table pattern ${JSON.stringify(pattern)} ${problem}; for instance: ${suggestion}`);
    this.pattern = pattern;
    this.problem = problem;
    this.suggestion = suggestion;
  }
}

/** One part of a pattern: the pieces of text between its wildcards; a single piece is a plain name. */
type NamePattern = readonly [string, ...string[]];

/** One parsed pattern. */
export interface TablePattern {
  readonly text: string;
  /** True for `!pattern`: tables that match are left out whatever else matches. */
  readonly exclude: boolean;
  readonly schema: NamePattern;
  readonly table: NamePattern;
}

/** A prepared list of patterns: a table is meant when one includes it and none excludes it. */
export interface TablePatterns {
  readonly patterns: readonly TablePattern[];
  matches(schema: string, table: string): boolean;
}

/** A pattern's two parts as operands of SQL LIKE with `\` as the escape character. */
export interface LikePattern {
  readonly schema: string;
  readonly table: string;
}

const DEFAULT_SCHEMA = 'public';

/**
 * Parses `schema.table`, `schema.*`, `sales_*.orders` or `!schema.table`. `*` stands for any
 * characters within one part. Names are compared as the catalogue has them, so case matters. A part
 * in double quotes is taken literally: `"odd.schema"."a*b"`, with `""` for a quote.
 *
 * A bare table name is refused instead of being read as `public.name`: a pattern decides what is
 * captured, so it has to say what it means.
 * @throws TablePatternError
 */
export function parseTablePattern(text: string): TablePattern {
  const exclude = text.startsWith('!');
  const parts = splitParts(text, exclude ? 1 : 0);
  const [schema, table, ...rest] = parts;
  if (schema === undefined) throw new TablePatternError(text, 'is empty', `${DEFAULT_SCHEMA}.*`);
  if (table === undefined) {
    const named = exclude ? text.slice(1) : text;
    const suggestion = `${exclude ? '!' : ''}${DEFAULT_SCHEMA}.${named}`;
    throw new TablePatternError(text, 'names no schema', suggestion);
  }
  if (rest.length > 0) {
    const problem = 'has more than two parts (quote a name that contains a dot)';
    throw new TablePatternError(text, problem, '"odd.schema".orders');
  }
  return { text, exclude, schema, table };
}

/**
 * Prepares a list of patterns for many tables.
 * @throws TablePatternError for the first one that does not parse, and for a list that only excludes.
 */
export function compileTablePatterns(texts: readonly string[]): TablePatterns {
  const patterns = texts.map(parseTablePattern);
  const included = patterns.filter((pattern) => !pattern.exclude);
  const excluded = patterns.filter((pattern) => pattern.exclude);
  const [onlyExcluding] = excluded;
  if (included.length === 0 && onlyExcluding !== undefined) {
    const problem = 'excludes from nothing: no other pattern of the list includes a table';
    throw new TablePatternError(onlyExcluding.text, problem, `${DEFAULT_SCHEMA}.*`);
  }
  return {
    patterns,
    matches: (schema, table) =>
      included.some((pattern) => matchesPattern(pattern, schema, table)) &&
      !excluded.some((pattern) => matchesPattern(pattern, schema, table)),
  };
}

/** True when the table is meant by the patterns; the same as `patterns.matches`. */
export function matchesTable(patterns: TablePatterns, schema: string, table: string): boolean {
  return patterns.matches(schema, table);
}

/** True when one of the patterns is this table's own name, not one that matches it among others. */
export function namesTable({ patterns }: TablePatterns, schema: string, table: string): boolean {
  return patterns.some(
    (pattern) =>
      !pattern.exclude &&
      pattern.schema.length === 1 &&
      pattern.table.length === 1 &&
      matchesPattern(pattern, schema, table),
  );
}

/**
 * The same patterns for a query on the catalogue: a table is meant when it is LIKE one of `include`
 * and LIKE none of `exclude`, in both parts.
 */
export function toLikePatterns(patterns: TablePatterns): {
  readonly include: readonly LikePattern[];
  readonly exclude: readonly LikePattern[];
} {
  const select = (exclude: boolean): LikePattern[] =>
    patterns.patterns
      .filter((pattern) => pattern.exclude === exclude)
      .map((pattern) => ({ schema: toLike(pattern.schema), table: toLike(pattern.table) }));
  return { include: select(false), exclude: select(true) };
}

function toLike(name: NamePattern): string {
  return name.map((piece) => piece.replace(/[\\%_]/g, '\\$&')).join('%');
}

/** Splits at dots and reads wildcards, both only outside of quotes. */
function splitParts(text: string, start: number): NamePattern[] {
  const parts: NamePattern[] = [];
  for (let at = start; at < text.length; at++) {
    const part = readPart(text, at);
    parts.push(part.pieces);
    at = part.end;
    if (at < text.length && text[at] !== '.') {
      throw new TablePatternError(text, 'has text after a quoted name', '"odd name".orders');
    }
    if (at === text.length - 1) throw new TablePatternError(text, 'ends with a dot', `${text}*`);
  }
  return parts;
}

function readPart(text: string, start: number): { pieces: NamePattern; end: number } {
  if (text[start] === '"') return readQuoted(text, start);
  const dot = text.indexOf('.', start);
  const end = dot === -1 ? text.length : dot;
  const part = text.slice(start, end);
  if (part === '') throw new TablePatternError(text, 'has an empty part', `${DEFAULT_SCHEMA}.*`);
  if (/["\s!]/.test(part)) {
    const problem = 'has a space, quote or exclamation mark outside of quotes';
    throw new TablePatternError(text, problem, quotedInPlace(text, { start, end, part }));
  }
  const [first = '', ...rest] = part.split('*');
  return { pieces: [first, ...rest], end };
}

/** The pattern with a part in quotes; a table alone gets the usual schema. */
function quotedInPlace(
  text: string,
  { start, end, part }: { readonly start: number; readonly end: number; readonly part: string },
): string {
  // In quotes a wildcard would be none.
  if (part.includes('*')) return `${DEFAULT_SCHEMA}."odd name"`;
  const quoted = `"${part.replaceAll('"', '""')}"`;
  if (!text.includes('.')) return `${DEFAULT_SCHEMA}.${quoted}`;
  return text.slice(0, start) + quoted + text.slice(end);
}

function readQuoted(text: string, start: number): { pieces: NamePattern; end: number } {
  const quoted = /"((?:[^"]|"")+)"/y;
  quoted.lastIndex = start;
  const name = quoted.exec(text)?.[1];
  if (name === undefined) {
    throw new TablePatternError(text, 'has a quote that does not end', '"odd name".orders');
  }
  return { pieces: [name.replaceAll('""', '"')], end: quoted.lastIndex };
}

function matchesPattern(pattern: TablePattern, schema: string, table: string): boolean {
  return matchesName(pattern.schema, schema) && matchesName(pattern.table, table);
}

/**
 * Greedy from the left, which is exact for wildcards without alternatives, and linear: a regular
 * expression of many `.*` could take exponential time on a hostile name.
 */
function matchesName(pieces: NamePattern, name: string): boolean {
  const [first] = pieces;
  if (pieces.length === 1) return name === first;
  const last = pieces[pieces.length - 1] ?? '';
  if (name.length < first.length + last.length) return false;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
