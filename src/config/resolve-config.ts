import { resolve } from 'node:path';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Config, SubscriptionConfig } from './define-config.ts';
import { combineProblems, invalid, type Origin, toProblems } from './problems.ts';
import { configSchema } from './schema.ts';
import { endpointOf, kindName, located } from './sink-kinds.ts';
import { completeDelivery } from './subscription-schema.ts';
import { pathText } from '../option/path-text.ts';
import { suggest } from '../option/suggest.ts';
import { withoutUndefined } from '../util/without-undefined.ts';

/** Where a configuration comes from. */
export interface ResolveOptions {
  /** Relative paths start here. Default: the working directory. */
  readonly directory?: string;
  /** Names the file in messages. Default: `the configuration`. */
  readonly name?: string;
  /** Names the variable or flag that a value came from, or null when it is from the file. */
  readonly overriddenBy?: (path: readonly PropertyKey[]) => string | null;
  /** The line of that file on which a value is written, as far as it is known. */
  readonly lineOf?: (path: readonly PropertyKey[]) => number | null;
}

/** The source that is meant when none is configured: `DATABASE_URL`, or the embedded database. */
export const DEFAULT_SOURCE = 'main';

/**
 * Checks a configuration and fills in the defaults. What often comes from the environment (addresses,
 * secrets) may be absent: `needed.ts` asks for it where it is needed. Resolving a {@link Config} again changes nothing.
 * @throws TidingsError `CONFIG_INVALID`, `CONFIG_UNKNOWN_KEY`, `CONFIG_NOT_YET`,
 *   `CONFIG_SOURCE_UNKNOWN`, or `CONFIG_PROBLEMS` for several of them.
 */
export function resolveConfig(input: unknown, options: ResolveOptions = {}): Config {
  const name = options.name ?? 'the configuration';
  const origin: Origin = (path) => {
    const line = options.lineOf?.(path) ?? null;
    return options.overriddenBy?.(path) ?? (line === null ? name : `${name}, line ${line}`);
  };
  const parsed = configSchema.safeParse(input, { reportInput: true });
  const problems = parsed.success
    ? checkTogether(parsed.data, origin)
    : toProblems(parsed.error.issues, origin);
  if (!parsed.success || problems.length > 0) throw combineProblems(name, problems);
  const config = complete(parsed.data, options.directory ?? process.cwd());
  // Only whole paths tell whether two are the same.
  const shared = checkFiles(config, origin);
  if (shared.length > 0) throw combineProblems(name, shared);
  return config;
}

type Parsed = ReturnType<typeof configSchema.parse>;

function complete(parsed: Parsed, directory: string): Config {
  const absolute = (path: string): string => resolve(directory, path);
  const onlySource = Object.keys(parsed.sources)[0] ?? DEFAULT_SOURCE;
  const subscriptions = Object.entries(parsed.subscriptions).map(([name, subscription]) => {
    const { source = onlySource, delivery, to } = subscription;
    const complete = {
      source,
      to: located(to, absolute),
      delivery: completeDelivery(delivery, kindName(to)),
    };
    return [
      name,
      withoutUndefined({ ...subscription, ...complete }) as SubscriptionConfig,
    ] as const;
  });
  const sources = Object.entries(parsed.sources).map(
    ([name, source]) => [name, withoutUndefined(source)] as const,
  );
  return withoutUndefined({
    ...parsed,
    sources: Object.fromEntries(sources),
    dataDir: absolute(parsed.dataDir),
    subscriptions: Object.fromEntries(subscriptions),
  }) as Config;
}

function checkTogether(config: Parsed, origin: Origin): TidingsError[] {
  return [
    ...checkSourceNames(config, origin),
    ...checkSubscriptionSources(config, origin),
    ...checkEndpoints(config, origin),
  ];
}

function checkEndpoints(config: Parsed, origin: Origin): TidingsError[] {
  return Object.entries(config.subscriptions).flatMap(([name, { to }]) =>
    endpointOf(to)
      .problems()
      .map(({ path, problem }) => invalid(['subscriptions', name, 'to', ...path], problem, origin)),
  );
}

/** Two who append to one file would tear each other's lines. */
function checkFiles(config: Config, origin: Origin): TidingsError[] {
  const writers = new Map<string, string>();
  return Object.entries(config.subscriptions).flatMap(([name, { to }]) => {
    const { file } = endpointOf(to);
    if (file === null) return [];
    const other = writers.get(file);
    writers.set(file, name);
    if (other === undefined) return [];
    const path = ['subscriptions', name, 'to', kindName(to)];
    return [invalid(path, `writes the same file as subscriptions.${other}`, origin)];
  });
}

/** In a database - and _ make the same object names, so two sources must not differ in that alone. */
function checkSourceNames(config: Parsed, origin: Origin): TidingsError[] {
  const seen = new Map<string, string>();
  return Object.keys(config.sources).flatMap((name) => {
    const plain = name.replaceAll('-', '_');
    const other = seen.get(plain);
    seen.set(plain, name);
    if (other === undefined) return [];
    const problem = `differs from sources.${other} only in - and _, which are the same in a database`;
    return [invalid(['sources', name], problem, origin)];
  });
}

function checkSubscriptionSources(config: Parsed, origin: Origin): TidingsError[] {
  const configured = Object.keys(config.sources);
  const known = configured.length === 0 ? [DEFAULT_SOURCE] : configured;
  return Object.entries(config.subscriptions).flatMap(([name, { source }]) => {
    const path = ['subscriptions', name, 'source'];
    if (source === undefined) {
      if (known.length === 1) return [];
      return [invalid(path, `is missing; it may be one of ${known.join(', ')}`, origin)];
    }
    if (known.includes(source)) return [];
    const near = suggest(source, known);
    const advice = near === null ? `Configured: ${known.join(', ')}.` : `Did you mean ${near}?`;
    const details = { origin: origin(path), key: pathText(path), source, advice };
    return [new TidingsError('CONFIG_SOURCE_UNKNOWN', details)];
  });
}
