import { TidingsError } from '../errors/tidings-error.ts';
import type { Config, HttpConfig } from './define-config.ts';
import { pathText } from '../option/path-text.ts';
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

interface Missing {
  readonly path: readonly string[];
  readonly example: string;
}

/** What a service cannot do without, and this configuration has not. */
export function missingValues(config: Config): readonly Missing[] {
  const sources = Object.entries(config.sources).flatMap(([name, { url }]) =>
    url === undefined ? [urlOf(name)] : [],
  );
  const endpoints = Object.entries(config.subscriptions).flatMap(([name, { to }]) =>
    endpointOf(to)
      .missing()
      .map(({ path, example }) => ({ path: ['subscriptions', name, 'to', ...path], example })),
  );
  return [...sources, ...endpoints, ...missingTokens(config.http)];
}

function missingTokens(http: HttpConfig | undefined): readonly Missing[] {
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
export function requireValues(config: Config): void {
  const problems = missingValues(config).map(missing);
  if (problems.length > 0) throw combineProblems('The configuration', problems);
}

/**
 * For who opens the API, or says whether it can be opened.
 * @throws TidingsError `CONFIG_VALUE_MISSING`
 */
export function requireTokens(http: HttpConfig | undefined): void {
  const [first] = missingTokens(http);
  if (first !== undefined) throw missing(first);
}

/**
 * The address of a source, for who connects to it.
 * @throws TidingsError `SOURCE_UNKNOWN`, `CONFIG_VALUE_MISSING`
 */
export function requireUrl({ sources }: Config, source: string): string {
  const configured = sources[source];
  if (configured === undefined) throw new TidingsError('SOURCE_UNKNOWN', { source });
  if (configured.url === undefined) throw missing(urlOf(source));
  return configured.url;
}

function urlOf(source: string): Missing {
  return { path: ['sources', source, 'url'], example: EXAMPLES.url };
}

function missing({ path, example }: Missing): TidingsError {
  return new TidingsError('CONFIG_VALUE_MISSING', { key: pathText(path), example });
}
