import { TidingsError } from '../errors/tidings-error.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
} from './command.ts';
import { painter } from './terminal/style.ts';

export const declareUninstall: DeclareCommand = (program, runtime) => {
  const command = program
    .command('uninstall')
    .summary('Remove what Tidings made in the databases')
    .description(
      'Removes the replication slot, the publications and whatever else Tidings made in each database. The log stays unless --data is given. Asks first; without a terminal it needs --yes.',
    )
    .option('--data', 'also remove the data directory with the log and all cursors')
    .option('--yes', 'do not ask');
  const examples = [
    ['tidings uninstall', 'show what would go, and ask'],
    ['tidings uninstall --data --yes', 'leave nothing behind'],
  ] as const;
  const json = '[{"source", "removed": […]}]; needs --yes';
  complete(command, runtime, { json, examples }, uninstall);
};

const uninstall: Action = async (context, options) => {
  const { io, json } = context;
  const data = options['data'] === true;
  await using inspection = await context.openInspection();
  if (options['yes'] !== true) {
    const { config } = await context.loadConfig();
    const plan = inspection.uninstallPlan();
    await confirm(context, data ? [...plan, `${config.dataDir} with the log`] : plan, data);
  }
  const removed = await inspection.uninstall({ data }, io.signal);
  if (json) printJson(io, removed);
  else io.stdout.write(removedText(removed));
  return 0;
};

async function confirm(
  { io, json }: CommandContext,
  plan: readonly string[],
  data: boolean,
): Promise<void> {
  const command = `tidings uninstall${data ? ' --data' : ''}`;
  if (io.ask === null || json) throw new TidingsError('NOT_CONFIRMED', { command });
  const paint = painter(io.stderr);
  const lines = plan.map((line) => `  ${line}\n`).join('');
  io.stderr.write(`${paint('bold', 'This will be removed:')}\n${lines}`);
  const warning = data ? ' There is no way back to the log.' : '';
  const answer = await io.ask(`Remove it?${warning} Type yes: `);
  if (answer.toLowerCase() !== 'yes') throw new TidingsError('NOT_CONFIRMED', { command });
}

function removedText(
  reports: readonly { readonly source: string; readonly removed: readonly string[] }[],
): string {
  return reports
    .map(({ source, removed }) => {
      if (removed.length === 0) return `${source}: there was nothing to remove.\n`;
      return removed.map((line) => `${source}: ${line}\n`).join('');
    })
    .join('');
}
