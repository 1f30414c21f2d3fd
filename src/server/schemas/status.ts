import { z } from 'zod';
import type { SourceStatusReport, Status, SubscriptionStatusReport } from '../../app/status.ts';
import { answer, described } from './documented.ts';

/** Members of a subscription's report that the status has, too. */
export const SUBSCRIPTION_STATUS_MEMBERS = {
  name: z.string(),
  source: z.string(),
  state: z.enum(['live', 'catching up', 'paused', 'draining', 'full', 'stopped']),
  reason: described(z.string().nullable(), 'Why it is paused, by whom or what.'),
  cursor: described(z.int(), 'The next offset that it will read.'),
  lag: described(z.int(), 'Records between the cursor and the head.'),
  inFlight: described(z.int(), 'Attempts under way.'),
  retrying: described(z.int(), 'Deliveries that failed and wait for another attempt.'),
  blocked: described(z.int(), 'Deliveries that wait for an earlier change of their row.'),
  parked: described(z.int(), 'Deliveries that are not attempted any more by themselves.'),
  stuck: described(z.int(), 'Attempts past their deadline that have not returned yet.'),
  stuckSince: z.string().nullable(),
  delivered: described(z.int(), 'Acknowledged since the service started.'),
  rate: described(z.number(), 'Acknowledged per second, of late.'),
  lastError: z.object({ code: z.string(), message: z.string(), at: z.string() }).nullable(),
};

const SUBSCRIPTION_STATUS = answer<SubscriptionStatusReport>()(
  'SubscriptionStatus',
  'Where a subscription is, and how it gets on.',
  z.object(SUBSCRIPTION_STATUS_MEMBERS),
);

const SOURCE_STATUS = answer<SourceStatusReport>()(
  'SourceStatus',
  'How the capture of a source gets on.',
  z.object({
    name: z.string(),
    url: described(z.string(), "The database's address without its password."),
    state: z.enum(['stopped', 'connecting', 'streaming', 'reconnecting', 'disk full', 'failed']),
    error: described(
      z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
      'Why it is in this state.',
    ),
    position: z.string().nullable(),
    lagBytes: z.number().nullable(),
    retainedBytes: described(z.number().nullable(), 'WAL that the database keeps for it.'),
    safeBytes: described(
      z.number().nullable(),
      'WAL that may still be written before the database gives up.',
    ),
    log: z.object({
      head: described(z.int(), 'The next offset of the log.'),
      floor: described(z.int(), 'The oldest retained offset.'),
      horizon: described(z.int().nullable(), 'How far subscribers may read.'),
      bytes: z.int(),
      segments: z.int(),
      gaps: z.int(),
    }),
    captured: described(
      z.object({ changes: z.int(), transactions: z.int(), reconnects: z.int() }).nullable(),
      'Since the service started.',
    ),
  }),
);

export const STATUS = answer<Status>()(
  'Status',
  'How the service, its sources and its subscriptions are.',
  z.object({
    service: z
      .object({
        pid: z.int(),
        version: z.string(),
        startedAt: z.string(),
        at: described(z.string(), 'When the figures were taken, ISO 8601.'),
        dataDir: z.string(),
      })
      .nullable(),
    sources: z.array(SOURCE_STATUS),
    subscriptions: z.array(SUBSCRIPTION_STATUS),
  }),
);
