import type { SubscriptionReport } from '../../app/administration.ts';
import { type ApiAction, completeWithApi, subscriptionPath } from '../api-client.ts';
import { type DeclareCommand, printJson } from '../command.ts';
import { reportText, tellWarnings } from './report-text.ts';

export const declareShow: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('show')
    .summary('Show one with its definition')
    .description(
      'Shows one subscription: what it is sent and how, where it stands, what it could not deliver. Secrets are never shown.',
    )
    .argument('<name>', 'the subscription');
  const examples = [
    ['tidings subscriptions show crm', 'everything about it'],
    ['tidings subscriptions show crm --json | jq .definition', 'as the configuration has it'],
  ] as const;
  completeWithApi(command, runtime, { json: 'a SubscriptionReport', examples }, show);
};

const show: ApiAction = async (context, _options, [name = '']) => {
  const { api, io, json } = context;
  const report = await api.ask<SubscriptionReport>(subscriptionPath(name));
  tellWarnings(context, report);
  if (json) printJson(io, report);
  else io.stdout.write(reportText(report, context));
  return 0;
};
