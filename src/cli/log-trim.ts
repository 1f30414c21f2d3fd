import type { TrimReport, TrimRequest } from '../app/trimming/trim-request.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { localService } from './api-client.ts';
import { parseBytes, parseMoment, parseOffset } from './arguments.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
  textOption,
} from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import { holdLines } from './hold-lines.ts';
import { harmless } from '../util/harmless.ts';
import { formatBytes, formatCount, formatCounted } from './terminal/format.ts';

/** Records that deliveries need are copied first, which may take a while; milliseconds. */
const TRIM_DEADLINE = 600_000;

export const declareLogTrim: DeclareCommand = (log, runtime) => {
  const command = log
    .command('trim')
    .summary('Remove old records')
    .description(
      'Removes whole segments from the old end of the log, never part of one. What a subscription still needs stays, unless --force is given; single records that wait for an attempt or are parked are kept aside. Works beside a running service, which does it then.',
    )
    .option('--before <offset>', 'remove what lies below this offset', parseOffset)
    .option(
      '--keep-bytes <size>',
      'keep the newest segments of together at most this size',
      parseBytes,
    )
    .option(
      '--older-than <time>',
      'remove what committed before this time, or longer ago (30d)',
      parseMoment,
    )
    .option('--source <name>', 'only the log of this source')
    .option(
      '--force',
      'also remove what subscriptions need; they are told by offset what they missed',
    );
  const examples = [
    ['tidings log trim --older-than 30d', 'the usual upkeep, at once'],
    ['tidings log trim --keep-bytes 10GB', 'a full disk'],
    ['tidings log trim --before 120000 --source main', 'up to an offset'],
  ] as const;
  const json =
    '[{"source", "floor", "removedSegments", "removedBytes", "hold": who keeps more or null, "lost": […]}]';
  complete(command, runtime, { json, examples }, trim);
};

const trim: Action = async (context, options) => {
  const { io, json } = context;
  const request = requestOf(options);
  const source = textOption(options, 'source');
  const force = options['force'] === true;
  const which = { force, ...(source === undefined ? {} : { source }) };
  const reports = (await trimByService(context, request, which)) ?? (await trimOnDisk());
  if (json) printJson(io, reports);
  else io.stdout.write(reports.map((report) => reportText(report, context)).join(''));
  return 0;

  async function trimOnDisk(): Promise<readonly TrimReport[]> {
    await using inspection = await context.openInspection();
    return await inspection.trim(request, which, io.signal);
  }
};

/** A service has the log to itself, so it is asked; null when none runs. */
async function trimByService(
  context: CommandContext,
  request: TrimRequest,
  which: { readonly force: boolean; readonly source?: string },
): Promise<readonly TrimReport[] | null> {
  const service = await localService(context);
  try {
    const answer = await service?.ask<{ readonly reports: readonly TrimReport[] }>('/v1/log/trim', {
      method: 'POST',
      body: { ...request, ...which },
      deadline: TRIM_DEADLINE,
    });
    return answer?.reports ?? null;
  } catch (error) {
    // It was killed and has left its file.
    if (isTidingsError(error, 'SERVICE_NOT_RUNNING')) return null;
    throw error;
  }
}

function requestOf(options: ParsedOptions): TrimRequest {
  const { before, keepBytes, olderThan } = options;
  const requests = [
    ...(typeof before === 'number' ? [{ before }] : []),
    ...(typeof keepBytes === 'number' ? [{ keepBytes }] : []),
    ...(olderThan instanceof Date ? [{ olderThan }] : []),
  ];
  const [request] = requests;
  if (request === undefined || requests.length > 1) {
    const problem = 'Say what to remove by exactly one of --before, --keep-bytes and --older-than.';
    throw new TidingsError('USAGE', { problem, command: 'tidings log trim' });
  }
  return request;
}

function reportText(report: TrimReport, { commands }: CommandContext): string {
  const { source, floor, removedSegments, removedBytes, hold, lost } = report;
  const removed = `${formatCounted(removedSegments, 'segment')} (${formatBytes(removedBytes)})`;
  const done =
    removedSegments === 0
      ? `${source}: nothing to remove; the floor stays ${formatCount(floor)}.\n`
      : `${source}: removed ${removed}; the floor is ${formatCount(floor)} now.\n`;
  const told = lost.map(
    ({ subscription, offsets }) =>
      `  ${harmless(subscription)}: lost ${formatCounted(offsets.length, 'delivery', 'deliveries')}, the first at offset ${formatCount(offsets[0] ?? 0)}\n`,
  );
  return [done, ...told, ...holdLines(hold, commands).map((line) => `  ${line}\n`)].join('');
}
