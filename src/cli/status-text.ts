import type { SourceStatusReport, Status, SubscriptionStatusReport } from '../app/status/status.ts';
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatDuration,
  formatRate,
  formatTime,
} from './terminal/format.ts';
import { sparkline } from './terminal/sparkline.ts';
import type { CommandLines } from './command-line.ts';
import type { CommandContext } from './command.ts';
import { LEFT } from '../app/inspection/unconfigured-sources.ts';
import { removal } from './uninstall-source.ts';
import { holdLines } from './hold-lines.ts';
import { harmless } from '../util/harmless.ts';
import { type Paint, painter, type Style } from './terminal/style.ts';
import { renderTable, type TableOutput } from './terminal/table.ts';

/** Figures of a service that has not written any for so long may be out of date; milliseconds. */
const STALE = 15_000;

/** What is shown with a status. */
export interface StatusBeside {
  /** Changes captured per second, the newest last, by source. Default: none are shown. */
  readonly rates?: ReadonlyMap<string, readonly number[]>;
  /** Sources that the configuration does not list, with a log. */
  readonly unconfigured: readonly string[];
}

/** The status as a person reads it. */
export function statusText(
  status: Status,
  { io, commands }: Pick<CommandContext, 'io' | 'commands'>,
  { rates = new Map(), unconfigured }: StatusBeside,
): string {
  const output = io.stdout;
  const told: Telling = { paint: painter(output), commands };
  const { sources, subscriptions } = status;
  const notes = [
    ...sources.map((source) => sourceNotes(source, told)),
    ...unconfigured.map((name) => unconfiguredText(name, told)),
  ];
  const parts = [serviceText(status, told), sourcesTable(sources, output, rates) + notes.join('')];
  if (subscriptions.length > 0) {
    const below = subscriptions.map((each) => subscriptionNotes(each, sources, told));
    parts.push(subscriptionsTable(subscriptions, output) + below.join(''));
  }
  return parts.join('\n');
}

/** How a line is told. */
interface Telling {
  readonly paint: Paint;
  readonly commands: CommandLines;
}

function serviceText({ service }: Status, { paint, commands }: Telling): string {
  if (service === null) {
    return `${paint('yellow', 'not running')}  start it with: ${commands.of('start')}\n`;
  }
  const running = Date.parse(service.at) - Date.parse(service.startedAt);
  const age = Date.now() - Date.parse(service.at);
  const stale = age > STALE ? paint('yellow', `  figures are ${formatDuration(age)} old`) : '';
  return `${paint('green', 'running')}  for ${formatDuration(running)}, process ${service.pid}, Tidings ${service.version}, data in ${service.dataDir}${stale}\n`;
}

const STATE_STYLES: Readonly<Record<string, Style>> = {
  streaming: 'green',
  live: 'green',
  failed: 'red',
  refused: 'red',
  'disk full': 'red',
  reconnecting: 'yellow',
  paused: 'yellow',
  full: 'yellow',
};

function stateText(state: string, paint: Paint): string {
  const style = STATE_STYLES[state];
  return style === undefined ? state : paint(style, state);
}

function sourcesTable(
  sources: readonly SourceStatusReport[],
  output: TableOutput,
  rates: ReadonlyMap<string, readonly number[]>,
): string {
  const paint = painter(output);
  const watched = rates.size > 0;
  const rows = sources.map((source) => [
    source.name,
    stateText(source.state, paint),
    orDash(source.lagBytes, formatBytes),
    retainedText(source, paint),
    `${formatCount(source.log.floor)} … ${formatCount(source.log.head)}`,
    formatBytes(source.log.bytes),
    source.position ?? '–',
    ...(watched ? [rateText(rates.get(source.name) ?? [])] : []),
  ]);
  return renderTable(
    [
      { title: 'SOURCE' },
      { title: 'STATE' },
      { title: 'LAG', align: 'right' },
      { title: 'WAL KEPT', align: 'right' },
      { title: 'LOG (FLOOR … HEAD)', align: 'right' },
      { title: 'SIZE', align: 'right' },
      { title: 'POSITION' },
      ...(watched ? [{ title: 'CHANGES/S' }] : []),
    ],
    rows,
    output,
  );
}

function orDash(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value);
}

function retainedText({ retainedBytes, safeBytes }: SourceStatusReport, paint: Paint): string {
  if (retainedBytes === null) return '–';
  const text = formatBytes(retainedBytes);
  // Near the server's limit it gives up the slot (invariant 12).
  const near = safeBytes !== null && safeBytes < retainedBytes;
  return near ? paint('yellow', `${text}, ${formatBytes(safeBytes)} left`) : text;
}

