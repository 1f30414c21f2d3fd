import { z } from 'zod';
import { OPERATIONS } from '../../change/change.ts';
import { type OptionEntry, optionEntries } from '../../config/option-table.ts';
import { described } from './documented.ts';

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
/** Code and files are the machine's, and who may call the API need not own the machine. */
const REFUSED = `${PREFIX}to.handler`;
type Required = Readonly<Record<string, readonly string[]>>;

/** A secret that is not sent again stays, because nobody can read it to send it. */
const REQUIRED_AGAIN: Required = { '': ['tables', 'to'], to: ['webhook'], 'to.webhook': ['url'] };
const REQUIRED_FIRST: Required = { ...REQUIRED_AGAIN, 'to.webhook': ['url', 'secret'] };

/** The JSON schema of `subscriptions.*` in the configuration, out of the option table. */
function definitionSchema(required: Required): ObjectSchema {
  const root = objectSchema(required['']);
  for (const [path, entry] of optionEntries()) {
    if (!path.startsWith(PREFIX) || path === REFUSED) continue;
    const parts = path.slice(PREFIX.length).split('.');
    const leaf = parts.pop() ?? '';
    let at = root;
    parts.forEach((part, depth) => {
      at.properties[part] ??= objectSchema(required[parts.slice(0, depth + 1).join('.')]);
      at = at.properties[part] as ObjectSchema;
    });
    at.properties[leaf] = optionSchema(entry);
  }
  return root;
}

interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Record<string, JsonSchema | ObjectSchema>;
  readonly required?: readonly string[];
  readonly additionalProperties: false;
  readonly [keyword: string]: unknown;
}

function objectSchema(required: readonly string[] | undefined): ObjectSchema {
  const members = { type: 'object', properties: {}, additionalProperties: false } as const;
  return required === undefined ? members : { ...members, required };
}

function optionSchema(entry: OptionEntry): JsonSchema {
  const standard = entry.webhookDefault ?? entry.default;
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
  definitionSchema(REQUIRED_AGAIN),
);

const definition = definitionSchema(REQUIRED_FIRST);

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
