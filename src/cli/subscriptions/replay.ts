import { completeWithApi } from '../api-client.ts';
import { parsePlace } from '../arguments.ts';
import type { DeclareCommand } from '../command.ts';
import { type ReplayQuestion, requestOf, requestReplay } from '../replay-request.ts';

const question: ReplayQuestion = {
  problem: 'Say what to deliver again: --parked, or --from PLACE.',
  command: 'tidings subscriptions replay',
};

export const declareReplay: DeclareCommand = (subscriptions, runtime) => {
  const command = subscriptions
    .command('replay')
    .summary('Deliver a part once more')
    .description(
      'Delivers a range of the log, or everything parked, once more: new attempts with the same change ids, in order per row, while new changes go on. It outlives restarts.',
    )
    .argument('<name>', 'the subscription')
    .option('--parked', 'everything that is parked now')
    .option('--from <place>', 'floor, an offset, a time, or how long ago', parsePlace)
    .option('--to <place>', 'the end, exclusive; without it, what was read so far', parsePlace);
  const examples = [
    ['tidings subscriptions replay crm --parked', 'after its endpoint was mended'],
    ['tidings subscriptions replay crm --from 2h --to 1h', 'an hour of the past'],
  ] as const;
  completeWithApi(
    command,
    runtime,
    { json: 'a ReplayReport', examples },
    async (context, options, [name = '']) =>
      await requestReplay(context, name, requestOf(options, null, question)),
  );
};
