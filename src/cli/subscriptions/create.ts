import type { SubscriptionReport } from '../../app/administration.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { type ApiAction, completeWithApi } from '../api-client.ts';
import { parsePlace } from '../arguments.ts';
import { type CommandContext, type DeclareCommand, printJson } from '../command.ts';
import { harmless } from '../../util/harmless.ts';
import { painter } from '../terminal/style.ts';
import { newSecret } from '../webhook-secret.ts';
import { type DefinitionDraft, definitionOptions, mergeDrafts, readDraft } from './definition.ts';
import { shortEndpoint, tellWarnings } from './report-text.ts';

export const declareCreate: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('create')
    .summary('Make one that posts to a webhook')
    .description(
      'Makes a subscription that posts changes to a webhook, begins at once and outlives restarts. Without a secret it makes one and prints it, once: the receiver needs it.',
    )
    .argument('<name>', 'how it is called from now on');
  definitionOptions(command)
    .option('--source <name>', 'the source; needed when there are several')
    .option(
      '--from <place>',
      'where it begins: floor, head, an offset, a time, or how long ago; without it, head',
      parsePlace,
    );
  const examples = [
    [
      "tidings subscriptions create crm --table 'public.accounts' --url https://crm.example/in",
      'from now on',
    ],
    ['tidings subscriptions create crm --file crm.json --from floor', 'all there is'],
    [
      "tidings subscriptions create crm … --where 'after.balance > 100' --column balance",
      'only some changes',
    ],
  ] as const;
  const json = '{"subscription": a SubscriptionReport, "secret": the one that was made, or null}';
  completeWithApi(command, runtime, { json, examples }, create);
};

const create: ApiAction = async (context, options, [name = '']) => {
  const { api, io, json } = context;
  const draft = await readDraft(options, io, 'tidings subscriptions create');
  refuseIncomplete(draft);
  const secret = draft.to?.webhook?.['secret'] === undefined ? newSecret() : null;
  const whole = secret === null ? draft : mergeDrafts(draft, { to: { webhook: { secret } } });
  const subscription = await api.ask<SubscriptionReport>('/v1/subscriptions', {
    method: 'POST',
    body: { ...whole, name },
  });
  tellWarnings(context, subscription);
  if (json) printJson(io, { subscription, secret });
  else io.stdout.write(createdText(subscription, secret, context));
  return 0;
};

/** What the service would refuse too, said in the words of this command. */
function refuseIncomplete(draft: DefinitionDraft): void {
  const missing = [
    ...(draft['tables'] === undefined ? ["--table 'public.*'"] : []),
    ...(draft.to?.webhook?.['url'] === undefined ? ['--url https://receiver.example/in'] : []),
  ];
  if (missing.length === 0) return;
  const problem = `Say of which tables and to where: ${missing.join(' ')} is missing.`;
  throw new TidingsError('USAGE', { problem, command: 'tidings subscriptions create' });
}

function createdText(
  { name, cursor, definition }: SubscriptionReport,
  secret: string | null,
  { io, commands }: CommandContext,
): string {
  const paint = painter(io.stdout);
  const route =
    definition === null
      ? ''
      : `: ${harmless(definition.tables.join(' '))} → ${shortEndpoint(definition.to)}`;
  const made = `Created ${paint('bold', harmless(name))}${route}, from offset ${cursor} on.\n`;
  const told =
    secret === null
      ? ''
      : `Its secret, which is not shown again: the receiver checks signatures with it.\n  ${secret}\n`;
  return `${made}${told}Try it: ${commands.of('trigger-test', name)}\n`;
}
