import type { SubscriptionReport } from '../../app/administration.ts';
import type { StartAt } from '../../config/start-at.ts';
import { type ApiAction, completeWithApi, subscriptionPath } from '../api-client.ts';
import { parsePlace } from '../arguments.ts';
import type { CommandLines } from '../command-line.ts';
import { type DeclareCommand, printJson, textOption } from '../command.ts';
import { formatCount } from '../terminal/format.ts';

const json = 'the SubscriptionReport afterwards';

export const declarePause: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('pause')
    .summary('Stop delivering to one')
    .description(
      'Has a subscription stand still until it is resumed, also over restarts. What is in flight finishes; the log keeps what comes meanwhile.',
    )
    .argument('<name>', 'the subscription')
    .option('--reason <text>', 'shown until it is resumed');
  const examples = [
    ["tidings subscriptions pause crm --reason 'moves on Sunday'", 'until somebody resumes it'],
  ] as const;
  completeWithApi(command, runtime, { json, examples }, pause);
};

const pause: ApiAction = async ({ api, io, json, commands }, options, [name = '']) => {
  const reason = textOption(options, 'reason');
  const report = await api.ask<SubscriptionReport>(`${subscriptionPath(name)}/pause`, {
    method: 'POST',
    ...(reason === undefined ? {} : { body: { reason } }),
  });
  if (json) printJson(io, report);
  else {
    const on = commands.of('subscriptions', 'resume', name);
    io.stdout.write(`Paused ${name}. It goes on with: ${on}\n`);
  }
  return 0;
};

export const declareResume: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('resume')
    .summary('Go on after a pause')
    .description(
      'Goes on where the subscription stood, also after a pause that its endpoint asked for.',
    )
    .argument('<name>', 'the subscription');
  const examples = [['tidings subscriptions resume crm', 'nothing was lost meanwhile']] as const;
  completeWithApi(command, runtime, { json, examples }, resume);
};

const resume: ApiAction = async ({ api, io, json, commands }, _options, [name = '']) => {
  const path = `${subscriptionPath(name)}/resume`;
  const report = await api.ask<SubscriptionReport>(path, { method: 'POST' });
  if (json) printJson(io, report);
  else io.stdout.write(`Resumed ${name} at ${placeText(report, commands)}\n`);
  return 0;
};

export const declareRewind: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('rewind')
    .summary('Deliver everything from a place on again')
    .description(
      'Moves a subscription: everything from there on is delivered again, in order, with the same change ids. `replay` delivers a part once more and goes on with what is new meanwhile.',
    )
    .argument('<name>', 'the subscription')
    .requiredOption('--to <place>', 'floor, head, an offset, a time, or how long ago', parsePlace);
  const examples = [
    ['tidings subscriptions rewind crm --to 2h', 'the last two hours again'],
    ['tidings subscriptions rewind crm --to floor', 'everything that the log has'],
    ['tidings subscriptions rewind crm --to head', 'skip what it has not had'],
  ] as const;
  completeWithApi(command, runtime, { json, examples }, rewind);
};

const rewind: ApiAction = async ({ api, io, json, commands }, options, [name = '']) => {
  const report = await api.ask<SubscriptionReport>(`${subscriptionPath(name)}/rewind`, {
    method: 'POST',
    body: { to: options['to'] as StartAt },
  });
  if (json) printJson(io, report);
  else io.stdout.write(`${name} goes on at ${placeText(report, commands)}\n`);
  return 0;
};

function placeText({ name, cursor, lag }: SubscriptionReport, commands: CommandLines): string {
  const follow = commands.of('subscriptions', 'show', name);
  return `offset ${formatCount(cursor)}, ${formatCount(lag)} behind the head. Follow it: ${follow}`;
}
