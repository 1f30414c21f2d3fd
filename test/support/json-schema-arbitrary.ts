import fc from 'fast-check';

/** As much of JSON Schema 2020-12 as the API's description uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly examples?: readonly unknown[];
}

const FORMATS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'date-time': fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  // Addresses that webhooks are refused: what is made of them is never really called.
  uri: fc.constantFrom('https://192.168.0.1/in', 'http://127.0.0.1:1', 'mailto:a@b.example'),
};

/** Values that the schema takes. */
export function conforming(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(conforming));
  if (schema.examples !== undefined) return fc.constantFrom(...schema.examples);
  switch (schema.type ?? 'any') {
    case 'object':
      return conformingObject(schema);
    case 'array': {
      const entries = conforming(schema.items ?? {});
      const limits = { minLength: schema.minItems ?? 0, maxLength: (schema.minItems ?? 0) + 3 };
      if (schema.uniqueItems !== true) return fc.array(entries, limits);
      return fc.uniqueArray(entries, { ...limits, comparator: 'SameValue' });
    }
    case 'string':
      return conformingString(schema);
    case 'integer': {
      const { minimum: min = -(2 ** 53) + 1, maximum: max = 2 ** 53 - 1 } = schema;
      return fc.oneof(
        fc.maxSafeNat().filter((it) => it >= min && it <= max),
        small(min, max),
      );
    }
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue();
  }
}

/** Small numbers find more than large ones: there are offsets 0 to 10, and none beyond. */
function small(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min, max: Math.min(max, min + 20) });
}

function conformingString({ pattern, format, minLength = 0 }: JsonSchema): fc.Arbitrary<string> {
  const named = FORMATS[format ?? ''];
  if (named !== undefined) return named;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return fc.string({ minLength, maxLength: minLength + 20, unit: 'binary' });
}

function conformingObject({ properties = {}, required = [] }: JsonSchema): fc.Arbitrary<unknown> {
  const members = Object.entries(properties).map(([name, schema]) => [name, conforming(schema)]);
  return fc.record(Object.fromEntries(members) as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: [...required],
  });
}

/** Values that mostly break the schema in one place, and any JSON. */
export function breaking(schema: JsonSchema): fc.Arbitrary<unknown> {
  const any = fc.jsonValue();
  if (schema.type !== 'object' || schema.properties === undefined) return any;
  const names = [...Object.keys(schema.properties), 'unknown', '__proto__'];
  const broken = fc
    .tuple(conforming(schema), fc.constantFrom(...names), any, fc.boolean())
    .map(([value, name, wrong, remove]) => {
      const members = Object.entries(value as object).filter(([other]) => other !== name);
      return Object.fromEntries(remove ? members : [...members, [name, wrong]]) as unknown;
    });
  return fc.oneof({ weight: 3, arbitrary: broken }, { weight: 1, arbitrary: any });
}
