import { z } from 'zod';
import type { DeliveryPage, DeliveryReport, DeliveryStateName } from '../../app/administration.ts';
import { described } from '../../option/described.ts';
import { answer, count } from './documented.ts';

export const DELIVERY_STATES = [
  'retrying',
  'blocked',
  'parked',
  'discarded',
] as const satisfies readonly DeliveryStateName[];

export const DELIVERY = answer<DeliveryReport>()(
  'Delivery',
  'A delivery that is not done, or was given up.',
  z.object({
    subscription: z.string(),
    offset: count(),
    table: described(z.string(), '`schema.name`'),
    key: described(z.string().nullable(), "The row's key as the log has it."),
    state: z.enum(DELIVERY_STATES),
    attempts: described(count(), 'Attempts begun.'),
    failedAt: described(z.string().nullable(), 'When its first attempt failed.'),
    nextAttemptAt: z.string().nullable(),
    lastError: z
      .object({
        code: z.string(),
        message: z.string(),
        stack: described(z.string().nullable(), 'Where a handler threw it, one line per call.'),
        status: described(count().nullable(), 'The HTTP status of the last attempt.'),
        excerpt: described(z.string().nullable(), "The beginning of the answer's body."),
      })
      .nullable(),
    discarded: described(
      z.object({ reason: z.string(), at: z.string() }).nullable(),
      'Why somebody gave it up, and when.',
    ),
  }),
);

export const DELIVERY_PAGE = answer<DeliveryPage>()(
  'DeliveryPage',
  'Deliveries by subscription and offset.',
  z.object({
    deliveries: z.array(DELIVERY),
    next: described(
      z.string().nullable(),
      'Hand it in as `after` for the next page; null when this was the last.',
    ),
  }),
);
