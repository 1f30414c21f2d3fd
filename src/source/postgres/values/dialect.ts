import type { Dialect, ValueForm, ValueReader, ValueType } from '../../../change/dialect.ts';
import type { Column, TypeShape, ValueKind } from '../../../change/table.ts';
import { readArray } from './array.ts';
import { SMALL_INTEGERS } from './types.ts';
import {
  readBoolean,
  readBytes,
  readFloat,
  readInteger,
  readJson,
  readText,
  readTimestamp,
  readTimestamptz,
} from './values.ts';

/** What one kind of value becomes: how it is read, and what that gives. Never one without the other. */
interface ValueRule {
  readonly read: ValueReader;
  readonly types: readonly ValueType[];
}

const TEXT: ValueRule = { read: readText, types: ['string'] };

/** What JSON has no number for. */
const NO_NUMBERS = ['NaN', 'Infinity', '-Infinity', '-0'].map((literal) => ({ literal }));

/**
 * Decimals stay strings, as many digits as they have. Dates and times are ISO 8601 in PostgreSQL's
 * text already. `other` has no better form than the text.
 */
const RULES: Readonly<Record<ValueKind, ValueRule>> = {
  boolean: { read: readBoolean, types: ['boolean'] },
  integer: { read: readInteger, types: ['number', 'string'] },
  decimal: TEXT,
  float: { read: readFloat, types: ['number', ...NO_NUMBERS] },
  text: TEXT,
  bytes: { read: readBytes, types: ['string'] },
  json: { read: readJson, types: ['json'] },
  date: TEXT,
  time: TEXT,
  timestamp: { read: readTimestamp, types: ['string'] },
  timestamptz: { read: readTimestamptz, types: ['string'] },
  other: TEXT,
};

/** How PostgreSQL prints values; docs/reference/wire-format.md has the table of results. */
export const POSTGRES_DIALECT: Dialect = {
  name: 'postgres',
  reader(column: Column): ValueReader {
    const element = RULES[column.kind].read;
    if (!column.array) return element;
    return (text) => readArray(text, element) ?? text;
  },
};

/** What the reader of a column makes of any text that PostgreSQL prints. */
export function formOf(column: Column): ValueForm {
  return { types: typesOf(column), array: column.array };
}

/** Where more is known of a type than its kind, fewer values are possible. */
function typesOf(column: Column): readonly ValueType[] {
  const shape = elementShape(column.shape, column.array);
  if (shape?.labels !== undefined) return shape.labels.map(([, literal]) => ({ literal }));
  if (shape !== undefined && SMALL_INTEGERS.has(shape.id)) return ['number'];
  return RULES[column.kind].types;
}

/** What the values of a column, or the elements of its arrays, are once domains are seen through. */
function elementShape(shape: TypeShape | undefined, array: boolean): TypeShape | undefined {
  if (shape?.is === 'domain') return elementShape(shape.of, array);
  return shape?.is === 'array' && array ? elementShape(shape.of, false) : shape;
}
