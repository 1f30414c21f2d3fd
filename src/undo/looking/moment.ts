import { parseMicros } from '../../change/time.ts';
import { parseStartAt } from '../../option/start-at.ts';
import { TidingsError } from '../../errors/tidings-error.ts';

/** A moment of the log: a time (microseconds since 1970-01-01 UTC) or an offset. */
export type Moment = { readonly time: number } | { readonly offset: number };

/**
 * Reads an ISO 8601 time with its zone, to the microsecond, or an offset of the log.
 * @throws TidingsError `MOMENT_INVALID`
 */
export function parseMoment(text: string): Moment {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return { offset: Number(text) };
  const micros = parseMicros(text);
  if (micros !== null) return { time: micros };
  const date = parseStartAt(text);
  if (!(date instanceof Date)) throw new TidingsError('MOMENT_INVALID', { text });
  // A Date ends at the millisecond.
  const beyond = /\.\d{3}(\d{1,3})/.exec(text)?.[1] ?? '';
  return { time: date.getTime() * 1000 + Number(beyond.padEnd(3, '0')) };
}

/** True for a record of a transaction that lies at the moment or behind it. */
export function isFrom(
  {
    offset,
    transaction,
  }: { readonly offset: number; readonly transaction: { readonly committedAt: number } },
  moment: Moment,
): boolean {
  return 'offset' in moment ? offset >= moment.offset : transaction.committedAt >= moment.time;
}

/** True when the second is known to lie before the first; an offset and a time are not compared. */
export function isReversed(from: Moment, to: Moment): boolean {
  if ('time' in from) return 'time' in to && to.time < from.time;
  return 'offset' in to && to.offset < from.offset;
}
