import type { SubscriptionDocument, SubscriptionReport } from '../../app/administration.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { type ApiAction, completeWithApi, subscriptionPath } from '../api-client.ts';
import { type DeclareCommand, printJson } from '../command.ts';
import type { ParsedOptions } from '../command-line.ts';
import { harmless } from '../../util/harmless.ts';
import {
  type DefinitionDraft,
  definitionOptions,
  mergeDrafts,
  readDraft,
  toDraft,
} from './definition.ts';
import { reportText, tellWarnings } from './report-text.ts';

export const declareChange: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('change')
    .summary('Change the definition of one')
    .description(
      'Changes what is given and keeps the rest, also its secret, its place in the log and what is parked. A list replaces the list that was there; --header replaces all headers, and another origin gets none of the old ones. Subscriptions of the configuration file are changed there.',
    )
    .argument('<name>', 'the subscription');
  definitionOptions(command)
    .option('--no-operation', 'all operations')
    .option('--no-column', 'updates of all columns')
    .option('--no-where', 'no condition')
    .option('--no-header', 'no headers')
    .option('--no-rate', 'no limit of attempts per second');
  const examples = [
    ['tidings subscriptions change crm --url https://crm.example/v2/in', 'another address'],
    ['tidings subscriptions change crm --max-concurrency 4 --rate 20', 'a slow receiver'],
    [
      'tidings subscriptions change crm --secret NEW --secret OLD',
      'while its receiver changes over',
    ],
  ] as const;
  const json = 'the SubscriptionReport afterwards';
  completeWithApi(command, runtime, { json, examples }, change);
};

const change: ApiAction = async (context, options, [name = '']) => {
  const { api, io, json } = context;
  const draft = await readDraft(options, io, 'tidings subscriptions change');
  const dropped = droppedOptions(options);
  if (Object.keys(draft).length + dropped.length === 0) {
    const problem = 'Say what to change, for instance --url URL or --max-concurrency 4.';
    throw new TidingsError('USAGE', { problem, command: 'tidings subscriptions change' });
  }
  const path = subscriptionPath(name);
  const { definition } = await api.ask<SubscriptionReport>(path);
  // What is only remembered has none: the service says why it cannot be changed.
  const known = definition === null ? {} : toDraft(definition);
  const body = without(mergeDrafts(known, draft), dropped);
  const report = await api.ask<SubscriptionReport>(path, { method: 'PUT', body });
  const lost = options['header'] === false ? [] : lostHeaders(definition, report.definition);
  if (lost.length > 0) {
    const advice = 'they are kept for the same origin only; give them with --header';
    io.stderr.write(`No longer sent: ${harmless(lost.join(', '))} (${advice})\n`);
  }
  tellWarnings(context, report);
  if (json) printJson(io, report);
  else io.stdout.write(`Changed ${name}.\n${reportText(report, context)}`);
  return 0;
};

/** Headers that were there and are not any more: their values are not sent to somebody else. */
function lostHeaders(
  before: SubscriptionDocument | null,
  after: SubscriptionDocument | null,
): readonly string[] {
  const kept = headersOf(after);
  return headersOf(before).filter((name) => !kept.includes(name));
}

function headersOf(definition: SubscriptionDocument | null): readonly string[] {
  return definition !== null && 'webhook' in definition.to ? definition.to.webhook.headers : [];
}

type Dropped = 'operations' | 'columns' | 'where' | 'headers' | 'rate';

/** What `--no-…` asks to be gone. */
function droppedOptions(options: ParsedOptions): readonly Dropped[] {
  const flags: readonly (readonly [flag: string, option: Dropped])[] = [
    ['operation', 'operations'],
    ['column', 'columns'],
    ['where', 'where'],
    ['header', 'headers'],
    ['rate', 'rate'],
  ];
  return flags.flatMap(([flag, option]) => (options[flag] === false ? [option] : []));
}

function without(draft: DefinitionDraft, dropped: readonly Dropped[]): DefinitionDraft {
  const { rate: _unlimited, ...delivery } = draft.delivery ?? {};
  const kept = Object.entries(draft).filter(([option]) => !(dropped as string[]).includes(option));
  const whole: DefinitionDraft = Object.fromEntries(kept);
  const paced = dropped.includes('rate') ? { ...whole, delivery } : whole;
  // Left out, headers are kept: that there are none has to be said.
  return dropped.includes('headers')
    ? mergeDrafts(paced, { to: { webhook: { headers: {} } } })
    : paced;
}
