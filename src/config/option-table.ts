import type { OptionEntry } from '../option/option-entry.ts';
import { SINK_OPTIONS } from './sink-options.ts';

/**
 * The one table of options. Their types and checks (`schema.ts`), defaults, environment variables,
 * flags, help texts, the suggestions for misspelt keys and docs/reference/configuration.md come from
 * it. Keys are paths; `*` stands for a name that the user chooses.
 */
export const OPTIONS = {
  dataDir: {
    description:
      'Where the log and the state are kept. Relative to the configuration file, or to the working directory when it comes from a flag or variable.',
    type: 'path',
    default: '.tidings',
    reason: 'Beside the project, easy to find and to leave out of version control.',
    env: 'TIDINGS_DATA_DIR',
    flag: '--data-dir <path>',
  },
  logLevel: {
    description:
      'The least important lines that are written: trace, debug, info, warn, error or silent.',
    type: 'level',
    default: 'info',
    reason: 'Says what starts, stops and fails, and nothing per change.',
    env: 'TIDINGS_LOG_LEVEL',
    flag: '--log-level <level>',
  },
  'sources.*.url': {
    description:
      'The database to capture, postgresql://user:password@host:port/database. A source main without it, or a configuration without sources, takes it from DATABASE_URL.',
    type: 'URL',
    secret: true,
  },
  'sources.*.capture': {
    description: 'How changes are captured: wal (logical replication).',
    type: 'capture method',
    default: 'wal',
    reason: 'Misses nothing, needs no triggers and costs the database least.',
  },
  'sources.*.tables': {
    description:
      'Which tables are captured: schema.table, with * for any characters; a leading ! leaves out.',
    type: 'list of table patterns',
    default: ['public.*'],
    reason: 'Tables made later are captured too.',
  },
  'subscriptions.*.source': {
    description: 'The source whose changes are meant. May be left out when there is only one.',
    type: 'name of a source',
  },
  'subscriptions.*.tables': {
    description: 'Of which tables changes are sent; patterns as in sources.*.tables.',
    type: 'list of table patterns',
    required: true,
  },
  'subscriptions.*.operations': {
    description: 'Which operations are sent: insert, update, delete, truncate.',
    type: 'list of operations',
    reason: 'Without it: all.',
  },
  'subscriptions.*.columns': {
    description: 'An update that touches none of these columns is not sent.',
    type: 'list of column names',
    reason: 'Without it: every column counts.',
  },
  'subscriptions.*.where': {
    description:
      'A condition over before and after that has to be true, for instance after.balance > 100.',
    type: 'CEL expression',
    reason: 'Without it: no condition.',
  },
  ...SINK_OPTIONS,
  'subscriptions.*.from': {
    description:
      'Where a subscription that is new begins: head, floor, an offset, or a time such as 2026-11-21T08:00:00Z. A subscription that is known goes on where it was.',
    type: 'place in the log',
    default: 'head',
    reason: 'A new subscriber hears what happens from now on; the past has to be asked for.',
  },
  'subscriptions.*.delivery.maxConcurrency': {
    description:
      'How many changes may be under way at once, 1 to 1,000. Those of one row never are.',
    type: 'integer',
    limits: [1, 1_000],
    default: 16,
    reason: 'Hides the latency of a typical handler without flooding what it calls.',
  },
  'subscriptions.*.delivery.rate': {
    description:
      'How many attempts may begin per second, 0.001 to 100,000, evenly spread. Waiting costs no attempt.',
    type: 'number',
    limits: [0.001, 100_000],
    reason: 'Without it: as many as maxConcurrency and the endpoint allow.',
  },
  'subscriptions.*.delivery.timeout': {
    description:
      'The deadline of one attempt. After it the attempt is aborted and counts as failed.',
    type: 'duration',
    default: '30s',
    reason: 'Longer than a slow call takes, and short enough that a hung one shows.',
  },
  'subscriptions.*.delivery.maxAttempts': {
    description: 'After this many failed attempts a change is parked, 1 to 1,000.',
    type: 'integer',
    limits: [1, 1_000],
    default: 10,
    reason:
      'With the default backoff that is about 8 minutes for a handler, which one mends and starts again, and about three days for a webhook, whose receiver belongs to somebody else.',
  },
  'subscriptions.*.delivery.backoff.first': {
    description: 'The wait after the first failed attempt.',
    type: 'duration',
    default: '1s',
    reason: 'Most failures pass at once.',
  },
  'subscriptions.*.delivery.backoff.factor': {
    description: 'How much longer each further wait is, 1 to 10.',
    type: 'number',
    limits: [1, 10],
    default: 2,
    reason: 'The usual doubling; three days need larger steps.',
  },
  'subscriptions.*.delivery.backoff.max': {
    description: 'The longest wait.',
    type: 'duration',
    default: '5m',
    reason:
      'A handler that is back is noticed within minutes. A receiver that is down for a day is not asked all day long; `tidings deliveries retry` asks at once.',
  },
  'subscriptions.*.delivery.backoff.jitter': {
    description: 'The random share of each wait, 0 to 1.',
    type: 'number',
    limits: [0, 1],
    default: 0.3,
    reason: 'Changes that failed together do not come back together.',
  },
  'webhooks.allowAddresses': {
    description:
      'Private, loopback and link-local addresses that webhooks may reach all the same: 127.0.0.1, 10.0.0.0/8, fd00::/8.',
    type: 'list of addresses',
    default: [],
    reason:
      'A webhook must not become a door into the network that Tidings runs in, whoever may write its address.',
  },
  'http.host': {
    description: 'The address that the HTTP API listens on. Beyond loopback it needs a token.',
    type: 'text',
    default: '127.0.0.1',
    reason: 'Nobody else can reach it.',
    env: 'TIDINGS_HTTP_HOST',
  },
  'http.port': {
    description: 'Its port, 0 to 65,535; 0 takes a free one.',
    type: 'integer',
    limits: [0, 65_535],
    default: 7070,
    reason: 'Easy to remember, and nobody else has it.',
    env: 'TIDINGS_HTTP_PORT',
  },
  'http.token': {
    description:
      'The bearer token that clients send, with the rights read and write; at least 16 characters.',
    type: 'text',
    reason: 'Without it, and without http.tokens, only programs on this machine may ask.',
    env: 'TIDINGS_HTTP_TOKEN',
    secret: true,
  },
  'http.tokens.*.token': {
    description: 'A further token, under a name that appears in the log of requests.',
    type: 'text',
    required: true,
    secret: true,
  },
  'http.tokens.*.rights': {
    description:
      'What it may do: read (look at everything), write (subscriptions and deliveries), undo (take changes back).',
    type: 'list of rights',
    default: ['read'],
    reason: 'The least.',
  },
  'http.cors': {
    description:
      'Origins whose pages may call the API from a browser, such as https://ops.example.',
    type: 'list of origins',
    default: [],
    reason: 'No page may.',
  },
  'log.segmentBytes': {
    description: 'When a segment of the log is this large, the next one begins; at least 1MB.',
    type: 'size',
    default: '256MB',
    reason:
      'Retention removes whole segments: small enough to free space often, large enough to be few.',
    env: 'TIDINGS_LOG_SEGMENT_BYTES',
  },
  'log.minFreeBytes': {
    description: 'Capture waits while less than this is free on the disk of the data directory.',
    type: 'size',
    default: '256MB',
    reason: 'Room for one more segment, and for everything else on the same disk.',
    env: 'TIDINGS_LOG_MIN_FREE_BYTES',
  },
  'log.retention.maxAge': {
    description:
      'Segments whose newest change is older are removed; null or none keeps them for ever.',
    type: 'duration',
    mayBeNone: true,
    default: '30d',
    reason: 'A mistake of last month can still be looked up.',
    env: 'TIDINGS_LOG_RETENTION_MAX_AGE',
  },
  'log.retention.maxBytes': {
    description:
      'Above this size of a log its oldest segments are removed; null or none: no limit. Records that single deliveries need are kept aside, and count.',
    type: 'size',
    mayBeNone: true,
    default: null,
    reason: 'What is worth keeping depends on age; log.minFreeBytes guards the disk.',
    env: 'TIDINGS_LOG_RETENTION_MAX_BYTES',
  },
  'log.retention.hard': {
    description:
      'Removes segments even when a subscription still needs them. It is told by offset what it missed.',
    type: 'boolean',
    default: false,
    reason: 'Nothing a subscription still needs is removed unless you say so.',
    env: 'TIDINGS_LOG_RETENTION_HARD',
  },
} as const satisfies Record<string, OptionEntry>;

export type OptionPath = keyof typeof OPTIONS;

/** What the design has and this version has not, so that asking for it gets a plain answer. */
export const NOT_YET: Readonly<Record<string, string>> = {};

/** The options in the table's order, with the common type. */
export function optionEntries(): readonly (readonly [OptionPath, OptionEntry])[] {
  return Object.entries(OPTIONS) as [OptionPath, OptionEntry][];
}

/** The option that stands for a path as zod reports it: names where the table has `*`. */
export function matchesPath(pattern: string, path: readonly PropertyKey[]): boolean {
  const parts = pattern.split('.');
  return (
    parts.length === path.length && parts.every((part, at) => part === '*' || part === path[at])
  );
}

/** The keys that may stand below a path. */
export function keysBelow(path: readonly PropertyKey[]): readonly string[] {
  const keys = new Set<string>();
  for (const [pattern] of optionEntries()) {
    const parts = pattern.split('.');
    const key = parts[path.length];
    if (key === undefined || key === '*') continue;
    if (matchesPath(parts.slice(0, path.length).join('.'), path) || path.length === 0)
      keys.add(key);
  }
  return [...keys];
}
