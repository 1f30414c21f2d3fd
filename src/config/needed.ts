import { TidingsError } from '../errors/tidings-error.ts';
import type { Config, HttpConfig } from './define-config.ts';
import {
  type ConfigReader,
  type MissingValue,
  missingValue,
  ofEndpoint,
} from '../option/missing-value.ts';
import { combineProblems } from './problems.ts';
import { endpointOf } from './sink-kinds.ts';

/**
 * Values that often come from the environment may be absent in a {@link Config}: who only looks at a
 * data directory needs none of them. They are asked for here by who does.
 */
const EXAMPLES = {
  url: 'DATABASE_URL=postgresql://user:password@host:5432/database',
  token: 'METRICS_TOKEN=…, of at least 16 characters',
} as const;

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

/** What a service cannot do without, and this configuration has not. */
export function missingValues(config: Config): readonly MissingValue[] {
  const sources = Object.entries(config.sources).flatMap(([name, { url }]) =>
    url === undefined ? [urlOf(name)] : [],
  );
  const endpoints = Object.entries(config.subscriptions).flatMap(([name, { to }]) =>
    endpointOf(to)
      .missing()
      .map((each) => ofEndpoint(name, each)),
  );
  return [...sources, ...endpoints, ...missingTokens(config.http)];
}

function missingTokens(http: HttpConfig | undefined): readonly MissingValue[] {
  return Object.entries(http?.tokens ?? {}).flatMap(([name, { token }]) =>
    token === undefined
      ? [{ path: ['http', 'tokens', name, 'token'], example: EXAMPLES.token }]
      : [],
  );
}

/**
 * For who starts the whole service.
 * @throws TidingsError `CONFIG_VALUE_MISSING`, or `CONFIG_PROBLEMS` for several
 */
export function requireValues(config: Config, reader: ConfigReader): void {
  const problems = missingValues(config).map((each) => missingValue(each, reader));
  if (problems.length > 0) throw combineProblems('The configuration', problems);
}

/**
 * For who opens the API, or says whether it can be opened.
 * @throws TidingsError `CONFIG_VALUE_MISSING`
 */
export function requireTokens(http: HttpConfig | undefined, reader: ConfigReader): void {
  const [first] = missingTokens(http);
  if (first !== undefined) throw missingValue(first, reader);
}

/**
 * The address of a source, for who connects to it. A program without one is refused at its start, so
 * that this is a command.
 * @throws TidingsError `SOURCE_UNKNOWN`, `CONFIG_VALUE_MISSING`
 */
export function requireUrl({ sources }: Config, source: string): string {
  const configured = sources[source];
  if (configured === undefined) throw new TidingsError('SOURCE_UNKNOWN', { source });
  if (configured.url === undefined) throw missingValue(urlOf(source), 'command');
  return configured.url;
}

function urlOf(source: string): MissingValue {
  return { path: ['sources', source, 'url'], example: EXAMPLES.url };
}
