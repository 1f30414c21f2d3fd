import type { TrimReport, TrimRequest } from '../app/trimming/trim-request.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { parseBytes, parseMoment, parseOffset } from './arguments.ts';
import {
  type Action,
  complete,
  type DeclareCommand,
  type ParsedOptions,
  printJson,
  textOption,
} from './command.ts';
import { formatBytes, formatCount, formatCounted } from './terminal/format.ts';

export const declareLogTrim: DeclareCommand = (log, runtime) => {
  const command = log
    .command('trim')
    .summary('Remove old records')
    .description(
      'Removes whole segments from the old end of the log, never part of one. What a subscription still needs stays, unless --force is given. The service must not be running.',
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
  const json = '[{"source", "floor", "removedSegments", "removedBytes"}]';
  complete(command, runtime, { json, examples }, trim);
};

const trim: Action = async (context, options) => {
  const { io, json } = context;
  const request = requestOf(options);
  const source = textOption(options, 'source');
  await using inspection = await context.openInspection();
  const reports = await inspection.trim(
    request,
    { force: options['force'] === true, ...(source === undefined ? {} : { source }) },
    io.signal,
  );
  if (json) printJson(io, reports);
  else io.stdout.write(reports.map(reportText).join(''));
  return 0;
};

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

function reportText({ source, floor, removedSegments, removedBytes }: TrimReport): string {
  if (removedSegments === 0)
    return `${source}: nothing to remove; the floor stays ${formatCount(floor)}.\n`;
  const removed = `${formatCounted(removedSegments, 'segment')} (${formatBytes(removedBytes)})`;
  return `${source}: removed ${removed}; the floor is ${formatCount(floor)} now.\n`;
}
