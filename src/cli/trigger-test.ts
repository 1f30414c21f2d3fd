import type { SubscriptionReport, TestReport } from '../app/administration.ts';
import { type ApiAction, completeWithApi, subscriptionPath } from './api-client.ts';
import type { CommandLines } from './command-line.ts';
import { type CommandContext, type DeclareCommand, printJson } from './command.ts';
import { formatDuration } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';

/** The service gives up an attempt itself; this is how much longer its answer may take. */
const GRACE = 15_000;
/** As in the configuration, for what has no definition to ask; milliseconds. */
const TIMEOUT = 30_000;
/** Longest body that is shown, lines; a test's is a change with few columns. */
const MAX_LINES = 60;

export const declareTriggerTest: DeclareCommand = (program, runtime) => {
  const command = program
    .command('trigger-test')
    .summary('Send a test delivery, show request and answer')
    .description(
      'Sends one delivery that is marked as a test to the endpoint of a subscription, and shows what went over the wire and how the answer was taken. Exit code 0 when the endpoint took it, else 1.',
    )
    .argument('<subscription>', 'the subscription');
  const examples = [
    ['tidings trigger-test crm', 'does its endpoint answer?'],
    ['tidings trigger-test crm --json | jq .answer.status', 'for a script'],
  ] as const;
  completeWithApi(command, runtime, { json: 'a TestReport', examples }, triggerTest);
};

const triggerTest: ApiAction = async (context, _options, [name = '']) => {
  const { api, io, json } = context;
  const path = subscriptionPath(name);
  const { definition } = await api.ask<SubscriptionReport>(path);
  const deadline = (definition?.delivery.timeout ?? TIMEOUT) + GRACE;
  const report = await api.ask<TestReport>(`${path}/test`, { method: 'POST', deadline });
  if (json) printJson(io, report);
  else io.stdout.write(reportText(report, context));
  return report.outcome === 'ack' ? 0 : 1;
};

function reportText(report: TestReport, { io, commands }: CommandContext): string {
  const paint = painter(io.stdout);
  const { request, answer, milliseconds } = report;
  const took = formatDuration(milliseconds);
  const parts = [
    `${paint('bold', request.method)} ${harmless(request.url)}`,
    ...headerLines(request.headers),
    '',
    ...bodyLines(request.body),
    '',
  ];
  if (answer === null) parts.push(paint('red', `no answer after ${took}`));
  else {
    const style = report.outcome === 'ack' ? 'green' : 'red';
    parts.push(`${paint(style, `HTTP ${answer.status}`)} after ${took}`);
    parts.push(...headerLines(answer.headers));
    if (answer.excerpt !== '') parts.push('', ...bodyLines(answer.excerpt));
  }
  parts.push('', outcomeText(report, commands));
  return parts.map((line) => `${line}\n`).join('');
}

function headerLines(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).map(([name, value]) => `  ${harmless(`${name}: ${value}`)}`);
}

/** JSON on several lines, anything else as it is; shortened. */
function bodyLines(body: string): readonly string[] {
  const lines = harmless(pretty(body)).split('\n');
  const left = lines.length - MAX_LINES;
  const shown = lines.slice(0, MAX_LINES).map((line) => `  ${line}`);
  return left > 0 ? [...shown, `  … ${left} more lines; --json has them`] : shown;
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    // An answer may be anything, and only its beginning was kept.
    return body.trimEnd();
  }
}

const OUTCOMES: Readonly<Record<TestReport['outcome'], string>> = {
  ack: 'The endpoint took it.',
  retry: 'Not taken; a change would be tried again.',
  reject: 'Not taken; a change would be parked at once.',
  gone: 'Not taken; a change would pause the subscription, because the endpoint wants nothing any more.',
};

function outcomeText({ subscription, outcome, error }: TestReport, commands: CommandLines): string {
  const why = error === null ? '' : ` ${harmless(`${error.code}: ${error.message}`)}`;
  const next = `\n→ ${commands.of('subscriptions', 'show', subscription)}`;
  return `${OUTCOMES[outcome]}${outcome === 'ack' ? '' : why + next}`;
}
