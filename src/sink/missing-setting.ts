import { TidingsError } from '../errors/tidings-error.ts';
import { pathText } from '../option/path-text.ts';
import type { MissingSetting } from './sink-kind.ts';

/** The error for a value that this subscription's endpoint cannot do without. */
export function missingSetting(
  subscription: string,
  { path, example }: MissingSetting,
): TidingsError {
  const key = pathText(['subscriptions', subscription, 'to', ...path]);
  return new TidingsError('CONFIG_VALUE_MISSING', { key, example });
}
