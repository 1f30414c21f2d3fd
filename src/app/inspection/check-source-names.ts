import type { Config } from '../../config/define-config.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import type { CheckResult, Source } from '../../source/source.ts';
import { checkNames, type NamedFilter } from '../subscriptions/check-names.ts';
import { toFilter } from '../subscriptions/subscription-definition.ts';

/** What `doctor` says of names that a source does not have. */
interface CheckedNames {
  /** Of the source's own patterns. */
  readonly tables: readonly CheckResult[];
  /** Of the configured subscriptions. */
  readonly subscriptions: readonly CheckResult[];
}

/** Nothing when the source cannot be asked: its own checks say why. */
export async function checkSourceNames(
  config: Config,
  source: Source,
  signal: AbortSignal,
): Promise<CheckedNames> {
  try {
    const key = `sources.${source.name}.tables`;
    const named = {
      tables: config.sources[source.name]?.tables ?? [],
      subscriptions: namedFilters(config, source.name),
    };
    const unmet = await checkNames(source, named, signal);
    return {
      tables: unmet.source.map((message) => warning('table names', message, key)),
      subscriptions: [...unmet.subscriptions].flatMap(([name, messages]) =>
        messages.map((message) => warning(name, message, `subscriptions.${name}`)),
      ),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!isTidingsError(error)) throw error;
    return { tables: [], subscriptions: [] };
  }
}

function warning(name: string, message: string, key: string): CheckResult {
  const fix = `If that is not intended, correct ${key} in the configuration.`;
  return { name, status: 'warning', message, fix };
}

function namedFilters({ subscriptions }: Config, source: string): readonly NamedFilter[] {
  return Object.entries(subscriptions).flatMap(([name, subscription]) =>
    subscription.source === source ? [{ name, filter: toFilter(subscription) }] : [],
  );
}
