import type { Config, SubscriptionConfig } from '../../config/define-config.ts';
import { missingValues } from '../../config/needed.ts';
import { combineProblems, invalid } from '../../config/problems.ts';
import { type EndpointDocument, endpointOf } from '../../config/sink-kinds.ts';
import { resolveConfig } from '../../config/resolve-config.ts';
import type { SubscriptionDefinition } from '../../delivery/definition.ts';
import { completeDelivery } from '../../delivery/definition.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { FilterDefinition } from '../../subscription/filter.ts';
import type { SubscriptionDocument } from '../administration.ts';

/** A configured filter without what was left out. */
export function toFilter({
  tables,
  operations,
  columns,
  where,
}: Pick<SubscriptionConfig, 'tables' | 'operations' | 'columns' | 'where'>): FilterDefinition {
  return {
    tables,
    ...(operations === undefined ? {} : { operations }),
    ...(columns === undefined ? {} : { columns }),
    ...(where === undefined ? {} : { where }),
  };
}

/** What delivery takes, out of what was configured. */
export function toDefinition(
  name: string,
  subscription: SubscriptionConfig,
): SubscriptionDefinition {
  const { backoff, ...delivery } = subscription.delivery;
  const { from } = subscription;
  return { name, filter: toFilter(subscription), from, delivery: { ...delivery, retry: backoff } };
}

/** What is shown of a subscription: secrets left out. */
export function toDocument(
  source: string,
  definition: SubscriptionDefinition,
  to: EndpointDocument,
): SubscriptionDocument {
  const { tables, operations, columns, where } = definition.filter;
  const { maxConcurrency, rate, timeout, maxAttempts, retry } = completeDelivery(definition);
  return {
    source,
    tables,
    operations: operations ?? null,
    columns: columns ?? null,
    where: where ?? null,
    to,
    delivery: { maxConcurrency, rate: rate ?? null, timeout, maxAttempts, backoff: retry },
  };
}

/**
 * Checks a definition that came in while the service runs, with the same rules as the configuration.
 * @throws TidingsError `CONFIG_*`, `ENDPOINT_NOT_ALLOWED`
 */
export function resolveDefinition(
  config: Config,
  name: string,
  definition: unknown,
): SubscriptionConfig {
  const title = `The definition of ${name}`;
  const whole = resolveConfig(
    { ...config, subscriptions: { [name]: definition } },
    { name: title },
  );
  const resolved = whole.subscriptions[name];
  if (resolved === undefined) throw new Error('A configuration lost its only subscription');
  const problems = missingValues(whole).map(({ path }) => invalid(path, 'is missing', () => title));
  if (problems.length > 0) throw combineProblems(title, problems);
  const refused = endpointOf(resolved.to).refusedOverHttp();
  if (refused !== null) throw new TidingsError('ENDPOINT_NOT_ALLOWED', { problem: refused });
  return resolved;
}
