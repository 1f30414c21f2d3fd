import type { SubscriptionReport } from '../../app/administration.ts';
import { type ApiAction, completeWithApi } from '../api-client.ts';
import { type DeclareCommand, printJson } from '../command.ts';
import { listText } from './report-text.ts';

export const declareList: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('list', { isDefault: true })
    .summary('List them')
    .description(
      'Lists all subscriptions of the running service, also those that are only remembered from an earlier run.',
    );
  const examples = [
    ['tidings subscriptions', 'all of them'],
    ["tidings subscriptions --json | jq '.[].name'", 'for a script'],
    [
      'TIDINGS_TOKEN=… tidings subscriptions --api https://tidings.example',
      'of a service elsewhere',
    ],
  ] as const;
  const json = 'a list of SubscriptionReport';
  completeWithApi(command, runtime, { json, examples }, list);
};

const list: ApiAction = async (context) => {
  const { api, io, json, commands } = context;
  const { subscriptions } = await api.ask<{
    readonly subscriptions: readonly SubscriptionReport[];
  }>('/v1/subscriptions');
  if (json) printJson(io, subscriptions);
  else if (subscriptions.length > 0) io.stdout.write(listText(subscriptions, context));
  else {
    const words = ['create', 'NAME', '--table', 'public.*', '--url', 'URL'];
    const example = commands.of('subscriptions', ...words);
    io.stdout.write(`There is no subscription yet. Make one: ${example}\n`);
  }
  return 0;
};
