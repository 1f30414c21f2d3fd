import { TidingsError } from '../errors/tidings-error.ts';
import type { StoredSubscription } from '../state/state.ts';
import { resolveStart } from '../subscription/resolve-start.ts';
import type { SubscriptionDefinition } from './definition.ts';
import type { SubscriptionContext } from './subscription-context.ts';

type Places = Pick<SubscriptionContext, 'source' | 'state' | 'dispatcher'>;

/**
 * What is remembered of a subscription; null when it is new.
 * @throws TidingsError `SUBSCRIPTION_MOVED`
 */
export async function findStored(
  { state, source }: Places,
  { name }: SubscriptionDefinition,
): Promise<StoredSubscription | null> {
  const known = await state.subscription(name);
  if (known !== null && known.source !== source) {
    const details = { name, expected: known.source, found: source };
    throw new TidingsError('SUBSCRIPTION_MOVED', details);
  }
  return known;
}

/** A new subscription as it is to be remembered; its cursor is where it begins. */
export async function newStored(
  { source, dispatcher }: Places,
  { name, from = 'head', stored }: SubscriptionDefinition,
): Promise<StoredSubscription> {
  const cursor = await resolveStart(dispatcher.log, source, from);
  return {
    name,
    source,
    cursor,
    paused: null,
    createdAt: Date.now(),
    definition: stored ?? null,
    restsUntil: null,
  };
}
