import { z } from 'zod';

interface Documentation {
  /** Its name under `components.schemas` of the OpenAPI document. */
  readonly id?: string;
  readonly description?: string;
  /** Any other keyword of JSON Schema 2020-12; wins over what zod makes of the schema. */
  readonly [keyword: string]: unknown;
}

/**
 * What the OpenAPI document says about schemas besides their structure. Not zod's global registry,
 * which belongs to the program that Tidings may be a part of.
 */
export const DOCUMENTATION = z.registry<Documentation>();

/** Adds to what the OpenAPI document says about a schema; returns the schema. */
export function described<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  more: Documentation = {},
): Schema {
  DOCUMENTATION.add(schema, { ...more, description });
  return schema;
}

/** A number of things, or an offset: never negative. */
export function count(): z.ZodInt {
  return z.int().min(0);
}

type Writable<Value> = Value extends readonly (infer Entry)[]
  ? Writable<Entry>[]
  : Value extends object
    ? { -readonly [Key in keyof Value]: Writable<Value[Key]> }
    : Value;

type Same<Left, Right> = [Left] extends [Right] ? ([Right] extends [Left] ? true : false) : false;

/**
 * The schema of an answer, which has to describe exactly what the application returns: a member that
 * one has and the other has not is an error of the compiler.
 *
 *     export const STATUS = answer<Status>()('Status', 'How everything is.', z.object({ … }));
 */
export function answer<Type>() {
  return <Schema extends z.ZodType>(
    id: string,
    description: string,
    schema: Same<Writable<Type>, Writable<z.output<Schema>>> extends true ? Schema : never,
  ): z.ZodType<Type> =>
    described(schema as z.ZodType, description, { id }) as unknown as z.ZodType<Type>;
}
