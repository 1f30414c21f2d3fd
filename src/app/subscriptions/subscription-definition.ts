import type { Config, SubscriptionConfig } from '../../config/define-config.ts';
import { isPem } from '../../config/pem.ts';
import { missingValues } from '../../config/needed.ts';
import { combineProblems, invalid } from '../../config/problems.ts';
import { resolveConfig } from '../../config/resolve-config.ts';
import type { SubscriptionDefinition } from '../../delivery/definition.ts';
import { completeDelivery } from '../../delivery/definition.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { FilterDefinition } from '../../subscription/filter.ts';
import type { EndpointDocument, SubscriptionDocument } from '../administration.ts';

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

export function endpointDocument(to: SubscriptionConfig['to']): EndpointDocument {
  if (!('webhook' in to)) return to;
  const { url, headers } = to.webhook;
  return { webhook: { url: url ?? '', headers: Object.keys(headers ?? {}) } };
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
  const { to } = resolved;
  if (!('webhook' in to)) {
    const problem = 'a handler, which would run code of this machine';
    throw new TidingsError('ENDPOINT_NOT_ALLOWED', { problem });
  }
  if (!Object.values(to.webhook.tls ?? {}).every(isPem)) {
    const problem = 'a certificate or key from a file of this machine; send the PEM text itself';
    throw new TidingsError('ENDPOINT_NOT_ALLOWED', { problem });
  }
  return resolved;
}

/**
 * A new definition with the secrets of the one before where it says nothing about them, because
 * nobody can read them to send them again. Headers stay only with the same origin: they must not be
 * sent to somebody else by a change of the address alone.
 */
export function keepSecrets(definition: unknown, before: SubscriptionConfig): unknown {
  const webhook = webhookOf(definition);
  if (webhook === null || !('webhook' in before.to)) return definition;
  const { secret, headers, tls, url } = before.to.webhook;
  const sameOrigin =
    typeof webhook['url'] === 'string' &&
    url !== undefined &&
    URL.canParse(webhook['url']) &&
    new URL(webhook['url']).origin === new URL(url).origin;
  const kept = { secret, ...(sameOrigin ? withoutUndefined({ headers, tls }) : {}) };
  return { ...(definition as object), to: { webhook: { ...kept, ...webhook } } };
}

function webhookOf(definition: unknown): Readonly<Record<string, unknown>> | null {
  const to = member(definition, 'to');
  const webhook = member(to, 'webhook');
  return isObject(webhook) ? webhook : null;
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
}
