import { type ApiAction, completeWithApi } from '../api-client.ts';
import { checkOffset } from '../arguments.ts';
import { type DeclareCommand, printJson, textOption } from '../command.ts';
import { formatCounted } from '../terminal/format.ts';
import { decide, refuseUnclear } from './decide.ts';

export const declareDiscard: DeclareCommand = (deliveries, runtime) => {
  const command = deliveries
    .command('discard')
    .summary('Give up')
    .description(
      'Gives up deliveries that are parked or wait: the endpoint never gets them by itself, and later changes of their rows go on. The reason is kept; `replay` with the offset delivers one all the same.',
    )
    .argument('<subscription>', 'the subscription')
    .argument('[offset]', 'the offset of one', checkOffset)
    .option('--all-parked', 'all that are parked now')
    .requiredOption('--reason <text>', 'why; shown with the delivery from now on');
  const examples = [
    ["tidings deliveries discard crm 1200 --reason 'sent by hand'", 'one'],
    ["tidings deliveries discard crm --all-parked --reason 'test data'", 'all that are parked'],
  ] as const;
  completeWithApi(command, runtime, { json: '{"discarded", "skipped"}', examples }, discard);
};

const discard: ApiAction = async (context, options, [subscription = '', given]) => {
  const { io, json } = context;
  const offset = given === undefined ? undefined : Number(given);
  const all = options['allParked'] === true ? 'parked' : null;
  refuseUnclear({ offset, all }, '--all-parked', 'tidings deliveries discard');
  const body = { reason: textOption(options, 'reason') };
  const decision = { subscription, offset, all, verb: 'discard', body } as const;
  const { done, skipped } = await decide(context, decision);
  if (json) printJson(io, { discarded: done, skipped });
  else if (done === 0) io.stdout.write('Nothing is parked.\n');
  else {
    const what = formatCounted(done, 'delivery', 'deliveries');
    const list = context.commands.of('deliveries', subscription, '--state', 'discarded');
    io.stdout.write(`Gave up ${what}. The list: ${list}\n`);
  }
  return 0;
};
