import type { Dialect, ValueReader } from '../../change/dialect.ts';
import type { Column, ValueKind } from '../../change/table.ts';
import { readArray } from './array.ts';
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

/**
 * Decimals stay strings, as many digits as they have. Dates and times are ISO 8601 in PostgreSQL's
 * text already. `other` has no better form than the text.
 */
const READERS: Readonly<Record<ValueKind, ValueReader>> = {
  boolean: readBoolean,
  integer: readInteger,
  decimal: readText,
  float: readFloat,
  text: readText,
  bytes: readBytes,
  json: readJson,
  date: readText,
  time: readText,
  timestamp: readTimestamp,
  timestamptz: readTimestamptz,
  other: readText,
};

/** How PostgreSQL prints values; docs/reference/wire-format.md has the table of results. */
export const POSTGRES_DIALECT: Dialect = {
  name: 'postgres',
  reader(column: Column): ValueReader {
    const element = READERS[column.kind];
    if (!column.array) return element;
    return (text) => readArray(text, element) ?? text;
  },
};
