import { LEFT_OUT } from './elided-json.ts';

/** As much of JSON Schema as an OpenAPI document of ours has. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
}

export type Schemas = Readonly<Record<string, Schema>>;

/**
 * What an example shows that an answer would not have, and what it leaves out without saying so.
 * @param at where in the answer, for the complaint.
 */
export function complaintsOf(shown: unknown, schema: Schema, schemas: Schemas, at = ''): string[] {
  const { $ref, allOf } = schema;
  if ($ref !== undefined) {
    const named = schemas[$ref.replace('#/components/schemas/', '')];
    return named === undefined
      ? [`${at}: ${$ref} is not there`]
      : complaintsOf(shown, named, schemas, at);
  }
  if (allOf !== undefined) return allOf.flatMap((part) => complaintsOf(shown, part, schemas, at));
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) {
    const all = choices.map((choice) => complaintsOf(shown, choice, schemas, at));
    return all.toSorted((one, other) => one.length - other.length)[0] ?? [];
  }
  if (shown === LEFT_OUT) return [];
  if (Array.isArray(shown)) {
    const { items } = schema;
    if (!isType(schema, 'array')) return [`${at} is no list`];
    return items === undefined
      ? []
      : shown.flatMap((each, index) => complaintsOf(each, items, schemas, `${at}[${index}]`));
  }
  if (typeof shown === 'object' && shown !== null) {
    return isType(schema, 'object')
      ? membersOf(shown as Readonly<Record<string, unknown>>, schema, schemas, at)
      : [`${at} is no object`];
  }
  return plainComplaints(shown, schema, at);
}

function membersOf(
  shown: Readonly<Record<string, unknown>>,
  schema: Schema,
  schemas: Schemas,
  at: string,
): string[] {
  const { properties, required = [], additionalProperties } = schema;
  if (properties === undefined) return [];
  const inside = Object.entries(shown).flatMap(([name, value]) => {
    if (name === LEFT_OUT) return [];
    const member = properties[name];
    if (member !== undefined) return complaintsOf(value, member, schemas, `${at}.${name}`);
    return typeof additionalProperties === 'object' ? [] : [`${at}.${name} is not there`];
  });
  const missing = LEFT_OUT in shown ? [] : required.filter((name) => !(name in shown));
  return [...inside, ...missing.map((name) => `${at}.${name} is left out in silence`)];
}

function plainComplaints(shown: unknown, schema: Schema, at: string): string[] {
  const { enum: values } = schema;
  const named = 'const' in schema ? [schema.const] : values;
  if (named !== undefined && !named.includes(shown)) return [`${at}: ${String(shown)} is no value`];
  const type = shown === null ? 'null' : typeof shown;
  const fits = isType(schema, type) || (type === 'number' && isType(schema, 'integer'));
  return fits ? [] : [`${at} is no ${type}`];
}

function isType({ type }: Schema, wanted: string): boolean {
  return type === undefined || type === wanted || (Array.isArray(type) && type.includes(wanted));
}
