import { isNotCarriedOver } from '../../capture/accept-upgrade.ts';
import { isTidingsError, TidingsError } from '../../errors/tidings-error.ts';
import type { CheckResult, Source } from '../../source/source.ts';
import { isSameDatabase, mayBeUpgraded } from '../../source/source-identity.ts';

/**
 * Whether the url still leads to the database that the log was made from.
 * @param expected what is written down of it.
 * @returns null when nothing is, or the database does not say: other checks tell why.
 */
export async function checkIdentity(
  expected: string | null,
  source: Pick<Source, 'name' | 'identify' | 'carriedOver'>,
  signal: AbortSignal,
): Promise<CheckResult | null> {
  if (expected === null) return null;
  let found: string;
  try {
    found = await source.identify(signal);
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    return null;
  }
  const name = 'identity';
  if (isSameDatabase(expected, found)) {
    return { name, status: 'ok', message: 'It is the database that the log was made from.' };
  }
  const changed = new TidingsError('SOURCE_CHANGED', { source: source.name, found, expected });
  if (!mayBeUpgraded(expected, found)) {
    return { name, status: 'failed', message: changed.message, fix: changed.hint };
  }
  const gap = (await hasSlot(source, signal)) ? '' : ` --accept-gap ${source.name}`;
  const fix = `tidings start --upgraded ${source.name}${gap}   # if pg_upgrade made this server`;
  return { name, status: 'failed', message: changed.message, fix };
}

/** Whether the upgraded server has the slot; one that is in use is there. */
async function hasSlot(source: Pick<Source, 'carriedOver'>, signal: AbortSignal): Promise<boolean> {
  try {
    await source.carriedOver(signal);
    return true;
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    return !isNotCarriedOver(error);
  }
}
