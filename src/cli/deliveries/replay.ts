import { type ApiAction, completeWithApi } from '../api-client.ts';
import { checkOffset, parsePlace } from '../arguments.ts';
import type { DeclareCommand } from '../command.ts';
import { requestOf, requestReplay } from '../replay-request.ts';

export const declareReplay: DeclareCommand = (deliveries, runtime) => {
  const command = deliveries
    .command('replay')
    .summary('Deliver once more')
    .description(
      'Delivers one change, everything parked, or a range of the log once more: new attempts with the same change ids, in order per row, while new changes go on.',
    )
    .argument('<subscription>', 'the subscription')
    .argument('[offset]', 'the offset of one, whatever became of it', checkOffset)
    .option('--parked', 'everything that is parked now')
    .option('--from <place>', 'floor, an offset, a time, or how long ago', parsePlace)
    .option('--to <place>', 'the end, exclusive; without it, what was read so far', parsePlace);
  const examples = [
    ['tidings deliveries replay crm 1200', 'one'],
    ['tidings deliveries replay crm --parked', 'after its endpoint was mended'],
    ['tidings deliveries replay crm --from 2h --to 1h', 'an hour of the past'],
  ] as const;
  completeWithApi(command, runtime, { json: 'a ReplayReport', examples }, replay);
};

const replay: ApiAction = async (context, options, [subscription = '', given]) => {
  const offset = given === undefined ? null : Number(given);
  const request = requestOf(options, offset, {
    problem: 'Say what to deliver again: an offset, --parked, or --from PLACE.',
    command: 'tidings deliveries replay',
  });
  return await requestReplay(context, subscription, request);
};
