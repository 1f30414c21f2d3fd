import { type EndpointDocument, endpointDetails, endpointLabel } from '../../config/sink-kinds.ts';
import type { SubscriptionDocument, SubscriptionReport } from '../../app/administration.ts';
import { durationText } from '../../option/duration.ts';
import type { CommandLines } from '../command-line.ts';
import type { CommandContext } from '../command.ts';
import { formatCount, formatCounted, formatTime } from '../terminal/format.ts';
import { harmless } from '../../util/harmless.ts';
import { type Paint, painter, type Style } from '../terminal/style.ts';
import { renderTable } from '../terminal/table.ts';

/** Where it is told, and with which commands. */
type Place = Pick<CommandContext, 'io' | 'commands'>;

const STATE_STYLES: Readonly<Record<string, Style>> = {
  live: 'green',
  paused: 'yellow',
  full: 'yellow',
};

const ORIGINS: Readonly<Record<SubscriptionReport['origin'], string>> = {
  configuration: 'the configuration file',
  program: 'a program',
  api: 'the API or the command line',
  none: 'an earlier run; nobody registers it now',
};

/** All subscriptions, one per line, and below what a person should know. */
export function listText(reports: readonly SubscriptionReport[], { io, commands }: Place): string {
  const output = io.stdout;
  const paint = painter(output);
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const table = renderTable(
    [
      { title: 'NAME', cut: true },
      { title: 'MADE BY' },
      { title: 'STATE' },
      { title: 'TABLES', cut: true },
      { title: 'TO', cut: true },
      right('LAG'),
      { ...right('RETRYING'), spare: true },
      { ...right('PARKED'), spare: true },
    ],
    reports.map((report) => [
      harmless(report.name),
      report.origin === 'none' ? '–' : report.origin,
      stateText(report, paint),
      harmless(report.definition?.tables.join(' ') ?? '–'),
      report.definition === null ? '–' : shortEndpoint(report.definition.to),
      formatCount(report.lag),
      alarm(report.retrying, 'yellow', paint),
      alarm(report.parked, 'red', paint),
    ]),
    output,
  );
  return table + reports.flatMap((report) => notes(report, { paint, commands })).join('');
}

/** One subscription with everything about it. */
export function reportText(report: SubscriptionReport, { io, commands }: Place): string {
  const paint = painter(io.stdout);
  const { cursor, lag, inFlight, retrying, blocked, parked, definition } = report;
  const made = report.createdAt === null ? '' : `, at ${formatTime(report.createdAt)}`;
  const facts: readonly Fact[] = [
    ['name', paint('bold', harmless(report.name))],
    ['made by', `${ORIGINS[report.origin]}${made}`],
    ['state', stateText(report, paint)],
    ['source', harmless(report.source)],
    ...(definition === null ? [] : definitionFacts(definition)),
    ['place', `offset ${formatCount(cursor)}, ${formatCounted(lag, 'record')} behind the head`],
    [
      'deliveries',
      `${formatCount(inFlight)} in flight, ${alarm(retrying, 'yellow', paint)} retrying, ${alarm(blocked, 'yellow', paint)} blocked, ${alarm(parked, 'red', paint)} parked`,
    ],
    ...report.replays.map(({ from, to }): Fact => [
      'replaying',
      `${formatCount(from)} to ${formatCount(to)}`,
    ]),
    ...report.losses.map(({ from, to, at }): Fact => [
      'missed',
      paint('red', `${formatCount(from)} to ${formatCount(to - 1)}`) +
        `, removed by retention at ${formatTime(at)}`,
    ]),
  ];
  const lines = facts.map(([what, text]) => `${paint('dim', what.padEnd(12))} ${text}\n`);
  return [...lines, ...notes(report, { paint, commands })].join('');
}

/** What a definition names and the database does not have; a service of an older version says nothing. */
export function tellWarnings(
  { io: { stderr }, commands }: Place,
  { warnings }: Partial<Pick<SubscriptionReport, 'warnings'>>,
): void {
  const paint = painter(stderr);
  for (const each of warnings ?? []) {
    stderr.write(`${paint('yellow', 'warning:')} ${harmless(commands.in(each))}\n`);
  }
}

type Fact = readonly [what: string, text: string];

function definitionFacts(definition: SubscriptionDocument): readonly Fact[] {
  const { tables, operations, columns, where, to, delivery } = definition;
  const { maxConcurrency, rate, timeout, maxAttempts, backoff } = delivery;
  const pace = rate === null ? '' : `, at most ${rate} per second`;
  const waits = `waits of ${durationText(backoff.first)} to ${durationText(backoff.max)}`;
  const optional: readonly (readonly [string, string | undefined])[] = [
    ['tables', tables.join(' ')],
    ['operations', operations?.join(', ')],
    ['columns', columns?.join(', ')],
    ['where', where ?? undefined],
    ...endpointDetails(to),
    ['at once', `${formatCount(maxConcurrency)}${pace}`],
    ['attempts', `${maxAttempts} of ${durationText(timeout)}, ${waits}`],
  ];
  return optional.flatMap(([what, text]) => (text === undefined ? [] : [[what, harmless(text)]]));
}

/** What wants a person's attention, with the command for it. */
function notes(
  report: SubscriptionReport,
  { paint, commands }: { readonly paint: Paint; readonly commands: CommandLines },
): readonly string[] {
  const { name, origin, state, reason, restsUntil, lastError, parked, retrying } = report;
  const shown = harmless(name);
  const lines: string[] = [];
  const note = (text: string, ...command: readonly string[]): void => {
    lines.push(`${paint('yellow', `${shown}:`)} ${text}`);
    if (command.length > 0) lines.push(`→ ${commands.of(...command)}`);
  };
  if (origin === 'none') {
    const text = 'nobody registers it, and the log keeps what it has not read.';
    note(text, 'subscriptions', 'delete', name);
  }
  if (state === 'paused') {
    const text = `paused${reason === null ? '' : `: ${harmless(reason)}`}`;
    note(text, 'subscriptions', 'resume', name);
  } else if (reason !== null) note(harmless(reason));
  if (restsUntil !== null)
    note(`its endpoint asked to be left alone until ${formatTime(restsUntil)}`);
  // An error that a later attempt made good is history.
  if (lastError !== null && parked + retrying > 0) {
    const { code, message, at } = lastError;
    note(`${code}: ${harmless(message)} (${formatTime(at)})`, 'deliveries', name);
  }
  return lines.map((line) => `  ${line}\n`);
}

function stateText({ state }: SubscriptionReport, paint: Paint): string {
  const style = STATE_STYLES[state];
  return style === undefined ? state : paint(style, state);
}

function alarm(count: number, style: Style, paint: Paint): string {
  return count === 0 ? '0' : paint(style, formatCount(count));
}

/** Where changes go, in a word. */
export function shortEndpoint(to: EndpointDocument): string {
  return harmless(endpointLabel(to));
}
