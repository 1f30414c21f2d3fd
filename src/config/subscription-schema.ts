import { z } from 'zod';
import { OPERATIONS } from '../change/change.ts';
import { duration, LONGEST_TIMER } from '../option/option-schema.ts';
import { parseStartAt, type StartAt, type StartAtText } from '../option/start-at.ts';
import {
  number,
  readWord,
  shown,
  tablePatterns,
  text,
  textList,
  value,
  ValueProblem,
} from '../option/value.ts';
import type { DeliveryOption } from '../sink/sink-traits.ts';
import { OPTIONS } from './option-table.ts';
import { endpointSchema } from './sink-kinds.ts';
import { SINK_TRAITS, type SinkName } from './sink-options.ts';
import { withDefault } from './with-default.ts';

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
  kind: SinkName,
): DeliveryConfig {
  const { rate, backoff } = written;
  const number = (option: DeliveryOption): number => Number(defaultOf(option, kind));
  const time = (option: DeliveryOption): number => timer.parse(defaultOf(option, kind));
  return {
    maxConcurrency: written.maxConcurrency ?? number('maxConcurrency'),
    ...(rate === undefined ? {} : { rate }),
    timeout: written.timeout ?? time('timeout'),
    maxAttempts: written.maxAttempts ?? number('maxAttempts'),
    backoff: {
      first: backoff.first ?? time('backoff.first'),
      factor: backoff.factor ?? number('backoff.factor'),
      max: backoff.max ?? time('backoff.max'),
      jitter: backoff.jitter ?? number('backoff.jitter'),
    },
  };
}

function defaultOf(option: DeliveryOption, kind: SinkName): unknown {
  return (
    SINK_TRAITS[kind].delivery[option] ?? OPTIONS[`subscriptions.*.delivery.${option}`].default
  );
}

/** One entry of `subscriptions`. */
export const subscriptionSchema = z.strictObject({
  source: text().optional(),
  tables: tablePatterns(),
  operations: textList((written) => readWord(written, OPERATIONS)).optional(),
  columns: textList((written) => written).optional(),
  where: text().optional(),
  to: endpointSchema,
  from: withDefault('subscriptions.*.from', startAt),
  delivery: delivery.prefault({}),
});
