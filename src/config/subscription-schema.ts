import { z } from 'zod';
import { OPERATIONS } from '../change/change.ts';
import { type OptionEntry, type OptionPath, OPTIONS } from './option-table.ts';
import { duration, LONGEST_TIMER, withDefault } from './option-schema.ts';
import { parseStartAt, type StartAt, type StartAtText } from './start-at.ts';
import {
  number,
  readWord,
  shown,
  tablePatterns,
  text,
  textList,
  value,
  valueIfSet,
  ValueProblem,
} from './value.ts';
import { readWebhookHeaders } from './webhook-headers.ts';
import { readWebhookSecrets } from './webhook-secret.ts';
import { readWebhookUrl } from './webhook-url.ts';

const startAt: z.ZodType<StartAt, StartAtText> = value((written) => {
  const place = parseStartAt(written);
  if (place !== null) return place;
  const wanted = `head, floor, an offset, or a time with its zone such as 2026-11-21T08:00:00Z`;
  throw new ValueProblem(`is ${shown(written)}, and has to be ${wanted}`);
});

const maxConcurrency = number({ min: 1, max: 1_000 }, true);
const timer = duration(LONGEST_TIMER);

/** As it is written: each option may be left out. */
const delivery = z.strictObject({
  maxConcurrency: maxConcurrency.optional(),
  rate: number({ min: 0.001, max: 100_000 }, false).optional(),
  timeout: timer.optional(),
  maxAttempts: number({ min: 1, max: 1_000 }, true).optional(),
  backoff: z
    .strictObject({
      first: timer.optional(),
      factor: number({ min: 1, max: 10 }, false).optional(),
      max: timer.optional(),
      jitter: number({ min: 0, max: 1 }, false).optional(),
    })
    .prefault({}),
});

/** How changes are delivered: times in milliseconds, every option but `rate` filled in. */
export interface DeliveryConfig {
  readonly maxConcurrency: number;
  /** Attempts that may begin per second; absent for no limit. */
  readonly rate?: number;
  readonly timeout: number;
  readonly maxAttempts: number;
  readonly backoff: {
    readonly first: number;
    readonly factor: number;
    readonly max: number;
    readonly jitter: number;
  };
}

/** The options with the defaults of this kind of endpoint. */
export function completeDelivery(
  written: z.output<typeof delivery>,
  kind: 'handler' | 'webhook',
): DeliveryConfig {
  const { rate, backoff } = written;
  const number = (path: OptionPath): number => Number(defaultOf(path, kind));
  const time = (path: OptionPath): number => timer.parse(defaultOf(path, kind));
  const own = 'subscriptions.*.delivery';
  return {
    maxConcurrency: written.maxConcurrency ?? number(`${own}.maxConcurrency`),
    ...(rate === undefined ? {} : { rate }),
    timeout: written.timeout ?? time(`${own}.timeout`),
    maxAttempts: written.maxAttempts ?? number(`${own}.maxAttempts`),
    backoff: {
      first: backoff.first ?? time(`${own}.backoff.first`),
      factor: backoff.factor ?? number(`${own}.backoff.factor`),
      max: backoff.max ?? time(`${own}.backoff.max`),
      jitter: backoff.jitter ?? number(`${own}.backoff.jitter`),
    },
  };
}

function defaultOf(path: OptionPath, kind: 'handler' | 'webhook'): unknown {
  const entry: OptionEntry = OPTIONS[path];
  return kind === 'webhook' ? (entry.webhookDefault ?? entry.default) : entry.default;
}

const webhook = z.strictObject({
  url: valueIfSet<string, string>(readWebhookUrl),
  secret: valueIfSet<string | readonly string[], readonly string[]>(readWebhookSecrets),
  headers: value<Readonly<Record<string, string>>, Readonly<Record<string, string>>>(
    readWebhookHeaders,
  ).optional(),
  tls: z
    .strictObject({ ca: text().optional(), cert: text().optional(), key: text().optional() })
    .optional(),
});

/** A union with one member per kind of sink: another kind is another member. */
const endpoint = z.union([z.strictObject({ handler: text() }), z.strictObject({ webhook })]);

/** One entry of `subscriptions`. */
export const subscriptionSchema = z.strictObject({
  source: text().optional(),
  tables: tablePatterns(),
  operations: textList((written) => readWord(written, OPERATIONS)).optional(),
  columns: textList((written) => written).optional(),
  where: text().optional(),
  to: endpoint,
  from: withDefault('subscriptions.*.from', startAt),
  delivery: delivery.prefault({}),
});
