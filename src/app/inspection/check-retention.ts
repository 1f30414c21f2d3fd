import type { LogConfig } from '../../config/define-config.ts';
import type { CheckResult } from '../../observe/check-result.ts';
import { retentionLimits } from '../retention.ts';
import { needsInWords, SHOWN_BY, sizeInWords } from '../trimming/hold-in-words.ts';
import { findHold } from '../trimming/log-hold.ts';
import { planTrim, type TrimSubject } from '../trimming/plan-trim.ts';

/** What `doctor` says about a log and its limits: who keeps it beyond them. */
export async function checkRetention(
  subject: TrimSubject,
  retention: LogConfig['retention'],
): Promise<CheckResult> {
  const { source, log, state } = subject;
  const name = `retention of ${source}`;
  const kept = await state.kept(source);
  const bytes = (await log.size()).bytes + kept.bytes;
  const hold = await findHold(subject, await planTrim(subject, retentionLimits(retention)));
  if (hold === null) {
    return { name, status: 'ok', message: `${sizeInWords(bytes)}, ${within(bytes, retention)}` };
  }
  const [first, ...others] = hold.holders.map((holder) => {
    const { subscription, since } = holder;
    return `subscription ${subscription} ${needsInWords(holder)} (committed ${since ?? 'at a time not known'})`;
  });
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  const [holder] = hold.holders;
  return {
    name,
    status: 'warning',
    message: `${sizeInWords(hold.bytes)} of ${sizeInWords(bytes)} are kept beyond its limits: ${first}${more}`,
    ...(holder === undefined
      ? {}
      : { fix: ['tidings', ...SHOWN_BY[holder.why], holder.subscription].join(' ') }),
  };
}

/** Nobody holds it; still it may be larger than its limit. */
function within(bytes: number, { maxBytes }: LogConfig['retention']): string {
  if (maxBytes === null || bytes <= maxBytes) return 'within its limits';
  return `of ${sizeInWords(maxBytes)}: nobody holds what is more, which goes within a minute while the service runs; the newest segment stays`;
}
