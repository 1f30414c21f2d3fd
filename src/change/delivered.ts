import type { ArrayValue, JsonValue } from './dialect.ts';

/**
 * The row type of an ORM or a query builder, with what Tidings delivers in place of what the tool makes
 * of a value: strings for `Date`, bytes and decimals, `number | string` for `bigint`, {@link ArrayValue}
 * for arrays. The type has to call columns as the database does.
 *
 *     type Order = Delivered<Selectable<DB['orders']>, 'id'>;
 *
 * It knows no more than the tool's type: that a float may be `'NaN'`, and that an update may leave out a
 * large value, only the types say that `tidings types` writes.
 * @template BigInts columns of type `bigint` that the tool types as `string` or `number`: nothing tells
 *   them from others.
 */
export type Delivered<ToolRow extends object, BigInts extends keyof ToolRow = never> = {
  readonly [Column in keyof ToolRow]: Column extends BigInts
    ? number | string | Extract<ToolRow[Column], null>
    : DeliveredValue<ToolRow[Column]>;
};

/** What takes any text, number and truth value is JSON, whatever else the tool's type says of it. */
type DeliveredValue<Value> = [string | number | boolean] extends [Value]
  ? JsonValue
  : DeliveredEach<Value>;

/** Of each member of a union. */
type DeliveredEach<Value> = Value extends bigint
  ? number | string
  : Value extends null | undefined | boolean | number | string
    ? Value
    : Value extends readonly (infer Element)[]
      ? ArrayValue<DeliveredValue<Exclude<Element, null>>>
      : // A decimal of any library has `toFixed`.
        Value extends Date | Uint8Array | { toFixed(digits?: number): string }
        ? string
        : Value;
