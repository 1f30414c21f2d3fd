import { type Change, type ChangeTransaction, OPERATIONS, type Row } from './change.ts';
import type { JsonValue } from './dialect.ts';
import { isRewindTable } from './rewind.ts';
import { splitTime } from './time.ts';
import { isTooLong, type LargestValue, tooLarge } from './too-large.ts';

/** The CloudEvents type of a change; the version changes when a reader of v1 could misread it. */
export const WIRE_TYPE = 'tidings.change.v1';

/**
 * The type of the record that tells of a history which went back (`rewind.ts`): in the form of a
 * change, and none of the database.
 */
export const REWIND_TYPE = 'tidings.rewind.v1';

/** The type of a test delivery: no receiver that looks at types takes it for a change. */
export const TEST_TYPE = 'tidings.test.v1';

/** How every change's text begins, by which a file's line is known as ours. */
export const WIRE_START = '{"specversion":"1.0","type":"tidings.';

/**
 * A change on the wire: a CloudEvents 1.0 envelope in JSON
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
 * Its members come in this order. Later versions of Tidings may add members and change none.
 */
export interface WireChange {
  readonly specversion: '1.0';
  readonly type: typeof WIRE_TYPE | typeof REWIND_TYPE;
  /** The change id: what a receiver remembers to know a repetition. */
  readonly id: string;
  /** `/sources/` and the source's name, percent-encoded. */
  readonly source: string;
  /** `schema.table`. */
  readonly subject: string;
  /** When the transaction committed. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: WireData;
}

/** What is particular to a change; see {@link Change} for the members. */
export interface WireData extends Pick<
  Change,
  'operation' | 'schema' | 'table' | 'partition' | 'key'
> {
  readonly before: Row | null;
  readonly after: Row | null;
  readonly changed: readonly string[] | null;
  readonly offset: number;
  readonly transaction: Omit<ChangeTransaction, 'committedAt'>;
}

/**
 * The change's wire form as a text, which is what goes out.
 * @param replaced members with other values.
 * @throws TidingsError `VALUE_TOO_LARGE`
 */
export function wireText(
  change: Change,
  replaced: { readonly [member: string]: string } = {},
): string {
  try {
    return JSON.stringify({ ...toWire(change), ...replaced });
  } catch (error) {
    if (!isTooLong(error)) throw error;
    const table = `${change.schema}.${change.table}`;
    throw tooLarge({ id: change.id, table }, largestText(change), error);
  }
}

function largestText({ before, after }: Change): LargestValue {
  let largest: LargestValue = { column: '', bytes: 0 };
  for (const [column, value] of [before, after].flatMap((row) => Object.entries(row ?? {}))) {
    const bytes = typeof value === 'string' ? value.length : 0;
    if (bytes > largest.bytes) largest = { column, bytes };
  }
  return largest;
}

const SOURCE_PREFIX = '/sources/';

/** The change's wire form. `JSON.stringify` of it is what webhooks, streams and `tail --json` send. */
export function toWire(change: Change): WireChange {
  const { id, position, index, last, committedAt, context } = change.transaction;
  return {
    specversion: '1.0',
    type: typeOf(change),
    id: change.id,
    source: SOURCE_PREFIX + encodeURIComponent(change.source),
    subject: `${change.schema}.${change.table}`,
    time: committedAt,
    datacontenttype: 'application/json',
    data: {
      operation: change.operation,
      schema: change.schema,
      table: change.table,
      ...(change.partition === undefined ? {} : { partition: change.partition }),
      key: change.key,
      before: change.before,
      after: change.after,
      changed: change.changed,
      offset: change.offset,
      transaction: { id, position, index, last, context },
    },
  };
}

function typeOf(change: Pick<Change, 'schema' | 'table'>): WireChange['type'] {
  const { schema, table: name } = change;
  return isRewindTable({ schema, name }) ? REWIND_TYPE : WIRE_TYPE;
}

/** A text or value that is no change in wire form v1. */
export class WireFormatError extends Error {
  override readonly name = 'WireFormatError';
  /** Where, such as `data.transaction.index`; empty for the whole. */
  readonly path: string;

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path === '' ? 'The change' : path} ${problem}`, options);
    this.path = path;
  }
}

/**
 * Reads a change in wire form; the inverse of {@link toWire}. Members it does not know are passed
 * over, as a later version may have added them.
 * @param json the text, or what `JSON.parse` made of it.
 * @throws WireFormatError
 */
export function parseWire(json: unknown): Change {
  const wire = new WireObject('', typeof json === 'string' ? parseJson(json) : json);
  wire.constant('specversion', '1.0');
  const type = wire.oneOf('type', [WIRE_TYPE, REWIND_TYPE]);
  const data = wire.object('data');
  const transaction = data.object('transaction');
  const change: Change = {
    id: wire.string('id'),
    source: readSource(wire.string('source')),
    offset: data.count('offset'),
    operation: data.oneOf('operation', OPERATIONS),
    schema: data.string('schema'),
    table: data.string('table'),
    ...data.partition(),
    key: data.row('key'),
    before: data.row('before'),
    after: data.row('after'),
    changed: data.strings('changed'),
    transaction: {
      id: transaction.string('id'),
      position: transaction.string('position'),
      index: transaction.count('index'),
      last: transaction.boolean('last'),
      committedAt: wire.time('time'),
      context: transaction.json('context'),
    },
  };
  const { position, index } = change.transaction;
  wire.constant('id', `${change.source}:${position}:${index}`);
  if (type !== typeOf(change)) throw new WireFormatError('type', `is not ${typeOf(change)}`);
  wire.constant('subject', `${change.schema}.${change.table}`);
  return change;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WireFormatError('', 'is no JSON', { cause: error });
  }
}

function readSource(uri: string): string {
  try {
    if (uri.startsWith(SOURCE_PREFIX)) return decodeURIComponent(uri.slice(SOURCE_PREFIX.length));
  } catch (error) {
    throw new WireFormatError('source', 'is badly percent-encoded', { cause: error });
  }
  throw new WireFormatError('source', `does not begin with ${SOURCE_PREFIX}`);
}

/** An object of the wire form whose members are read with their types checked. */
class WireObject {
  readonly #path: string;
  readonly #members: { readonly [name: string]: unknown };

  constructor(path: string, value: unknown) {
    if (!isObject(value)) throw new WireFormatError(path, 'is no object');
    this.#path = path;
    this.#members = value;
  }

  object(name: string): WireObject {
    return new WireObject(this.#at(name), this.#members[name]);
  }

  string(name: string): string {
    const value = this.#members[name];
    if (typeof value !== 'string') throw this.#error(name, 'is no string');
    return value;
  }

  constant(name: string, expected: string): void {
    if (this.string(name) !== expected) throw this.#error(name, `is not ${expected}`);
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
    const text = this.string(name);
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw this.#error(name, `is none of ${values.join(', ')}`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#members[name];
    if (typeof value !== 'boolean') throw this.#error(name, 'is neither true nor false');
    return value;
  }

  count(name: string): number {
    const value = this.#members[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw this.#error(name, 'is no whole number from 0 to 2^53 - 1');
    }
    return value;
  }

  time(name: string): string {
    const text = this.string(name);
    if (splitTime(text) === null)
      throw this.#error(name, 'is no time such as 2026-01-31T12:00:00Z');
    return text;
  }

  row(name: string): Row | null {
    const value = this.#members[name];
    if (value === null) return null;
    if (!isObject(value)) throw this.#error(name, 'is neither an object nor null');
    return value as Row;
  }

  strings(name: string): readonly string[] | null {
    const value = this.#members[name];
    if (value === null) return null;
    if (!Array.isArray(value) || !value.every((element) => typeof element === 'string')) {
      throw this.#error(name, 'is neither a list of strings nor null');
    }
    return value;
  }

  json(name: string): JsonValue {
    const value = this.#members[name];
    if (value === undefined) throw this.#error(name, 'is missing');
    return value as JsonValue;
  }

  partition(): Pick<Change, 'partition'> {
    if (this.#members['partition'] === undefined) return {};
    const partition = this.object('partition');
    return { partition: { schema: partition.string('schema'), table: partition.string('table') } };
  }

  #error(name: string, problem: string): WireFormatError {
    const missing = this.#members[name] === undefined;
    return new WireFormatError(this.#at(name), missing ? 'is missing' : problem);
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
