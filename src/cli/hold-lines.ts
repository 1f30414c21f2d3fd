import type { LogHold } from '../app/trimming/log-hold.ts';
import { formatBytes, formatTime } from './terminal/format.ts';
import { harmless } from './terminal/style.ts';
import { NEEDS } from '../app/trimming/trim-request.ts';

/** Who keeps a log beyond its limits, since when, and the command that says why. */
export function holdLines(hold: LogHold | null): readonly string[] {
  if (hold === null) return [];
  const kept = `${formatBytes(hold.bytes)} of the log could go, but for:`;
  const who = hold.holders.map(({ subscription, why, offset, since }) => {
    const committed = since === null ? '' : ` (committed ${formatTime(since)})`;
    return `${harmless(subscription)}, which ${NEEDS[why](offset)}${committed}`;
  });
  const [first] = hold.holders;
  const command = first === undefined ? [] : [COMMANDS[first.why](harmless(first.subscription))];
  return [kept, ...who, ...command.map((line) => `→ ${line}`)];
}

const COMMANDS: Readonly<
  Record<LogHold['holders'][number]['why'], (subscription: string) => string>
> = {
  cursor: (subscription) => `tidings subscriptions show ${subscription}`,
  replay: (subscription) => `tidings subscriptions show ${subscription}`,
  deliveries: (subscription) => `tidings deliveries ${subscription}`,
};
