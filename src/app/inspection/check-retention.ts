import type { LogConfig } from '../../config/define-config.ts';
import type { CheckResult } from '../../observe/check-result.ts';
import { retentionLimits } from '../retention.ts';
import { findHold } from '../trimming/log-hold.ts';
import { planTrim, type TrimSubject } from '../trimming/plan-trim.ts';
import { NEEDS } from '../trimming/trim-request.ts';

/** What `doctor` says about a log and its limits: who keeps it beyond them. */
export async function checkRetention(
  subject: TrimSubject,
  retention: LogConfig['retention'],
): Promise<CheckResult> {
  const name = `retention of ${subject.source}`;
  const { bytes } = await subject.log.size();
  const hold = await findHold(subject, await planTrim(subject, retentionLimits(retention)));
  if (hold === null) {
    return { name, status: 'ok', message: `${gigabytes(bytes)}, within its limits` };
  }
  const [first, ...others] = hold.holders.map(
    ({ subscription, why, offset, since }) =>
      `subscription ${subscription} ${NEEDS[why](offset)} (committed ${since ?? 'at a time not known'})`,
  );
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  return {
    name,
    status: 'warning',
    message: `${gigabytes(hold.bytes)} of ${gigabytes(bytes)} are kept beyond its limits: ${first}${more}`,
    fix: `tidings subscriptions show ${hold.holders[0]?.subscription ?? ''}`,
  };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
