import type { Inspection } from '../app/inspection/inspection.ts';
import type { Status } from '../app/status/status.ts';
import { sleep } from '../util/sleep.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
} from './command.ts';
import { type StatusBeside, statusText } from './status-text.ts';

const WATCH_PAUSE = 1_000;
/** Seconds of history behind the rate that `--watch` shows. */
const HISTORY = 30;
const HOME_AND_CLEAR = '\u001b[H\u001b[J';

export const declareStatus: DeclareCommand = (program, runtime) => {
  const command = program
    .command('status')
    .summary('Show sources, log and subscriptions')
    .description(
      'Shows where everything stands: how far capture is behind each database, how much WAL is kept for it, the log, and every subscription with its lag and what it could not deliver.',
    )
    .option('--watch', 'go on until Ctrl-C, once a second');
  const examples = [
    ['tidings status', 'once'],
    ['tidings status --watch', 'follow'],
    ["tidings status --json | jq '.subscriptions[].lag'", 'for a script'],
  ] as const;
  const json = 'the status as one document; with --watch one per line and second';
  complete(command, runtime, { json, examples }, status);
};

const status: Action = async (context, options) => {
  await using inspection = await context.openInspection();
  if (options['watch'] === true) await watch(context, inspection);
  else {
    const status = await inspection.status(context.io.signal);
    show(context, status, { unconfigured: await inspection.unconfigured() });
  }
  return 0;
};

function show(
  context: CommandContext,
  status: Status,
  { before = '', ...beside }: StatusBeside & { readonly before?: string },
): void {
  const { io, json } = context;
  if (json) printJson(io, status);
  else io.stdout.write(before + statusText(status, context, beside));
}

/** Changes captured per second, the newest last, by source. */
export type Rates = ReadonlyMap<string, readonly number[]>;

async function watch(context: CommandContext, inspection: Inspection): Promise<void> {
  const { io } = context;
  const history = new RateHistory();
  const unconfigured = await inspection.unconfigured();
  const before = io.stdout.isTerminal ? HOME_AND_CLEAR : '';
  while (!io.signal.aborted) {
    const status = await inspection.status(io.signal);
    show(context, status, { before, unconfigured, rates: history.add(status) });
    await io.stdout.drained();
    await sleep(WATCH_PAUSE, io.signal);
  }
}

class RateHistory {
  readonly #rates = new Map<string, number[]>();
  #last: { readonly at: number; readonly changes: ReadonlyMap<string, number> } | null = null;

  add(status: Status): Rates {
    const at = Date.parse(status.service?.at ?? '');
    const changes = new Map(
      status.sources.map(({ name, captured }) => [name, captured?.changes ?? 0]),
    );
    // The service writes its figures down at its own pace: the same ones again say nothing new.
    if (Number.isNaN(at) || at === this.#last?.at) return this.#rates;
    if (this.#last !== null) {
      const seconds = (at - this.#last.at) / 1000;
      for (const [name, count] of changes) {
        const rate = Math.max(0, count - (this.#last.changes.get(name) ?? count)) / seconds;
        this.#rates.set(name, [...(this.#rates.get(name) ?? []), rate].slice(-HISTORY));
      }
    }
    this.#last = { at, changes };
    return this.#rates;
  }
}
