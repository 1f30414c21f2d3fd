import type { State, StoredSubscription } from '../state/state.ts';

/**
 * Writes down new subscriptions in one commit; when that fails one by one, because it may be the fault
 * of a single one, and must not keep the others from beginning (invariant 8).
 * @returns why some are not remembered.
 */
export async function rememberAll(
  state: State,
  subscriptions: readonly StoredSubscription[],
): Promise<ReadonlyMap<StoredSubscription, unknown>> {
  const failures = new Map<StoredSubscription, unknown>();
  if (subscriptions.length === 0) return failures;
  try {
    await state.addSubscriptions(subscriptions);
    return failures;
  } catch (error) {
    const [only, ...others] = subscriptions;
    if (only !== undefined && others.length === 0) return failures.set(only, error);
  }
  for (const each of subscriptions) {
    try {
      await state.addSubscriptions([each]);
    } catch (error) {
      failures.set(each, error);
    }
  }
  return failures;
}
