import { z } from 'zod';
import type {
  SourceStatusReport,
  Status,
  SubscriptionStatusReport,
} from '../../app/status/status.ts';
import { described } from '../../option/described.ts';
import { answer, count } from './documented.ts';

/** Members of a subscription's report that the status has, too. */
export const SUBSCRIPTION_STATUS_MEMBERS = {
  name: z.string(),
  source: z.string(),
  state: z.enum(['live', 'catching up', 'paused', 'draining', 'full', 'stopped']),
  reason: described(z.string().nullable(), 'Why it is paused, by whom or what.'),
  cursor: described(count(), 'The next offset that it will read.'),
  lag: described(count(), 'Records between the cursor and the head.'),
  inFlight: described(count(), 'Attempts under way.'),
  retrying: described(count(), 'Deliveries that failed and wait for another attempt.'),
  blocked: described(count(), 'Deliveries that wait for an earlier change of their row.'),
  parked: described(count(), 'Deliveries that are not attempted any more by themselves.'),
  stuck: described(count(), 'Attempts past their deadline that have not returned yet.'),
  stuckSince: z.string().nullable(),
  delivered: described(count(), 'Acknowledged since the service started.'),
  rate: described(z.number(), 'Acknowledged per second, of late.'),
  caughtUpIn: described(
    count().nullable(),
    'Seconds until it has caught up at its present pace, what still lies in the WAL included; null when it does not get on, or that is not known.',
  ),
  lastError: z.object({ code: z.string(), message: z.string(), at: z.string() }).nullable(),
};

const SUBSCRIPTION_STATUS = answer<SubscriptionStatusReport>()(
  'SubscriptionStatus',
  'Where a subscription is, and how it gets on.',
  z.object(SUBSCRIPTION_STATUS_MEMBERS),
);

/** What capture may be doing. */
export const CAPTURE_STATE = z.enum([
  'stopped',
  'connecting',
  'streaming',
  'reconnecting',
  'refused',
  'disk full',
  'failed',
]);

/** Who keeps a log beyond its limits. */
export const LOG_HOLD = z.object({
  wanted: described(count(), 'The floor that the limits ask for.'),
  bytes: described(
    count(),
    'Of the segments that could go, and of what is kept aside beyond the limits.',
  ),
  holders: z.array(
    z.object({
      subscription: z.string(),
      why: described(
        z.enum(['cursor', 'replay', 'deliveries', 'kept']),
        'It has not read on; it is to get all of it again; more than half of a segment waits or is parked; or what is kept aside for such deliveries is more than the limits leave to it.',
      ),
      offset: described(count(), 'The oldest record that it needs.'),
      since: described(z.string().nullable(), 'When that committed, ISO 8601.'),
      kept: described(
        z.object({ records: count(), bytes: count() }).nullable(),
        'What is kept aside for it, when that is why.',
      ),
    }),
  ),
});

const SOURCE_STATUS = answer<SourceStatusReport>()(
  'SourceStatus',
  'How the capture of a source gets on.',
  z.object({
    name: z.string(),
    url: described(z.string(), "The database's address without its password."),
    state: CAPTURE_STATE,
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
    uncaptured: described(
      count().nullable(),
      'Changes that still lie in the WAL, estimated; null when nothing is known.',
    ),
    log: z.object({
      head: described(count(), 'The next offset of the log.'),
      floor: described(count(), 'The oldest retained offset.'),
      horizon: described(count().nullable(), 'How far subscribers may read.'),
      bytes: count(),
      segments: count(),
      gaps: count(),
      kept: described(
        count(),
        'Records kept aside for single deliveries, whose segments are gone.',
      ),
      hold: described(LOG_HOLD.nullable(), 'Who keeps the log beyond its limits.'),
    }),
    captured: described(
      z.object({ changes: count(), transactions: count(), reconnects: count() }).nullable(),
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
        pid: count(),
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
