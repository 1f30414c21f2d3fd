import { InvalidArgumentError } from 'commander';
import { untilAborted } from '../util/until-woken.ts';
import { parseDuration } from '../option/duration.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { collect } from './arguments.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
} from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import type { Io } from './io.ts';
import { type Arrival, arrivalLine } from './listen/arrival.ts';
import type { ReceiverOptions, Tally } from './listen/receiver.ts';
import { newSecret, readSecrets } from './webhook-secret.ts';
import { formatCounted } from './terminal/format.ts';
import { painter } from './terminal/style.ts';

export const declareListen: DeclareCommand = (program, runtime) => {
  const command = program
    .command('listen')
    .summary('Receive webhooks, for development')
    .description(
      'Receives webhooks, verifies their signatures and prints what comes, one change per line, until Ctrl-C. Without a secret it makes one and prints the configuration to go with it. What does not verify is answered with 401.',
    )
    .option('--port <port>', 'the port; 0 takes a free one', parsePort, 4000)
    .option('--host <host>', 'the address to listen on', '127.0.0.1')
    .option(
      '--secret <whsec>',
      'what requests are signed with, or - to read it from standard input (TIDINGS_WEBHOOK_SECRET); several times while it changes',
      collect,
    )
    .option('--status <code>', 'the HTTP status to answer with', parseStatus, 204)
    .option('--fail-first <count>', 'answer 500 to so many requests first', parseCount, 0)
    .option('--delay <duration>', 'wait before each answer, such as 200ms', parseDelay, 0)
    .option('--no-verify', 'take what does not verify, too');
  const examples = [
    ['tidings listen', 'a receiver on port 4000'],
    ['tidings listen --fail-first 5', 'watch retries'],
    ['tidings listen --status 503 --delay 2s', 'a receiver in trouble'],
    ['tidings listen --json | jq .change.data.after', 'for a script'],
  ] as const;
  const json = 'an Arrival per line';
  complete(command, runtime, { config: false, flags: [], json, examples }, listen);
};

const listen: Action = async (context, options) => {
  const { io, json } = context;
  const { host, port } = options as { host: string; port: number };
  const given = await readSecrets(options, io, 'tidings listen');
  const { isLoopback } = await import('../config/http-exposure.ts');
  if (given === null && !isLoopback(host))
    throw new TidingsError('LISTEN_SECRET_REQUIRED', { host });
  const secrets = given ?? [newSecret()];
  const { Receiver } = await import('./listen/receiver.ts');
  await using receiver = await Receiver.listen({
    ...answerOptions(options),
    host,
    port,
    secrets,
    signal: io.signal,
    onArrival: (arrival) => show(io, json, arrival),
  });
  const told = json ? io.stderr : io.stdout;
  told.write(startText(receiver.url, given === null ? (secrets[0] ?? '') : null, context));
  await untilAborted(io.signal);
  told.write(summaryText(receiver.tally));
  return 0;
};

function answerOptions(
  options: ParsedOptions,
): Pick<ReceiverOptions, 'status' | 'failFirst' | 'delay' | 'verify'> {
  return options as unknown as ReturnType<typeof answerOptions>;
}

async function show(io: Io, json: boolean, arrival: Arrival): Promise<void> {
  if (json) printJson(io, arrival);
  else io.stdout.write(`${arrivalLine(arrival, io.stdout)}\n`);
  await io.stdout.drained();
}

function startText(url: string, secret: string | null, { io, commands }: CommandContext): string {
  const paint = painter(io.stdout);
  const shown = secret ?? 'whsec_…';
  const configuration = `  subscriptions: {
    listen: {
      tables: ['public.*'],
      to: { webhook: { url: '${url}', secret: '${shown}' } },
    },
  },
  webhooks: { allowAddresses: ['127.0.0.0/8', '::1'] },
`;
  const flags = ['--table', 'public.*', '--url', url, '--secret', shown];
  const create = commands.of('subscriptions', 'create', 'listen', ...flags);
  return `${paint('bold', `Listening on ${url}`)}, Ctrl-C ends it. In tidings.config.ts:

${configuration}
or, with \`webhooks\` there already: ${create}
`;
}

function summaryText({ received, again, tests, refused }: Tally): string {
  const parts = [`${again} again`, `${tests} of them tests`, `${refused} refused`];
  return `Received ${formatCounted(received, 'request')}: ${parts.join(', ')}.\n`;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('Write a port from 0 to 65535.');
}

function parseStatus(text: string): number {
  if (/^[2-5]\d\d$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write an HTTP status from 200 to 599.');
}

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a whole number from 0.');
}

function parseDelay(text: string): number {
  const delay = parseDuration(text);
  if (delay !== null && delay <= 3_600_000) return delay;
  throw new InvalidArgumentError('Write a duration such as 200ms or 2s, at most 1h.');
}
