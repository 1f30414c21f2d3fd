import { needsInWords, SHOWN_BY } from '../app/trimming/hold-in-words.ts';
import type { LogHold } from '../app/trimming/log-hold.ts';
import type { CommandLines } from './command-line.ts';
import { formatBytes, formatTime } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';

/** Who keeps a log beyond its limits, since when, and a command for each reason that says more. */
export function holdLines(hold: LogHold | null, commands: CommandLines): readonly string[] {
  if (hold === null) return [];
  const held = `${formatBytes(hold.bytes)} of the log could go, but for:`;
  const who = hold.holders.map((holder) => {
    const { subscription, since } = holder;
    const committed = since === null ? '' : ` (committed ${formatTime(since)})`;
    return `${harmless(subscription)}, which ${needsInWords(holder)}${committed}`;
  });
  const shown = new Map<string, string>();
  for (const { subscription, why } of hold.holders) {
    const words = SHOWN_BY[why];
    const command = words.join(' ');
    if (!shown.has(command)) shown.set(command, `→ ${commands.of(...words, subscription)}`);
  }
  return [held, ...who, ...shown.values()];
}
