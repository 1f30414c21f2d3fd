import type { Tidings } from '../app/tidings.ts';
import type { Config, EndpointConfig } from '../config/define-config.ts';
import { redactUrl } from '../util/redact-url.ts';
import { collect } from './arguments.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  listOption,
  printJson,
} from './command.ts';
import {
  embeddedDirectory,
  meansEmbedded,
  rememberEmbedded,
  withSource,
} from './embedded-source.ts';
import { boundHeap, releaseWhenIdle } from './release-memory.ts';
import { formatDuration } from './terminal/format.ts';
import { painter } from './terminal/style.ts';

export const declareStart: DeclareCommand = (program, runtime) => {
  const command = program
    .command('start')
    .summary('Capture and deliver until Ctrl-C')
    .description(
      "Captures the configured databases and delivers to the configured subscriptions. SIGINT and SIGTERM drain: what is in flight finishes, everybody's place is written down. A second one ends it at once. Without a configuration and DATABASE_URL it runs a PostgreSQL of its own.",
    )
    .option(
      '--accept-gap <source>',
      'go on although changes of this source were lost for good; the log keeps a note of the gap',
      collect,
    )
    .option(
      '--accept-rewind <source>',
      'go on in the same log although the history of this source went back (a backup was restored, a standby that lagged took over); the log keeps a note of it, and subscriptions are told',
      collect,
    )
    .option(
      '--upgraded <source>',
      "go on after the source's server was made anew by pg_upgrade, which carries its slot over (PostgreSQL 17 and newer)",
      collect,
    );
  const examples = [
    ['tidings start', 'what tidings.config.ts says, else DATABASE_URL, else an own PostgreSQL'],
    ['tidings start --log-level debug', 'say more'],
    ['tidings start --accept-gap main', 'after its slot was lost'],
    ['tidings start --accept-rewind main', 'after its database was restored from a backup'],
    ['tidings start --upgraded main', 'after pg_upgrade, once'],
  ] as const;
  const json = '{"state": "started" or "stopped", "status": …}, one per line';
  complete(command, runtime, { flags: ['dataDir', 'logLevel'], json, examples }, start);
};

const start: Action = async (context, options) => {
  const { io } = context;
  boundHeap();
  const loaded = await context.loadConfig();
  await using resources = new AsyncDisposableStack();
  const config = meansEmbedded(loaded.config)
    ? await startEmbedded(context, loaded.config, resources)
    : loaded.config;
  const acceptGaps = listOption(options, 'acceptGap') ?? [];
  const acceptRewinds = listOption(options, 'acceptRewind') ?? [];
  const upgraded = listOption(options, 'upgraded') ?? [];
  // Before the service asks for them as of a program, which has no .env.
  const { requireValues } = await import('../config/needed.ts');
  requireValues(config, 'command');
  const { createLogger } = await import('../observe/pino-logger.ts');
  const { isTerminal, colour } = io.stderr;
  const logger = createLogger({
    level: config.logLevel,
    pretty: isTerminal,
    colour,
    commandsIn: (text) => context.commands.in(text),
  });
  const tidings = resources.use(
    await context.services.createTidings(config, { logger, acceptGaps, acceptRewinds, upgraded }),
  );
  announce(context, config);
  await runUntilAsked(context, tidings);
  return 0;
};

async function startEmbedded(
  { io, services }: CommandContext,
  config: Config,
  resources: AsyncDisposableStack,
): Promise<Config> {
  const directory = embeddedDirectory(config);
  const server = resources.use(
    await services.startEmbedded({
      directory,
      onProgress: (stage) => io.stderr.write(`${stage} in ${directory} …\n`),
      signal: io.signal,
    }),
  );
  rememberEmbedded(config, server.url);
  const paint = painter(io.stderr);
  // Its password is of use on this machine only, and without it nobody could connect.
  io.stderr.write(
    `No database is configured, so Tidings runs its own. Connect to it with:\n  ${paint('bold', server.url)}\n`,
  );
  return withSource(config, server.url);
}

/** Says what is about to happen. */
function announce({ io, json }: CommandContext, config: Config): void {
  if (json) return;
  const paint = painter(io.stdout);
  const line = (what: string, text: string): string => `${paint('dim', what.padEnd(13))} ${text}\n`;
  const sources = Object.entries(config.sources).map(([name, source]) =>
    line(
      'source',
      `${paint('bold', name)}  ${redactUrl(source.url ?? '')}  ${source.tables.join(' ')}`,
    ),
  );
  const subscriptions = Object.entries(config.subscriptions).map(([name, { source, tables, to }]) =>
    line(
      'subscription',
      `${paint('bold', name)}  ${source}: ${tables.join(' ')} → ${endpointText(to)}`,
    ),
  );
  io.stdout.write([line('data', config.dataDir), ...sources, ...subscriptions].join(''));
}

/** Where changes go; of an address only the origin, because the rest may hold a secret. */
function endpointText(to: EndpointConfig): string {
  return 'webhook' in to ? new URL(to.webhook.url ?? '').origin : to.handler;
}

async function runUntilAsked({ io, json }: CommandContext, tidings: Tidings): Promise<void> {
  const began = performance.now();
  const asked = untilAborted(io.signal);
  await Promise.race([tidings.start(), asked]);
  if (!io.signal.aborted) {
    const status = await tidings.status();
    if (json) printJson(io, { state: 'started', status });
    else {
      const places = status.sources.map(
        ({ name, state, position }) => `${name} ${state} at ${position ?? 'its beginning'}`,
      );
      const took = formatDuration(performance.now() - began);
      io.stdout.write(`Started in ${took}: ${places.join(', ')}. Ctrl-C stops.\n`);
    }
  }
  const ended = new AbortController();
  const releasing = releaseWhenIdle(ended.signal);
  try {
    await Promise.race([tidings.finished, asked]);
  } finally {
    ended.abort();
    await releasing;
  }
  if (!json)
    io.stdout.write('Stopping: what is in flight finishes first. Ctrl-C again ends at once.\n');
  await tidings.drain();
  if (json) printJson(io, { state: 'stopped', status: await tidings.status() });
  else io.stdout.write('Stopped.\n');
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
