import { z } from 'zod';
import { parseDuration } from '../../option/duration.ts';
import { parseStartAt, type StartAt } from '../../option/start-at.ts';
import { OPERATIONS } from '../../change/change.ts';
import { DELIVERY_STATES } from './delivery.ts';
import { described } from '../../option/described.ts';
import { count } from './documented.ts';

/** Longest wait of a long poll, milliseconds. */
export const MAX_WAIT = 60_000;
const MAX_LIMIT = 1_000;
/** Longer than any reason that a person reads. */
const MAX_REASON = 1_000;
/** As long as an address may be, with room for everything else in it. */
const MAX_TEXT = 8_000;

/** A whole number in an address, which is text: only digits, so that neither '' nor '0x1f' is one. */
function wholeNumber(
  limits: { readonly minimum: number; readonly maximum: number },
  description: string,
): z.ZodType<number, string> {
  const { minimum, maximum } = limits;
  const schema = z.string().transform((text, context) => {
    const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= minimum && number <= maximum) return number;
    context.addIssue(`has to be a whole number from ${minimum} to ${maximum}`);
    return z.NEVER;
  });
  return described(schema, description, { type: 'integer', ...limits });
}

const OFFSETS = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

/** Texts in an address: with commas between them, or the parameter several times. */
function list<const Word extends string>(
  entry: z.ZodType<Word>,
  description: string,
  entries: object,
): z.ZodType<Word[] | undefined> {
  const schema = z
    .preprocess(
      (written) => (Array.isArray(written) ? written : [written]).flatMap(splitList),
      z.array(entry).min(1).max(100),
    )
    .optional();
  const items = { type: 'string', minLength: 1, maxLength: MAX_TEXT, ...entries };
  return described(schema, description, { type: 'array', items, minItems: 1, maxItems: 100 });
}

function splitList(written: unknown): unknown {
  return typeof written === 'string' ? written.split(',') : written;
}

const text = (): z.ZodString => z.string().min(1).max(MAX_TEXT);

const wait = z
  .string()
  .transform((written, context) => {
    const milliseconds = parseDuration(/^\d+$/.test(written) ? Number(written) : written);
    if (milliseconds !== null && milliseconds <= MAX_WAIT) return milliseconds;
    context.addIssue('has to be a duration such as 30s, or milliseconds; at most 60s');
    return z.NEVER;
  })
  .optional();

const startAt = (description: string): z.ZodType<StartAt> =>
  described(
    z.union([z.string(), z.number()]).transform((written, context): StartAt => {
      // In JSON an offset is a number. Digits as text are left to the command line.
      const isDigits = typeof written === 'string' && /^\d+$/.test(written);
      const place = isDigits ? null : parseStartAt(written);
      if (place !== null) return place;
      context.addIssue('has to be floor, head, an offset, or a time such as 2026-11-21T08:00:00Z');
      return z.NEVER;
    }),
    description,
    {
      anyOf: [
        { type: 'string', enum: ['floor', 'head'] },
        { type: 'integer', ...OFFSETS },
        { type: 'string', format: 'date-time' },
      ],
    },
  );

const NAME = described(z.string().min(1).max(200), 'The name of the subscription.');

export const SUBSCRIPTION_PARAMS = z.object({ name: NAME });
export const DELIVERY_PARAMS = z.object({
  name: NAME,
  offset: wholeNumber(OFFSETS, 'The offset of the change in the log.'),
});

const reason = (description: string): z.ZodString =>
  described(z.string().min(1).max(MAX_REASON), description);

export const PAUSE_BODY = z
  .strictObject({ reason: reason('Shown until it is resumed.').optional() })
  .nullish();
export const REWIND_BODY = z.strictObject({ to: startAt('From where to deliver again.') });
export const DISCARD_BODY = z.strictObject({ reason: reason('Is kept with the delivery.') });
export const REPLAY_BODY = z.union([
  z.strictObject({ offset: described(count(), 'One delivery, whatever became of it.') }),
  z.strictObject({ parked: described(z.literal(true), 'Everything that is parked now.') }),
  z.strictObject({
    from: startAt('Where the range begins.'),
    to: startAt('Where it ends, exclusive. Default: what was read so far.').optional(),
  }),
]);

const LIMIT = wholeNumber(
  { minimum: 1, maximum: MAX_LIMIT },
  'At most so many. Default: 100.',
).optional();

/** Arrays are written with commas: one style for a whole query is all that Fastify's plugin knows. */
const QUERY_STYLE = { style: 'form', explode: false };

export const DELIVERIES_QUERY = described(
  z.strictObject({
    subscription: described(NAME.optional(), 'Only of this one. Default: of all.'),
    state: list(z.enum(DELIVERY_STATES), 'Default: retrying, blocked and parked.', {
      enum: DELIVERY_STATES,
    }),
    after: described(text().optional(), '`next` of the page before.'),
    limit: LIMIT,
  }),
  'Which deliveries.',
  QUERY_STYLE,
);

export const READINESS_QUERY = described(
  z.strictObject({
    source: described(text().optional(), 'Only this source. Default: all of them.'),
  }),
  'Whose readiness.',
);

export const CHANGES_QUERY = described(
  z.strictObject({
    source: described(text().optional(), 'May be left out when there is only one.'),
    after: wholeNumber(
      { ...OFFSETS, minimum: -1 },
      'The last offset that you have; -1 before the very first. Default: from the floor.',
    ).optional(),
    limit: LIMIT,
    wait: described(
      wait,
      'How long to wait when there is nothing yet: 30s, or milliseconds. At most 60s. Default: 0.',
      { type: 'string', pattern: '^\\d+(\\.\\d+)?(ms|s|m)?$' },
    ),
    tables: list(text(), 'Table patterns as in subscriptions.', {}),
    operations: list(
      z.enum(OPERATIONS as ['insert', 'update', 'delete', 'truncate']),
      'Only these.',
      {
        enum: OPERATIONS,
      },
    ),
    columns: list(text(), 'No updates that touch none of these columns.', {}),
    where: described(text().optional(), 'A condition as in subscriptions.'),
  }),
  'Which changes.',
  QUERY_STYLE,
);
