import type { JsonValue } from '../../change/dialect.ts';
import { parseLosslessJson } from '../../change/lossless-json.ts';
import type { LoggedTransaction } from '../../log/log.ts';

/** A member of a transaction's context that has to have a value, such as `actor` = `ann`. */
export interface ContextCondition {
  /** The way to the member, from the outside in. */
  readonly path: readonly string[];
  /** Compared as text: 7 and "7" are the same here. */
  readonly value: string;
}

/** True when a transaction's context has every one of these members. */
export function matchesContext(
  { context }: LoggedTransaction,
  conditions: readonly ContextCondition[],
): boolean {
  if (conditions.length === 0) return true;
  const json = context === null ? null : readJson(context);
  return conditions.every(({ path, value }) => textOf(memberAt(json, path)) === value);
}

/** A text that is part of every context that matches; empty when only "any context" is certain. */
export function certainText(conditions: readonly ContextCondition[]): string | null {
  if (conditions.length === 0) return null;
  // Other characters may be written as escapes.
  const plain = conditions.map(({ value }) => value).filter((value) => /^[\w @.:+-]*$/.test(value));
  return plain.reduce((longest, value) => (value.length > longest.length ? value : longest), '');
}

function readJson(text: string): JsonValue {
  try {
    return parseLosslessJson(text);
  } catch (error) {
    // What is no JSON, or absurdly deep, is shown as text and has no members.
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}

function memberAt(json: JsonValue, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = json;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as { readonly [name: string]: JsonValue })[name];
  }
  return value;
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return JSON.stringify(value);
}
