import { OPERATIONS } from '../../src/change/change.ts';
import { optionEntries } from '../../src/config/option-table.ts';
import type { OptionEntry, OptionType } from '../../src/option/option-entry.ts';
import { LOG_LEVELS } from '../../src/config/log-levels.ts';
import { RIGHTS } from '../../src/config/schema.ts';

/** A JSON Schema (draft 2020-12), as far as it is used here. */
interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
}

const TEXT = { type: 'string', minLength: 1 } as const;
const TEXTS = { type: 'array', minItems: 1, uniqueItems: true } as const;
const DURATION = {
  anyOf: [
    { type: 'string', pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$' },
    { type: 'integer', minimum: 1 },
  ],
} as const;
const SIZE = {
  anyOf: [
    { type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*[KMGT]?i?B?$' },
    { type: 'integer', minimum: 0 },
  ],
} as const;
const SECRET = { type: 'string', pattern: '^whsec_' } as const;

const TYPES: Readonly<Record<OptionType, JsonSchema>> = {
  path: TEXT,
  text: TEXT,
  URL: TEXT,
  boolean: { type: 'boolean' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  duration: DURATION,
  size: SIZE,
  'list of table patterns': { ...TEXTS, items: TEXT },
  'list of column names': { ...TEXTS, items: TEXT },
  'list of operations': { ...TEXTS, items: { enum: OPERATIONS } },
  'CEL expression': TEXT,
  'name of a source': TEXT,
  'place in the log': { anyOf: [TEXT, { type: 'integer', minimum: 0 }] },
  level: { enum: LOG_LEVELS },
  'capture method': { enum: ['wal'] },
  'object of headers': { type: 'object', additionalProperties: { type: 'string' } },
  'secret, or list of secrets': { anyOf: [SECRET, { ...TEXTS, items: SECRET }] },
  "PEM, or a file's path": TEXT,
  // These two may be empty: nothing is allowed then.
  'list of addresses': { type: 'array', uniqueItems: true, items: TEXT },
  'list of origins': { type: 'array', uniqueItems: true, items: TEXT },
  'list of rights': { ...TEXTS, items: { enum: RIGHTS } },
};

/** What of an object cannot be told from its options. */
const OBJECTS: Readonly<Record<string, JsonSchema>> = {
  sources: { propertyNames: { pattern: '^[a-z][a-z0-9_-]{0,39}$' } },
  subscriptions: { propertyNames: { pattern: '^[a-z][a-z0-9_-]{0,39}$' } },
  'subscriptions.*.to': { minProperties: 1, maxProperties: 1 },
};

/** The schema of `tidings.config.json`, for editors; made from the option table. */
export function configSchemaDocument(): JsonSchema {
  const { properties, ...rest } = objectAt([]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of Tidings',
    ...rest,
    properties: { $schema: { type: 'string' }, ...properties },
  };
}

function objectAt(path: readonly string[]): JsonSchema {
  const keys = new Set(
    optionEntries()
      .map(([option]) => option.split('.'))
      .filter((parts) => path.every((part, at) => part === parts[at]))
      .map((parts) => parts[path.length] ?? ''),
  );
  const own = OBJECTS[path.join('.')] ?? {};
  if (keys.has('*'))
    return { type: 'object', ...own, additionalProperties: valueAt([...path, '*']) };
  const properties = [...keys].map((key) => [key, valueAt([...path, key])] as const);
  const required = [...keys].filter((key) => isRequired([...path, key]));
  return {
    type: 'object',
    ...own,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}

/** `to` is an object of which every subscription needs one. */
function isRequired(path: readonly string[]): boolean {
  const entry = optionEntries().find(([option]) => option === path.join('.'))?.[1];
  return entry?.required === true || path.join('.') === 'subscriptions.*.to';
}

function valueAt(path: readonly string[]): JsonSchema {
  const entry = optionEntries().find(([option]) => option === path.join('.'))?.[1];
  return entry === undefined ? objectAt(path) : optionSchema(entry);
}

function optionSchema({ description, type, limits, mayBeNone, ...entry }: OptionEntry): JsonSchema {
  const written = {
    ...TYPES[type],
    ...(limits === undefined ? {} : { minimum: limits[0], maximum: limits[1] }),
  };
  const value = mayBeNone === true ? { anyOf: [written, { enum: [null, 'none'] }] } : written;
  const reason = entry.reason === undefined ? '' : ` ${entry.reason}`;
  return {
    description: `${description}${reason}`,
    ...value,
    ...(entry.default === undefined ? {} : { default: entry.default }),
  };
}
