import type { LogHold } from '../app/trimming/log-hold.ts';
import type { CommandLines } from './command-line.ts';
import { formatBytes, formatTime } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { NEEDS } from '../app/trimming/trim-request.ts';

/** Who keeps a log beyond its limits, since when, and the command that says why. */
export function holdLines(hold: LogHold | null, commands: CommandLines): readonly string[] {
  if (hold === null) return [];
  const kept = `${formatBytes(hold.bytes)} of the log could go, but for:`;
  const who = hold.holders.map(({ subscription, why, offset, since }) => {
    const committed = since === null ? '' : ` (committed ${formatTime(since)})`;
    return `${harmless(subscription)}, which ${NEEDS[why](offset)}${committed}`;
  });
  const [first] = hold.holders;
  const command =
    first === undefined ? [] : [commands.of(...TOLD_BY[first.why], first.subscription)];
  return [kept, ...who, ...command.map((line) => `→ ${line}`)];
}

const TOLD_BY: Readonly<Record<LogHold['holders'][number]['why'], readonly string[]>> = {
  cursor: ['subscriptions', 'show'],
  replay: ['subscriptions', 'show'],
  deliveries: ['deliveries'],
};
