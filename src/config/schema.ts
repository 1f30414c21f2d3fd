import { z } from 'zod';
import { OPERATIONS } from '../change/change.ts';
import { type Duration, durationText, parseDuration } from './duration.ts';
import { type OptionEntry, type OptionPath, OPTIONS } from './option-table.ts';
import { parseSize, type Size } from './size.ts';
import { readSourceUrl } from './source-url.ts';
import { parseStartAt, type StartAt, type StartAtText } from './start-at.ts';
import {
  boolean,
  number,
  oneOf,
  readWord,
  shown,
  tablePatterns,
  text,
  textList,
  value,
  ValueProblem,
} from './value.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** Node.js fires a timer of more than 2^31 - 1 ms (24.8 days) at once. */
const LONGEST_TIMER = 24 * 86_400_000;
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/** The table's default, as if it had been written. */
function withDefault<Schema extends z.ZodType>(
  path: OptionPath,
  schema: Schema,
): z.ZodPrefault<Schema> {
  const entry: OptionEntry = OPTIONS[path];
  return schema.prefault(() => entry.default as z.core.input<Schema> & {});
}

function duration(max: number): z.ZodType<number, Duration> {
  return value((written) => {
    const milliseconds = parseDuration(written);
    if (milliseconds === null) {
      throw new ValueProblem(
        `is ${shown(written)}, and has to be a duration: '250ms', '30s', '5m', '2h', '7d' or milliseconds`,
      );
    }
    if (milliseconds < 1 || milliseconds > max) {
      const limits = max === FOR_EVER ? 'at least 1ms' : `from 1ms to ${durationText(max)}`;
      throw new ValueProblem(`is ${shown(written)}, and has to be ${limits}`);
    }
    return milliseconds;
  });
}

function size(min: number): z.ZodType<number, Size> {
  return value((written) => {
    const bytes = parseSize(written);
    if (bytes === null) {
      throw new ValueProblem(
        `is ${shown(written)}, and has to be a size: '256MB', '1GiB' or a number of bytes`,
      );
    }
    if (bytes < min)
      throw new ValueProblem(`is ${shown(written)}, and has to be at least ${min} bytes`);
    return bytes;
  });
}

/** null and 'none' switch the limit off. */
function orNone<Input>(
  schema: z.ZodType<number, Input>,
): z.ZodType<number | null, Input | null | 'none'> {
  return value((written) => {
    if (written === null || written === 'none') return null;
    const result = schema.safeParse(written);
    if (result.success) return result.data;
    throw new ValueProblem(result.error.issues[0]?.message ?? 'is not valid');
  });
}

const startAt: z.ZodType<StartAt, StartAtText> = value((written) => {
  const place = parseStartAt(written);
  if (place !== null) return place;
  const wanted = `head, floor, an offset, or a time with its zone such as 2026-11-21T08:00:00Z`;
  throw new ValueProblem(`is ${shown(written)}, and has to be ${wanted}`);
});

const LATER_CAPTURE = ['binlog', 'trigger'];

const capture: z.ZodType<'wal', 'wal'> = value((written) => {
  if (LATER_CAPTURE.includes(String(written))) {
    throw new ValueProblem(`asks for ${shown(written)}`, { notYet: true });
  }
  return readWord(written, ['wal']);
});

const source = z.strictObject({
  url: value<string | undefined, string>(
    readSourceUrl,
    'is missing; if it comes from an environment variable, that is not set',
  ),
  capture: withDefault('sources.*.capture', capture),
  tables: withDefault('sources.*.tables', tablePatterns()),
});

const BACKOFF = 'subscriptions.*.delivery.backoff';

const delivery = z.strictObject({
  maxConcurrency: withDefault(
    'subscriptions.*.delivery.maxConcurrency',
    number({ min: 1, max: 1_000 }, true),
  ),
  timeout: withDefault('subscriptions.*.delivery.timeout', duration(LONGEST_TIMER)),
  maxAttempts: withDefault(
    'subscriptions.*.delivery.maxAttempts',
    number({ min: 1, max: 1_000 }, true),
  ),
  backoff: z
    .strictObject({
      first: withDefault(`${BACKOFF}.first`, duration(LONGEST_TIMER)),
      factor: withDefault(`${BACKOFF}.factor`, number({ min: 1, max: 10 }, false)),
      max: withDefault(`${BACKOFF}.max`, duration(LONGEST_TIMER)),
      jitter: withDefault(`${BACKOFF}.jitter`, number({ min: 0, max: 1 }, false)),
    })
    .prefault({}),
});

/** A union with one member per kind of sink: another kind is another member. */
const endpoint = z.union([z.strictObject({ handler: text() })]);

const subscription = z.strictObject({
  source: text().optional(),
  tables: tablePatterns(),
  operations: textList((written) => readWord(written, OPERATIONS)).optional(),
  columns: textList((written) => written).optional(),
  where: text().optional(),
  to: endpoint,
  from: withDefault('subscriptions.*.from', startAt),
  delivery: delivery.prefault({}),
});

const log = z.strictObject({
  segmentBytes: withDefault('log.segmentBytes', size(1_000_000)),
  minFreeBytes: withDefault('log.minFreeBytes', size(0)),
  retention: z
    .strictObject({
      maxAge: withDefault('log.retention.maxAge', orNone(duration(FOR_EVER))),
      maxBytes: withDefault('log.retention.maxBytes', orNone(size(1))),
      hard: withDefault('log.retention.hard', boolean()),
    })
    .prefault({}),
});

/**
 * Letters, digits, - and _ are safe in file names, metric labels and SQL names; 40 characters leave
 * room for what is added to them in the 63 that PostgreSQL allows.
 */
const name = value<string, string>((written) => {
  if (typeof written === 'string' && /^[a-z][a-z0-9_-]{0,39}$/.test(written)) return written;
  const rule = 'a lower-case letter, then letters, digits, - or _, at most 40 in all';
  throw new ValueProblem(`is not a name: ${rule}`);
});

/** The configuration's schema. `resolve-config.ts` adds what concerns more than one value. */
export const configSchema = z.strictObject({
  dataDir: withDefault('dataDir', text()),
  logLevel: withDefault('logLevel', oneOf(LOG_LEVELS)),
  sources: z.record(name, source).prefault({}),
  subscriptions: z.record(name, subscription).prefault({}),
  log: log.prefault({}),
});
