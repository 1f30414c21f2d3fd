import type { Config } from '../config/define-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
  textOption,
} from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import {
  embeddedDirectory,
  meansEmbedded,
  withKnownSource,
  withSource,
} from './embedded-source.ts';
import { asAsked, flagsAsAsked, removal } from './uninstall-source.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';

export const declareUninstall: DeclareCommand = (program, runtime) => {
  const command = program
    .command('uninstall')
    .summary('Remove what Tidings made in the databases')
    .description(
      'Removes the replication slot, the publications and whatever else Tidings made in each database. The log stays unless --data is given. Asks first; without a terminal it needs --yes. The service must not be running.',
    )
    .option('--source <name>', 'only this source, also one that the configuration no longer lists')
    .option(
      '--url <url>',
      'where the database of that source is, when the configuration does not say',
    )
    .option('--data', 'also remove the data directory with the log and all cursors')
    .option('--yes', 'do not ask');
  const examples = [
    ['tidings uninstall', 'show what would go, and ask'],
    ['tidings uninstall --data --yes', 'leave nothing behind'],
    [
      'tidings uninstall --source old --url postgresql://…',
      'a source that is not configured any more',
    ],
  ] as const;
  const json = '{"sources": [{"source", "removed": […]}], "dataDir"}; needs --yes';
  complete(command, runtime, { json, examples }, uninstall);
};

/** What was removed; `dataDir` is null when it stays. */
interface Removed {
  readonly sources: readonly { readonly source: string; readonly removed: readonly string[] }[];
  readonly dataDir: string | null;
}

const uninstall: Action = async (context, options) => {
  const { io, json, services } = context;
  const data = options['data'] === true;
  const loaded = await context.loadConfig();
  const config = await asAsked(loaded.config, options);
  if (!meansEmbedded(config)) await tellCosts(context, config);
  if (textOption(options, 'source') === undefined) await tellUnconfigured(context, loaded.config);
  if (options['yes'] !== true) {
    await using inspection = await services.openInspection(await withKnownSource(config));
    const plan = inspection.uninstallPlan();
    const goes = data ? [...plan, `${config.dataDir} with the log`] : plan;
    await confirm(context, options, goes);
  }
  const removed = meansEmbedded(config)
    ? await uninstallEmbedded(context, config, data)
    : await uninstallFrom(context, config, data);
  if (json) printJson(io, removed);
  else io.stdout.write(removedText(removed));
  return 0;
};

/** Before the question, and also where none is asked. */
async function tellCosts({ io, services }: CommandContext, config: Config): Promise<void> {
  await using inspection = await services.openInspection(config);
  const paint = painter(io.stderr);
  for (const cost of await inspection.uninstallCosts(io.signal)) {
    io.stderr.write(`${paint('yellow', 'warning:')} ${harmless(cost)}\n`);
  }
}

/** What stays behind, because nobody knows where it is. */
async function tellUnconfigured(
  { io, services, commands }: CommandContext,
  config: Config,
): Promise<void> {
  if (meansEmbedded(config)) return;
  await using inspection = await services.openInspection(config);
  const paint = painter(io.stderr);
  for (const source of await inspection.unconfigured()) {
    const text = `What was made for source ${source} stays: the configuration does not list it.`;
    io.stderr.write(
      `${paint('yellow', 'warning:')} ${harmless(text)}\n→ ${removal(source, commands)}\n`,
    );
  }
}

async function uninstallFrom(
  { io, services }: CommandContext,
  config: Config,
  data: boolean,
): Promise<Removed> {
  await using inspection = await services.openInspection(config);
  const sources = await inspection.uninstall({ data }, io.signal);
  return { sources, dataDir: data ? config.dataDir : null };
}

/** An own database goes with the data directory; to keep it and clean it up it has to run. */
async function uninstallEmbedded(
  context: CommandContext,
  config: Config,
  data: boolean,
): Promise<Removed> {
  const { io, services } = context;
  const directory = embeddedDirectory(config);
  const onProgress = (stage: string): void => io.stderr.write(`${stage} …\n`);
  // Without sources this only finds out whether the service runs: its database must not be stopped.
  await uninstallFrom(context, config, false);
  const server = await services.startEmbedded({ directory, onProgress, signal: io.signal });
  await using stopped = new AsyncDisposableStack();
  stopped.use(server);
  if (!data) return await uninstallFrom(context, await withSource(config, server.url), false);
  // Also one that a killed service left running has ended then.
  await stopped.disposeAsync();
  const removed = await uninstallFrom(context, config, true);
  await services.removeEmbedded(directory);
  return removed;
}

async function confirm(
  { io, json }: CommandContext,
  options: ParsedOptions,
  plan: readonly string[],
): Promise<void> {
  const data = options['data'] === true;
  const refusal = new TidingsError('NOT_CONFIRMED', {
    command: `tidings uninstall${flagsAsAsked(options)}`,
  });
  if (io.ask === null || json) throw refusal;
  const paint = painter(io.stderr);
  const lines = plan.map((line) => `  ${line}\n`).join('');
  io.stderr.write(`${paint('bold', 'This will be removed:')}\n${lines}`);
  const warning = data ? ' There is no way back to the log.' : '';
  const answer = await io.ask(`Remove it?${warning} Type yes: `);
  if (answer.toLowerCase() !== 'yes') throw refusal;
}

function removedText({ sources, dataDir }: Removed): string {
  const lines = sources.flatMap(({ source, removed }) =>
    removed.length === 0
      ? [`${source}: there was nothing to remove.`]
      : removed.map((line) => `${source}: ${line}`),
  );
  if (dataDir !== null) lines.push(`Removed ${dataDir}.`);
  return lines.map((line) => `${line}\n`).join('');
}
