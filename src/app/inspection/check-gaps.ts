import type { LogGap } from '../../log/log.ts';
import type { CheckResult } from '../../source/source.ts';

/** A loss that is older is no news any more; `log verify` lists it all the same. Milliseconds. */
const RECENT = 7 * 24 * 3_600_000;

/** What `doctor` says of the changes that a log lacks for good; nothing when it lacks none. */
export function checkGaps(
  source: string,
  gaps: readonly LogGap[],
  now = Date.now(),
): readonly CheckResult[] {
  const name = `gaps of ${source}`;
  const newest = gaps.toSorted((one, other) => one.at - other.at).at(-1);
  if (newest === undefined) return [];
  const recent = gaps.filter(({ at }) => at / 1000 > now - RECENT).length;
  const { offset, from, to, reason, at } = newest;
  const range = `${from ?? 'an unknown position'} to ${to ?? 'an unknown position'}`;
  const time = new Date(at / 1000).toISOString();
  const last = `the last before offset ${offset}, found ${time}, from ${range}: ${reason}`;
  if (recent === 0) {
    return [{ name, status: 'ok', message: `${counted(gaps.length)}, ${last}. ${LISTED}` }];
  }
  const more = gaps.length === recent ? '' : ` (${gaps.length} in all)`;
  return [
    {
      name,
      status: 'warning',
      message: `${counted(recent)} of the last 7 days${more}, ${last}. Nobody was told of changes that lie there: compare what receivers keep with the tables.`,
      fix: `tidings log verify --source ${source}   # lists them`,
    },
  ];
}

const LISTED = '`tidings log verify` lists them.';

function counted(gaps: number): string {
  return gaps === 1 ? '1 gap' : `${gaps} gaps`;
}
