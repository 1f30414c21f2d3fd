import { z } from 'zod';
import { readAddressRanges } from './address-ranges.ts';
import { LOG_LEVELS } from './log-levels.ts';
import { FOR_EVER, duration, orNone, size, withDefault } from './option-schema.ts';
import { readOrigins, readPort, readToken } from './http-values.ts';
import { readSourceUrl } from './source-url.ts';
import { subscriptionSchema } from './subscription-schema.ts';
import {
  boolean,
  oneOf,
  readWord,
  shown,
  tablePatterns,
  text,
  textList,
  value,
  valueIfSet,
  ValueProblem,
} from './value.ts';

const LATER_CAPTURE = ['binlog', 'trigger'];

const capture: z.ZodType<'wal', 'wal'> = value((written) => {
  if (LATER_CAPTURE.includes(String(written))) {
    throw new ValueProblem(`asks for ${shown(written)}`, { notYet: true });
  }
  return readWord(written, ['wal']);
});

const source = z.strictObject({
  url: valueIfSet<string, string>(readSourceUrl),
  capture: withDefault('sources.*.capture', capture),
  tables: withDefault('sources.*.tables', tablePatterns()),
});

/** What a token lets its bearer do: look, change subscriptions and deliveries, take changes back. */
export const RIGHTS = ['read', 'write', 'undo'] as const;

const token = value<string, string>(readToken);

const http = z.strictObject({
  host: withDefault('http.host', text()),
  port: withDefault('http.port', value<number, number>(readPort)),
  token: token.optional(),
  tokens: z
    .record(
      text(),
      z.strictObject({
        token: valueIfSet<string, string>(readToken),
        rights: withDefault(
          'http.tokens.*.rights',
          textList((written) => readWord(written, RIGHTS)),
        ),
      }),
    )
    .prefault({}),
  cors: withDefault('http.cors', value<readonly string[], readonly string[]>(readOrigins)),
});

const webhooks = z.strictObject({
  allowAddresses: withDefault(
    'webhooks.allowAddresses',
    value<readonly string[], readonly string[]>(readAddressRanges),
  ),
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
  subscriptions: z.record(name, subscriptionSchema).prefault({}),
  webhooks: webhooks.prefault({}),
  http: http.optional(),
  log: log.prefault({}),
});
