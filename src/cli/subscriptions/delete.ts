import type { SubscriptionReport } from '../../app/administration.ts';
import { shellWord } from '../../errors/shell-word.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import {
  type ApiAction,
  type ApiContext,
  completeWithApi,
  subscriptionPath,
} from '../api-client.ts';
import { type DeclareCommand, printJson } from '../command.ts';
import { formatCounted } from '../terminal/format.ts';
import { harmless } from '../../util/harmless.ts';

export const declareDelete: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('delete')
    .summary('End one and forget its place')
    .description(
      'Ends a subscription and forgets its place in the log and what it has parked. One of the configuration file is removed there first; then it is deleted here. Asks first; without a terminal it needs --yes.',
    )
    .argument('<name>', 'the subscription')
    .option('--yes', 'do not ask');
  const examples = [
    ['tidings subscriptions delete crm', 'say what goes, and ask'],
    ['tidings subscriptions delete crm --yes', 'in a script'],
  ] as const;
  const json = '{"deleted": NAME}; needs --yes';
  completeWithApi(command, runtime, { json, examples }, remove);
};

const remove: ApiAction = async (context, options, [name = '']) => {
  const { api, io, json, commands } = context;
  if (options['yes'] !== true) await confirm(context, name);
  await api.ask(subscriptionPath(name), { method: 'DELETE' });
  if (json) printJson(io, { deleted: name });
  else io.stdout.write(`Deleted ${name}. What is left: ${commands.of('subscriptions')}\n`);
  return 0;
};

async function confirm({ api, io, json }: ApiContext, name: string): Promise<void> {
  const refusal = new TidingsError('NOT_CONFIRMED', {
    command: `tidings subscriptions delete ${shellWord(name)}`,
  });
  // One that is not there is no question.
  const { lag, parked, retrying, blocked } = await api.ask<SubscriptionReport>(
    subscriptionPath(name),
  );
  if (io.ask === null || json) throw refusal;
  const undone = formatCounted(parked + retrying + blocked, 'delivery', 'deliveries');
  const loss = `It has not had ${formatCounted(lag, 'record')}, and ${undone} not done go with it.`;
  const answer = await io.ask(`${loss} Delete ${harmless(name)}? Type yes: `);
  if (answer.toLowerCase() !== 'yes') throw refusal;
}
