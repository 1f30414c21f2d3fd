import type { ChangeView } from '../../change/decode.ts';
import type { JsonValue } from '../../change/dialect.ts';
import { type Column, type TableDefinition, type ValueKind } from '../../change/table.ts';
import { Decimal } from './decimal.ts';
import { Instant } from './instant.ts';
import { UndecidableError, WHOLE_OLD_ROWS } from './undecidable.ts';

/** Where a {@link ConditionRow} takes its values from. */
interface RowSource {
  readonly side: 'before' | 'after' | 'key';
  readonly view: ChangeView;
  readonly columns: ReadonlyMap<string, number>;
}

/**
 * In front of a column's name: an unknown column is undefined and no error. `has(after.x)` and
 * `after.?x` ask like this (`syntax-tree.ts`). No database has it in a name.
 */
export const IF_KNOWN = '\0';

/**
 * A row as a condition sees it: columns are read when they are asked for, because a condition names
 * few. It is a Map because that is what the expression library takes fields from by `get` alone;
 * an ordinary object would also hand out what its prototype has.
 *
 * When there is no such row (`before` of an insert) every column is null, as OLD and NEW are in SQL.
 * A row or column that exists and was not reported is an error: it might be anything.
 */
export class ConditionRow extends Map<string, unknown> {
  #source: RowSource | null = null;

  /** Points the row to another change; null when the change has no such row. */
  show(source: RowSource | null): void {
    this.#source = source;
  }

  /** True when the change has no such row, or the database did not report it. */
  get absent(): boolean {
    if (this.#source === null) return true;
    const { side, view } = this.#source;
    return side !== 'key' && view.rows[side] === null;
  }

  override has(name: string): boolean {
    return this.get(IF_KNOWN + name) !== undefined;
  }

  /** @throws UndecidableError when the table has no such column, or its value is not known. */
  override get(name: string): unknown {
    const source = this.#source;
    const ifKnown = name.startsWith(IF_KNOWN);
    if (source === null) return ifKnown ? undefined : null;
    const column = ifKnown ? name.slice(IF_KNOWN.length) : name;
    const value = readColumn(source, column);
    if (value === undefined && !ifKnown) throw notKnown(source, column);
    return value;
  }
}

function readColumn({ side, view, columns }: RowSource, name: string): unknown {
  const index = columns.get(name);
  const column = index === undefined ? undefined : view.stored.table.columns[index];
  if (index === undefined || column === undefined) return undefined;
  const value = side === 'key' ? keyValue(view, name) : view.value(side, index);
  return value === undefined ? undefined : toConditionValue(value, column);
}

function notKnown({ side, columns }: RowSource, name: string): UndecidableError {
  if (!columns.has(name)) return new UndecidableError(`the table has no column ${name}`);
  if (side === 'key') return new UndecidableError(`${name} is no column of the key`);
  return new UndecidableError(`the database does not report ${side}.${name} (${WHOLE_OLD_ROWS})`);
}

function keyValue({ key }: ChangeView, name: string): JsonValue | undefined {
  return key !== null && Object.hasOwn(key, name) ? key[name] : undefined;
}

/** The places of a table version's columns by name. */
export function columnIndexes(table: TableDefinition): ReadonlyMap<string, number> {
  return new Map(table.columns.map((column, index) => [column.name, index]));
}

/**
 * A wire value as an exact value of its kind: integers of any size as bigint, decimals as
 * {@link Decimal}, times with a zone as {@link Instant}. Times without one, dates and everything
 * else that has no kind stay text, which for ISO 8601 sorts as the times do.
 * @throws UndecidableError for a date whose text does not sort: BC or after the year 9999.
 */
function toConditionValue(value: JsonValue, column: Column): unknown {
  if (value === null) return null;
  // An array that JSON cannot say keeps its text, whatever its elements are.
  if (column.array && typeof value === 'string') return value;
  return toKind(value, column.kind);
}

/**
 * A JSON document with its objects as maps: the library looks at an object's `constructor` to learn
 * its type, and a document may have a member of that name.
 */
export function toConditionJson(value: JsonValue): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(toConditionJson);
  return new Map(Object.entries(value).map(([name, member]) => [name, toConditionJson(member)]));
}

function toKind(value: JsonValue, kind: ValueKind): unknown {
  if (kind === 'json') return toConditionJson(value);
  if (Array.isArray(value)) return value.map((element: JsonValue) => toKind(element, kind));
  if (typeof value === 'number') return kind === 'integer' ? BigInt(value) : value;
  return typeof value === 'string' ? FROM_TEXT[kind](value) : value;
}

/** Text that is no value of its kind stays text; comparing it with one then says so. */
const FROM_TEXT: Readonly<Record<ValueKind, (text: string) => unknown>> = {
  boolean: (text) => text,
  integer: (text) => (/^-?\d+$/.test(text) ? BigInt(text) : text),
  decimal: (text) => Decimal.parse(text) ?? text,
  // The only strings among floats are NaN, the infinities and -0.
  float: Number,
  text: (text) => text,
  bytes: (text) => Buffer.from(text, 'base64'),
  json: (text) => text,
  date: sortableTime,
  time: (text) => text,
  timestamp: sortableTime,
  timestamptz: toInstant,
  other: (text) => text,
};

function toInstant(text: string): Instant {
  const instant = Instant.parse(text);
  if (instant === null) throw new UndecidableError(`${text} lies outside of the years 1 to 9999`);
  return instant;
}

function sortableTime(text: string): string {
  if (/^\d{4}-[^ ]*$/.test(text) || /^-?infinity$/.test(text)) return text;
  throw new UndecidableError(`${text} lies outside of the years 1 to 9999`);
}
