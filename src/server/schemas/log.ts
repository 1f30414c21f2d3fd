import { z } from 'zod';
import type { TrimReport } from '../../app/trimming/trim-request.ts';
import { described } from '../../option/described.ts';
import { answer, count } from './documented.ts';
import { LOG_HOLD } from './status.ts';

const which = {
  source: described(z.string().min(1).optional(), 'Only the log of this source.'),
  force: described(
    z.boolean().optional(),
    'Also what subscriptions need; they are told by offset what they missed.',
  ),
};

export const TRIM_BODY = z.union([
  z.strictObject({
    before: described(count(), 'What lies below this offset.'),
    ...which,
  }),
  z.strictObject({
    keepBytes: described(count(), 'All but the newest segments of at most so many bytes.'),
    ...which,
  }),
  z.strictObject({
    olderThan: described(
      z.iso.datetime({ offset: true }).transform((text) => new Date(text)),
      'What committed before this time.',
      { type: 'string', format: 'date-time' },
    ),
    ...which,
  }),
]);

export const TRIM_REPORT = answer<TrimReport>()(
  'TrimReport',
  'What was removed of the log of one source.',
  z.object({
    source: z.string(),
    floor: described(count(), 'The oldest retained offset now.'),
    removedSegments: count(),
    removedBytes: count(),
    hold: described(LOG_HOLD.nullable(), 'Who keeps more than was asked for.'),
    lost: described(
      z.array(z.object({ subscription: z.string(), offsets: z.array(count()) })),
      'Deliveries whose record is gone for good, because it was forced.',
    ),
  }),
);
