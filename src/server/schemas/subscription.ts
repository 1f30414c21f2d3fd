import { z } from 'zod';
import type {
  ReplayReport,
  SubscriptionDocument,
  SubscriptionReport,
  TestReport,
} from '../../app/administration.ts';
import { shownEndpointSchema } from '../../config/sink-kinds.ts';
import { described } from '../../option/described.ts';
import { answer, count } from './documented.ts';
import { SUBSCRIPTION_STATUS_MEMBERS } from './status.ts';

export const REPLAY_REPORT = answer<ReplayReport>()(
  'Replay',
  'A range of the log that is being delivered again.',
  z.object({
    kind: z.enum(['parked', 'range']),
    from: described(count(), 'The next offset to be looked at.'),
    to: described(count(), 'Exclusive.'),
  }),
);

const DEFINITION = answer<SubscriptionDocument>()(
  'SubscriptionDocument',
  'A definition with its defaults filled in and its secrets left out.',
  z.object({
    source: z.string(),
    tables: z.array(z.string()),
    operations: z.array(z.string()).nullable(),
    columns: z.array(z.string()).nullable(),
    where: z.string().nullable(),
    to: shownEndpointSchema,
    delivery: z.object({
      maxConcurrency: count(),
      rate: described(z.number().nullable(), 'Attempts per second; null for no limit.'),
      timeout: described(z.number(), 'Milliseconds.'),
      maxAttempts: count(),
      backoff: z.object({
        first: described(z.number(), 'Milliseconds.'),
        factor: z.number(),
        max: described(z.number(), 'Milliseconds.'),
        jitter: z.number(),
      }),
    }),
  }),
);

export const SUBSCRIPTION = answer<SubscriptionReport>()(
  'Subscription',
  'A subscription: what it is, where it is, and how it gets on.',
  z.object({
    ...SUBSCRIPTION_STATUS_MEMBERS,
    origin: described(
      z.enum(['configuration', 'program', 'api', 'none']),
      'Where it was made; `none` when it is only remembered from an earlier run.',
    ),
    protected: described(z.boolean(), 'True when it cannot be changed or deleted here.'),
    definition: DEFINITION.nullable(),
    createdAt: z.string().nullable(),
    warnings: described(
      z.array(z.string()),
      'What the definition names and the database does not have; empty in the list of all, after a pause, resume or rewind, and while the database cannot be asked or does not answer within two seconds.',
    ),
    restsUntil: described(z.string().nullable(), 'Its endpoint asked to be left alone until then.'),
    replays: described(z.array(REPLAY_REPORT), 'The oldest first.'),
    losses: described(
      z.array(z.object({ from: count(), to: count(), at: z.string() })),
      'Records that retention removed before it had them, the newest ten; `to` is exclusive.',
    ),
  }),
);

const headers = (): z.ZodRecord<z.ZodString, z.ZodString> => z.record(z.string(), z.string());

export const TEST_REPORT = answer<TestReport>()(
  'TestDelivery',
  'What went over the wire for a test delivery.',
  z.object({
    subscription: z.string(),
    request: z.object({
      method: z.string(),
      url: z.string(),
      headers: headers(),
      body: z.string(),
    }),
    answer: z.object({ status: count(), headers: headers(), excerpt: z.string() }).nullable(),
    outcome: z.enum(['ack', 'retry', 'reject', 'gone']),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    milliseconds: z.number(),
  }),
);
