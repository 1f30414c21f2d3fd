import { z } from 'zod';
import { OPERATIONS } from '../../change/change.ts';
import { optionEntries } from '../../config/option-table.ts';
import { SINK_NAMES, SINK_TRAITS } from '../../config/sink-options.ts';
import type { DeliveryOption } from '../../sink/sink-traits.ts';
import type { OptionEntry } from '../../option/option-entry.ts';
import { described } from '../../option/described.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const NAME = { type: 'string', pattern: '^[a-z][a-z0-9_-]{0,39}$' };
const list = (items: JsonSchema): JsonSchema => ({
  type: 'array',
  items,
  minItems: 1,
  uniqueItems: true,
});

const SECRET = {
  type: 'string',
  pattern: '^whsec_[A-Za-z0-9+/]+=*$',
  examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
};

/** How the values of each type are written in JSON. Types that are not here are described by words. */
const TYPES: Readonly<Record<string, JsonSchema>> = {
  path: { type: 'string' },
  text: { type: 'string' },
  URL: { type: 'string', format: 'uri' },
  boolean: { type: 'boolean' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  duration: {
    anyOf: [
      { type: 'integer', minimum: 0 },
      { type: 'string', pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$' },
    ],
  },
  'list of table patterns': list({ type: 'string' }),
  'list of column names': list({ type: 'string' }),
  'list of operations': list({ type: 'string', enum: OPERATIONS }),
  'CEL expression': { type: 'string' },
  'name of a source': NAME,
  'object of headers': { type: 'object', additionalProperties: { type: 'string' } },
  'secret, or list of secrets': { anyOf: [SECRET, list(SECRET)] },
  // Only as text here: files are the machine's.
  "PEM, or a file's path": { type: 'string', pattern: '^-----BEGIN ' },
  'place in the log': {
    anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }],
  },
};

const PREFIX = 'subscriptions.*.';
const TO = `${PREFIX}to.`;

/** Kinds whose code and files are the machine's, and who may call the API need not own the machine. */
function isRefused(path: string): boolean {
  const [kind = ''] = path.startsWith(TO) ? path.slice(TO.length).split('.') : [];
  return SINK_NAMES.some((name) => name === kind && !SINK_TRAITS[name].overHttp);
}

/** The JSON schema of `subscriptions.*` in the configuration, out of the option table. */
function definitionSchema(secrets: 'required' | 'kept'): JsonObject {
  const root = new ObjectSchema();
  for (const [path, entry] of optionEntries()) {
    if (!path.startsWith(PREFIX) || isRefused(path)) continue;
    const parts = path.slice(PREFIX.length).split('.');
    const leaf = parts.pop() ?? '';
    let at = root;
    for (const part of parts) {
      at.properties[part] ??= new ObjectSchema();
      at = at.properties[part] as ObjectSchema;
    }
    at.properties[leaf] = optionSchema(path, entry);
    // A secret that is not sent again stays, because nobody can read it to send it.
    if (entry.required === true && !(secrets === 'kept' && entry.secret === true)) {
      at.required.push(leaf);
    }
  }
  return jsonOf(root);
}

/** The default of what can be configured here, where all kinds have the same. */
function defaultOf(path: string, entry: OptionEntry): OptionEntry['default'] {
  const option = path.slice(`${PREFIX}delivery.`.length) as DeliveryOption;
  const own = SINK_NAMES.filter((name) => SINK_TRAITS[name].overHttp).map(
    (name) => SINK_TRAITS[name].delivery[option],
  );
  const [first, ...others] = new Set(own);
  return others.length === 0 ? (first ?? entry.default) : undefined;
}

interface JsonObject extends JsonSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** An object's schema while its members are being collected. */
class ObjectSchema {
  readonly properties: Record<string, JsonSchema | ObjectSchema> = {};
  readonly required: string[] = [];
}

/** An object is required where a member of it is. */
function jsonOf({ properties, required }: ObjectSchema): JsonObject {
  const needed = [...required];
  const members = Object.entries(properties).map(([name, schema]) => {
    if (!(schema instanceof ObjectSchema)) return [name, schema] as const;
    const inner = jsonOf(schema);
    if (inner.required !== undefined) needed.push(name);
    return [name, inner] as const;
  });
  return {
    type: 'object',
    properties: Object.fromEntries(members),
    ...(needed.length === 0 ? {} : { required: needed }),
    additionalProperties: false,
  };
}

function optionSchema(path: string, entry: OptionEntry): JsonSchema {
  const standard = defaultOf(path, entry);
  return {
    ...TYPES[entry.type],
    description: [entry.description, entry.reason].filter(Boolean).join(' '),
    ...(standard === undefined ? {} : { default: standard }),
    ...(entry.secret === true ? { writeOnly: true } : {}),
  };
}

/**
 * The body that defines a subscription. It is described by the option table and checked by the
 * application, whose messages name the option and what is wrong with it; here it only has to be an
 * object.
 */
export const DEFINITION_BODY = described(
  z.looseObject({}),
  'What `subscriptions.*` of the configuration takes, with a webhook as its endpoint.',
  definitionSchema('kept'),
);

const definition = definitionSchema('required');

/** The same with the new subscription's name. */
export const NEW_SUBSCRIPTION_BODY = described(
  z.looseObject({ name: z.string() }),
  'A name, and what `subscriptions.*` of the configuration takes, with a webhook as its endpoint.',
  {
    ...definition,
    properties: { name: NAME, ...definition.properties },
    required: ['name', ...(definition.required ?? [])],
  },
);
