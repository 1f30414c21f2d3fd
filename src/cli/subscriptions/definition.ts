import { type Command, InvalidArgumentError, Option } from 'commander';
import { withoutUndefined } from '../../util/without-undefined.ts';
import type { SubscriptionDocument } from '../../app/administration.ts';
import { OPERATIONS } from '../../change/change.ts';
import { durationText, parseDuration } from '../../option/duration.ts';
import { JsonProblem, parseJson } from '../../project/json-check.ts';
import { excerpt } from '../../project/load-failure.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { collect, parseLimit } from '../arguments.ts';
import { listOption, textOption } from '../command.ts';
import type { ParsedOptions } from '../command-line.ts';
import { withFixedValues } from '../fixed-values.ts';
import type { Io } from '../io.ts';
import { readInput } from '../read-input.ts';
import { readSecrets } from '../webhook-secret.ts';

/**
 * A definition on its way to the service, which checks it: what `subscriptions.*` of the
 * configuration takes, as far as it is known here.
 */
export interface DefinitionDraft {
  readonly to?: { readonly webhook?: Readonly<Record<string, unknown>> };
  readonly delivery?: Readonly<Record<string, unknown>>;
  readonly [option: string]: unknown;
}

/** Adds the flags that define a subscription. */
export function definitionOptions(command: Command): Command {
  return command
    .option('--table <pattern>', 'of which tables; may be given several times', collect)
    .addOption(
      withFixedValues(
        new Option('--operation <name>', 'only inserts, for instance; several times').argParser(
          collect,
        ),
        OPERATIONS,
      ),
    )
    .option('--column <name>', 'only updates that touch it; several times', collect)
    .option('--where <condition>', 'a condition over before and after: docs/guide/filters.md')
    .option('--url <url>', 'the address that each change is posted to')
    .option(
      '--secret <whsec>',
      'what signs the requests, or - to read it from standard input (TIDINGS_WEBHOOK_SECRET); several times while receivers change over',
      collect,
    )
    .option(
      '--header <line>',
      "a header that requests get, as 'name: value'; several times",
      collect,
    )
    .option('--max-concurrency <count>', 'changes under way at once', parseLimit)
    .option('--rate <count>', 'attempts per second', parseRate)
    .option('--timeout <duration>', 'the deadline of one attempt, such as 10s', parseTime)
    .option(
      '--max-attempts <count>',
      'after so many failed attempts a change is parked',
      parseLimit,
    )
    .option('--file <path>', 'the definition as JSON, or - for standard input; flags win over it');
}

function parseRate(text: string): number {
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (rate > 0) return rate;
  throw new InvalidArgumentError('Write attempts per second, such as 20 or 0.5.');
}

function parseTime(text: string): string {
  if (parseDuration(text) !== null) return text;
  throw new InvalidArgumentError('Write a duration such as 500ms, 10s or 2m.');
}

/**
 * What the flags say, over what the file says.
 * @param command that was typed: its help is what a refusal names.
 */
export async function readDraft(
  options: ParsedOptions,
  io: Io,
  command: string,
): Promise<DefinitionDraft> {
  const file = textOption(options, 'file');
  const written = file === undefined ? {} : await readFileDraft(file, io, command);
  return mergeDrafts(written, await readFlags(options, io, command));
}

async function readFlags(
  options: ParsedOptions,
  io: Io,
  command: string,
): Promise<DefinitionDraft> {
  const secrets = await readSecrets(options, io, command);
  const headers = listOption(options, 'header');
  const webhook = withoutUndefined({
    url: textOption(options, 'url'),
    secret: secrets === null ? undefined : secrets.length === 1 ? secrets[0] : secrets,
    headers: headers === undefined ? undefined : readHeaders(headers, command),
  });
  const { maxConcurrency, rate, timeout, maxAttempts } = options;
  const delivery = withoutUndefined({ maxConcurrency, rate, timeout, maxAttempts });
  return {
    ...withoutUndefined({
      tables: listOption(options, 'table'),
      operations: listOption(options, 'operation'),
      columns: listOption(options, 'column'),
      where: textOption(options, 'where'),
      source: textOption(options, 'source'),
      from: options['from'],
    }),
    ...(Object.keys(webhook).length === 0 ? {} : { to: { webhook } }),
    ...(Object.keys(delivery).length === 0 ? {} : { delivery }),
  };
}

function readHeaders(lines: readonly string[], command: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      if (colon < 1) {
        // The line is not shown: it may hold a secret.
        const problem = "--header has to be written as 'name: value'.";
        throw new TidingsError('USAGE', { problem, command });
      }
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}

async function readFileDraft(file: string, io: Io, command: string): Promise<DefinitionDraft> {
  const path = file === '-' ? 'standard input' : file;
  const text = await readInput(file, io);
  try {
    const draft = parseJson(text);
    if (typeof draft === 'object' && draft !== null && !Array.isArray(draft)) {
      return draft as DefinitionDraft;
    }
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const details = {
      path,
      ...error.place,
      problem: error.message,
      excerpt: excerpt(text, error.place),
    };
    throw new TidingsError('CONFIG_SYNTAX', details, { cause: error });
  }
  const problem = `${path} has to hold one object, as an entry of subscriptions does.`;
  throw new TidingsError('USAGE', { problem, command });
}

/** The first with what the second says instead. */
export function mergeDrafts(base: DefinitionDraft, over: DefinitionDraft): DefinitionDraft {
  const webhook = { ...base.to?.webhook, ...over.to?.webhook };
  const delivery = { ...base.delivery, ...over.delivery };
  const to = over.to === undefined ? base.to : { ...base.to, webhook };
  return {
    ...base,
    ...over,
    ...(to === undefined ? {} : { to }),
    ...(Object.keys(delivery).length === 0 ? {} : { delivery }),
  };
}

/**
 * A definition as the service shows it, in the form in which it takes one. Secrets, headers and TLS
 * are not shown, and so are not in it: the service keeps those that it is not given.
 */
export function toDraft(document: SubscriptionDocument): DefinitionDraft {
  const { source, tables, operations, columns, where, to, delivery } = document;
  const { rate, timeout, backoff, maxConcurrency, maxAttempts } = delivery;
  return {
    source,
    tables,
    ...(operations === null ? {} : { operations }),
    ...(columns === null ? {} : { columns }),
    ...(where === null ? {} : { where }),
    ...('webhook' in to ? { to: { webhook: { url: to.webhook.url } } } : {}),
    delivery: {
      maxConcurrency,
      ...(rate === null ? {} : { rate }),
      timeout: durationText(timeout),
      maxAttempts,
      backoff: { ...backoff, first: durationText(backoff.first), max: durationText(backoff.max) },
    },
  };
}
