import { z } from 'zod';
import { described } from '../../option/described.ts';

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
