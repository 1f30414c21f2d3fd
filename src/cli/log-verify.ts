import { abandonedText } from '../log/forks.ts';
import type { VerifyReport } from '../app/inspection/inspection.ts';
import { markText } from '../change/mark.ts';
import { type Action, complete, type DeclareCommand, printJson, textOption } from './command.ts';
import type { Io } from './io.ts';
import { formatCount, formatCounted, formatTime } from './terminal/format.ts';
import { Progress } from './terminal/progress.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';

export const declareLogVerify: DeclareCommand = (log, runtime) => {
  const command = log
    .command('verify')
    .summary('Check structure, checksums and holes')
    .description(
      'Reads the whole log and checks its structure, its checksums, and that no offset is missing. Works while the service runs. Ends with 1 when something is wrong. Known gaps are listed, where the history of a source went back, and where rows came or went with a partition.',
    )
    .option('--source <name>', 'only the log of this source');
  const examples = [
    ['tidings log verify', 'all logs'],
    ['tidings log verify --json', 'for a script'],
  ] as const;
  const json =
    '{"records", "segments", "gaps": […], "forks": […], "marks": […], "findings": [{"source", "segment", "offset", "message"}]}';
  complete(command, runtime, { json, examples }, verify);
};

const verify: Action = async (context, options) => {
  const { io, json } = context;
  await using inspection = await context.openInspection();
  const source = textOption(options, 'source');
  const report = await verifyWithProgress(io, (onProgress) =>
    inspection.verify({ onProgress, ...(source === undefined ? {} : { source }) }, io.signal),
  );
  io.signal.throwIfAborted();
  if (json) printJson(io, report);
  else io.stdout.write(reportText(report, io));
  return report.findings.length === 0 ? 0 : 1;
};

type OnProgress = NonNullable<
  Parameters<
    Awaited<ReturnType<Parameters<Action>[0]['openInspection']>>['verify']
  >[0]['onProgress']
>;

async function verifyWithProgress(
  io: Io,
  work: (onProgress: OnProgress) => Promise<VerifyReport>,
): Promise<VerifyReport> {
  using progress = new Progress(io.stderr, 'Verifying', 'records');
  return await work(({ records, total }) => progress.update(records, total));
}

function reportText(report: VerifyReport, io: Io): string {
  const paint = painter(io.stdout);
  const { records, segments, gaps, forks, marks, findings } = report;
  const read = `${formatCounted(records, 'record')} in ${formatCounted(segments, 'segment')}`;
  const lines = findings.map(({ source, segment, offset, message }) => {
    const place = offset === null ? segment : `${segment}, offset ${offset}`;
    return `${paint('red', 'wrong')}  ${source}  ${place}: ${harmless(message)}`;
  });
  for (const { source, offset, from, to, reason, at } of gaps) {
    const range = `${from ?? 'unknown'} … ${to ?? 'unknown'}`;
    const noted = formatTime(new Date(at / 1000).toISOString());
    lines.push(
      `${paint('yellow', 'gap')}    ${source}  before offset ${formatCount(offset)}, ${range}: ${harmless(reason)} (${noted})`,
    );
  }
  for (const fork of forks) {
    lines.push(`${paint('yellow', 'fork')}   ${fork.source}  ${forkLine(fork)}`);
  }
  for (const mark of marks) {
    lines.push(`${paint('yellow', 'mark')}   ${mark.source}  ${markLine(mark)}`);
  }
  const verdict =
    findings.length === 0
      ? `${paint('green', 'Sound')}: ${read}.`
      : `${paint('red', formatCounted(findings.length, 'finding'))} in ${read}.`;
  return [...lines, verdict].map((line) => `${line}\n`).join('');
}

function forkLine(fork: VerifyReport['forks'][number]): string {
  const { offset, from, to, reason, at } = fork;
  const time = formatTime(new Date(at / 1000).toISOString());
  return `before offset ${formatCount(offset)}, ${from} → ${to}: ${abandonedText(fork)} abandoned, ${harmless(reason)} (${time})`;
}

function markLine(mark: VerifyReport['marks'][number]): string {
  const { since, offset, transaction, at } = mark;
  const before = `before offset ${formatCount(offset)}`;
  const place = since === offset ? before : `${before}, since ${formatCount(since)}`;
  const by = transaction === null ? 'found by comparing' : `transaction ${transaction.id}`;
  const time = formatTime(new Date(at / 1000).toISOString());
  return `${place}: ${harmless(markText(mark))} (${by}, ${time})`;
}
