import { formatMicros } from '../../change/time.ts';
import { abandonedText } from '../../log/forks.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { Moment } from './moment.ts';
import { recordAt, type SearchableLog } from './searchable-log.ts';

/**
 * The offset at which a moment lies: everything before it had been committed, nothing from it on. An
 * offset inside of a transaction means the transaction's beginning, because that is what the database
 * showed.
 * @param table for the message.
 * @throws TidingsError `AS_OF_TOO_EARLY`, `AS_OF_AHEAD`, `AS_OF_GAP`, `AS_OF_REWOUND`
 */
export async function resolveMoment(
  log: SearchableLog,
  source: string,
  table: string,
  moment: Moment,
): Promise<number> {
  const offset = await offsetOf(log, source, moment);
  for (const gap of await log.gaps()) {
    // A loss just before an offset that was named lies in the past of that offset.
    const after = 'offset' in moment ? gap.offset > offset : gap.offset >= offset;
    if (!after) continue;
    throw new TidingsError('AS_OF_GAP', {
      source,
      table,
      moment: textOf(moment),
      offset: gap.offset,
      reason: gap.reason,
    });
  }
  for (const fork of log.forks()) {
    const after = 'offset' in moment ? fork.offset > offset : fork.offset >= offset;
    if (!after) continue;
    const rewound = { abandoned: abandonedText(fork), offset: fork.offset, reason: fork.reason };
    throw new TidingsError('AS_OF_REWOUND', { source, table, moment: textOf(moment), ...rewound });
  }
  return offset;
}

async function offsetOf(log: SearchableLog, source: string, moment: Moment): Promise<number> {
  const { floor, head } = log;
  const begin = await log.beginning();
  const early = (): TidingsError =>
    new TidingsError('AS_OF_TOO_EARLY', {
      source,
      moment: textOf(moment),
      begin: begin === null ? 'the first capture, which is still to come' : formatMicros(begin),
      floor,
    });
  if ('time' in moment) {
    const offset = await log.offsetAt(moment.time);
    // From the first change on that the log has, the changes themselves say what was before.
    if (offset === floor && (begin === null || moment.time < begin)) throw early();
    return offset;
  }
  if (moment.offset < floor) throw early();
  if (moment.offset > head) {
    throw new TidingsError('AS_OF_AHEAD', { source, offset: moment.offset, head });
  }
  return moment.offset === head ? head : (await recordAt(log, moment.offset)).transaction.first;
}

/** A moment as messages tell it. */
export function textOf(moment: Moment): string {
  return 'time' in moment ? formatMicros(moment.time) : `offset ${moment.offset}`;
}