function sourceNotes(
  { name, error, log }: SourceStatusReport,
  { paint, commands }: Telling,
): string {
  const lines: string[] = [];
  if (error !== null) {
    lines.push(`${paint('red', `${name}: ${error.code}:`)} ${harmless(error.message)}`);
    lines.push(`→ ${harmless(commands.in(error.hint))}`);
  }
  if (log.gaps > 0) {
    const gaps = log.gaps === 1 ? '1 gap' : `${log.gaps} gaps`;
    const list = commands.of('log', 'verify');
    lines.push(paint('yellow', `${name}: ${gaps} in the log; ${list} lists them`));
  }
  lines.push(
    ...holdLines(log.hold, commands).map((line, at) =>
      at === 0 ? paint('yellow', `${name}: ${line}`) : line,
    ),
  );
  return lines.map((line) => `  ${line}\n`).join('');
}

function unconfiguredText(name: string, { paint, commands }: Telling): string {
  return `  ${paint('yellow', `${name}: not in the configuration, and its log is here.`)} ${LEFT}\n  → ${removal(name, commands)}\n`;
}

function rateText(rates: readonly number[]): string {
  const newest = rates.at(-1);
  return newest === undefined ? '–' : `${sparkline(rates)} ${formatCount(Math.round(newest))}`;
}

function subscriptionsTable(
  subscriptions: readonly SubscriptionStatusReport[],
  output: TableOutput,
): string {
  const paint = painter(output);
  const alarm = (count: number, style: Style): string =>
    count === 0 ? '0' : paint(style, formatCount(count));
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const rows = subscriptions.map((subscription) => [
    subscription.name,
    subscription.source,
    stateText(subscription.state, paint),
    formatCount(subscription.lag),
    formatCount(subscription.delivered),
    formatRate(subscription.rate),
    formatCount(subscription.inFlight),
    alarm(subscription.retrying, 'yellow'),
    alarm(subscription.blocked, 'yellow'),
    alarm(subscription.parked, 'red'),
    alarm(subscription.stuck, 'red'),
  ]);
  return renderTable(
    [
      { title: 'SUBSCRIPTION', cut: true },
      { title: 'SOURCE' },
      { title: 'STATE' },
      right('LAG'),
      right('DELIVERED'),
      right('PER S'),
      ...['IN FLIGHT', 'RETRYING', 'BLOCKED', 'PARKED', 'STUCK'].map((title) => ({
        ...right(title),
        spare: true,
      })),
    ],
    rows,
    output,
  );
}

/** Who has caught up in a few seconds is not worth a line. */
const WORTH_TELLING = 10;

function catchUpText(
  { source, lag, caughtUpIn }: SubscriptionStatusReport,
  sources: readonly SourceStatusReport[],
): string | null {
  if (caughtUpIn === null || caughtUpIn < WORTH_TELLING) return null;
  const uncaptured = sources.find(({ name }) => name === source)?.uncaptured ?? 0;
  const inWal = uncaptured === 0 ? '' : ` and some ${formatCount(uncaptured)} still in the WAL`;
  return `${formatCounted(lag, 'record')} behind${inWal}: caught up in about ${formatDuration(caughtUpIn * 1_000)}`;
}

function subscriptionNotes(
  subscription: SubscriptionStatusReport,
  sources: readonly SourceStatusReport[],
  { paint, commands }: Telling,
): string {
  const { name, reason, lastError, retrying, parked, stuckSince } = subscription;
  const lines: string[] = [];
  if (reason !== null) lines.push(`${paint('yellow', `${name}:`)} ${harmless(reason)}`);
  const catchUp = catchUpText(subscription, sources);
  if (catchUp !== null) lines.push(`${paint('yellow', `${name}:`)} ${catchUp}`);
  if (stuckSince !== null) {
    const age = formatDuration(Date.now() - Date.parse(stuckSince));
    lines.push(`${paint('red', `${name}:`)} a call has not returned for ${age}`);
  }
  // An error that a later attempt made good is history.
  if (lastError !== null && retrying + parked > 0) {
    const { at, code, message } = lastError;
    lines.push(`${paint('red', `${name}: ${code}:`)} ${harmless(message)} (${formatTime(at)})`);
    lines.push(`→ ${commands.of('deliveries', name)}`);
  }
  return lines.map((line) => `  ${line}\n`).join('');
}
