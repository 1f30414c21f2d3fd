import { type ApiAction, completeWithApi } from '../api-client.ts';
import { checkOffset } from '../arguments.ts';
import { type DeclareCommand, printJson } from '../command.ts';
import { formatCounted } from '../terminal/format.ts';
import { decide, refuseUnclear } from './decide.ts';

export const declareRetry: DeclareCommand = (deliveries, runtime) => {
  const command = deliveries
    .command('retry')
    .summary('Attempt now what waits')
    .description(
      'Attempts deliveries at once that wait for their next attempt. What is parked is delivered again by `replay`.',
    )
    .argument('<subscription>', 'the subscription')
    .argument('[offset]', 'the offset of one', checkOffset)
    .option('--all', 'all that wait');
  const examples = [
    ['tidings deliveries retry crm 1200', 'one'],
    ['tidings deliveries retry crm --all', 'its endpoint is back'],
  ] as const;
  completeWithApi(command, runtime, { json: '{"retried", "skipped"}', examples }, retry);
};

const retry: ApiAction = async (context, options, [subscription = '', given]) => {
  const { io, json } = context;
  const offset = given === undefined ? undefined : Number(given);
  const all = options['all'] === true ? 'retrying' : null;
  refuseUnclear({ offset, all }, '--all', 'tidings deliveries retry');
  const { done, skipped } = await decide(context, { subscription, offset, all, verb: 'retry' });
  if (json) printJson(io, { retried: done, skipped });
  else if (done === 0) io.stdout.write('Nothing waits for its next attempt.\n');
  else {
    const what = formatCounted(done, 'attempt');
    const list = context.commands.of('deliveries', subscription);
    io.stdout.write(`Asked for ${what}. What becomes of it: ${list}\n`);
  }
  return 0;
};
