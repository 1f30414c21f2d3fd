import { TidingsError } from '../errors/tidings-error.ts';
import type { Config, HttpConfig } from './define-config.ts';
import { combineProblems, pathText } from './problems.ts';

/**
 * Values that often come from the environment may be absent in a {@link Config}: who only looks at a
 * data directory needs none of them. They are asked for here by who does.
 */
const EXAMPLES = {
  'sources.url': 'DATABASE_URL=postgresql://user:password@host:5432/database',
  'webhook.url': 'CRM_URL=https://crm.example/in',
  'webhook.secret': 'CRM_SECRET=whsec_…',
  'tokens.token': 'METRICS_TOKEN=…, of at least 16 characters',
} as const;

/**
 * Who reads the configuration. Commands read `DATABASE_URL` and the file `.env` beside it; to a program
 * that uses the library nothing is known but what it passes.
 */
export type ConfigReader = 'command' | 'program';

const SET: Readonly<Record<ConfigReader, string>> = {
  command: 'set it, or write it into the file .env beside the configuration',
  program: 'set it before the configuration is made',
};

const CONFIGURE: Readonly<Record<ConfigReader, string>> = {
  command:
    'Set DATABASE_URL=postgresql://user:password@host/database, or write a configuration with `tidings init`.',
  program:
    "Pass one: createTidings({ sources: { main: { url: process.env.DATABASE_URL, tables: ['public.*'] } } }).",
};

/** That no database is configured, with what its reader can do about it. */
export function noSource(reader: ConfigReader): TidingsError {
  return new TidingsError('CONFIG_NO_SOURCE', { how: CONFIGURE[reader] });
}

interface Missing {
  readonly path: readonly string[];
  readonly example: string;
}

/** What a service cannot do without, and this configuration has not. */
export function missingValues(config: Config): readonly Missing[] {
  const sources = Object.entries(config.sources).flatMap(([name, { url }]) =>
    url === undefined ? [urlOf(name)] : [],
  );
  const webhooks = Object.entries(config.subscriptions).flatMap(([name, { to }]) => {
    if (!('webhook' in to)) return [];
    return (['url', 'secret'] as const).flatMap((key) =>
      to.webhook[key] === undefined ? [ofWebhook(name, key)] : [],
    );
  });
  return [...sources, ...webhooks, ...missingTokens(config.http)];
}

function missingTokens(http: HttpConfig | undefined): readonly Missing[] {
  return Object.entries(http?.tokens ?? {}).flatMap(([name, { token }]) =>
    token === undefined
      ? [{ path: ['http', 'tokens', name, 'token'], example: EXAMPLES['tokens.token'] }]
      : [],
  );
}

/**
 * For who starts the whole service.
 * @throws TidingsError `CONFIG_VALUE_MISSING`, or `CONFIG_PROBLEMS` for several
 */
export function requireValues(config: Config, reader: ConfigReader): void {
  const problems = missingValues(config).map((each) => missing(each, reader));
  if (problems.length > 0) throw combineProblems('The configuration', problems);
}

/**
 * For who opens the API, or says whether it can be opened.
 * @throws TidingsError `CONFIG_VALUE_MISSING`
 */
export function requireTokens(http: HttpConfig | undefined, reader: ConfigReader): void {
  const [first] = missingTokens(http);
  if (first !== undefined) throw missing(first, reader);
}

/**
 * The address of a source, for who connects to it. A program without one is refused at its start, so
 * that this is a command.
 * @throws TidingsError `SOURCE_UNKNOWN`, `CONFIG_VALUE_MISSING`
 */
export function requireUrl({ sources }: Config, source: string): string {
  const configured = sources[source];
  if (configured === undefined) throw new TidingsError('SOURCE_UNKNOWN', { source });
  if (configured.url === undefined) throw missing(urlOf(source), 'command');
  return configured.url;
}

/**
 * One value of a webhook, for who posts to it.
 * @throws TidingsError `CONFIG_VALUE_MISSING`
 */
export function requireOfWebhook<Value>(
  subscription: string,
  key: 'url' | 'secret',
  { value, reader }: { readonly value: Value | undefined; readonly reader: ConfigReader },
): Value {
  if (value === undefined) throw missing(ofWebhook(subscription, key), reader);
  return value;
}

function urlOf(source: string): Missing {
  return { path: ['sources', source, 'url'], example: EXAMPLES['sources.url'] };
}

function ofWebhook(name: string, key: 'url' | 'secret'): Missing {
  const path = ['subscriptions', name, 'to', 'webhook', key];
  return { path, example: EXAMPLES[`webhook.${key}`] };
}

function missing({ path, example }: Missing, reader: ConfigReader): TidingsError {
  const how = SET[reader];
  return new TidingsError('CONFIG_VALUE_MISSING', { key: pathText(path), example, how });
}
