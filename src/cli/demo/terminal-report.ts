import { isAbsolute, relative } from 'node:path';
import { shellWord } from '../../errors/shell-word.ts';
import type { CommandLines } from '../command-line.ts';
import type { CommandContext } from '../command.ts';
import type { Output } from '../io.ts';
import { formatBytes } from '../terminal/format.ts';
import { harmless } from '../../util/harmless.ts';
import { type Paint, painter } from '../terminal/style.ts';
import { renderTable } from '../terminal/table.ts';
import { pad } from '../terminal/width.ts';
import { DEFAULT_DEMO_DIRECTORY } from './directory-name.ts';
import type { Delays, DemoAddress, DemoReport, DemoSummary, ServerSummary } from './report.ts';
import type { Told } from './told.ts';

/**
 * Calls are collected for so long, milliseconds, and then shown in the order in which they were made.
 * They are reported when they are done, and those of different accounts are made side by side.
 */
const COLLECTING_TIME = 100;
/** Of more calls of one server than these together, only the first and the last are shown. */
const FIRST_CALLS = 4;
const LAST_CALLS = 4;

const CLEAR_LINE = '\r\u001b[K';

const OPERATION_COLOURS = {
  insert: 'green',
  update: 'yellow',
  delete: 'red',
  truncate: 'red',
} as const;

/** The demo as lines for people. */
export class TerminalReport implements DemoReport {
  readonly #output: Output;
  readonly #paint: Paint;
  readonly #cwd: string;
  readonly #commands: CommandLines;
  #calls: Told[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** The cursor stands behind a line about waiting, which the next line replaces. */
  #waits = false;

  /** Paths below the working directory are shown relative to it. */
  constructor({ io: { stdout: output, cwd }, commands }: Pick<CommandContext, 'io' | 'commands'>) {
    this.#output = output;
    this.#cwd = cwd;
    this.#commands = commands;
    this.#paint = painter(output);
  }

  stage(number: number, of: number, title: string): void {
    this.#showCalls();
    this.#line(`\n${this.#paint('dim', `${number}/${of}`)} ${this.#paint('bold', title)}`);
  }

  note(text: string): void {
    this.#showCalls();
    this.#line(`    ${text}`);
  }

  waiting(what: string, seconds: number): void {
    const text = this.#paint('dim', `    ${what} … ${seconds} s`);
    if (!this.#output.isTerminal) return this.#line(text);
    this.#output.write(`${CLEAR_LINE}${text}`);
    this.#waits = true;
  }

  writes(statements: readonly string[]): void {
    this.#showCalls();
    const transaction = statements.length === 1 ? statements : ['begin', ...statements, 'commit'];
    const [first = '', ...rest] = transaction.flatMap((statement) => statement.split('\n'));
    this.#line('');
    this.#line(`  ${this.#paint('blue', `> ${first}`)}`);
    for (const line of rest) this.#line(`  ${this.#paint('blue', `  ${line}`)}`);
  }

  told(call: Told): void {
    this.#calls.push(call);
    this.#timer ??= setTimeout(() => this.#showCalls(), COLLECTING_TIME);
  }

  summary(summary: DemoSummary): void {
    this.#showCalls();
    const { servers, changes, transactions, seconds } = summary;
    const row = (name: string, value: (server: ServerSummary) => string, remark = ''): string[] => [
      name,
      ...servers.map(value),
      this.#paint('dim', remark),
    ];
    const table = renderTable(
      [
        { title: '' },
        ...servers.map(({ server }) => ({ title: server, align: 'right' as const })),
        { title: '' },
      ],
      [
        row('changes of its accounts', (server) => String(server.owed)),
        row('told', (server) => String(server.told)),
        row('missed', (server) => this.#count(server.missed)),
        row('told without need', (server) => this.#count(server.unasked)),
        row('out of order', (server) => this.#count(server.outOfOrder), 'per account'),
        row('told again', (server) => String(server.repeated), 'only after a failure'),
        row('after commit, median', ({ live }) => formatDelays(live, 'median'), 'while it ran'),
        row('after commit, at most', ({ live }) => formatDelays(live, 'max')),
        row(
          'accounts as in the table',
          ({ directories }) => `${directories.agreeing} of ${directories.accounts}`,
        ),
      ],
      this.#output,
    );
    for (const line of table.trimEnd().split('\n')) this.#line(`    ${line}`);
    for (const difference of servers.flatMap((server) => server.directories.differences)) {
      this.#line(`    ${this.#paint('red', difference)}`);
    }
    const verdict = summary.complete
      ? this.#paint('green', 'Nothing was missed.')
      : this.#paint('red', 'Something was missed, or is not as it should be.');
    const made = `${changes} row changes in ${transactions} transactions, ${seconds.toFixed(1)} s in all.`;
    this.#line(`\n${verdict} ${made}`);
  }

  staysUp({ url, directory, servers, webhookConfig }: DemoAddress): void {
    const shown = this.#shorten(directory);
    const option = shown === DEFAULT_DEMO_DIRECTORY ? [] : ['--data-dir', shown];
    const sql = this.#commands.of('demo', 'sql', ...option);
    const [first] = servers;
    this.#line('');
    this.#line(this.#paint('bold', 'The demo stays up until Ctrl-C. Try in another terminal:'));
    const block = (title: string, ...commands: readonly string[]): void => {
      this.#line(`\n    ${this.#paint('dim', title)}`);
      for (const command of commands) this.#line(`    ${command}`);
    };
    block(
      'Write a row, and see here who is called',
      `${sql} "insert into mail_users (gid, username, domain, server) values (100, 'you', 'example.org', 'mail-1')"`,
      `${sql} "update mail_users set server = 'mail-2' where username = 'you'"`,
      `${sql} "select * from mail_users"`,
    );
    block(
      'Directories and quotas',
      ...servers.map(({ mail }) => `ls -l ${shellWord(this.#shorten(mail))}`),
    );
    if (first !== undefined) {
      block(
        'Look into a mail server’s Tidings',
        this.#commands.of('status', '--config', this.#shorten(first.config)),
        this.#commands.of('tail', '--config', this.#shorten(first.config), '--from', 'floor'),
      );
    }
    const crm = (...words: readonly string[]): string =>
      this.#commands.of(...words, '--config', this.#shorten(webhookConfig));
    block(
      'The webhook',
      crm('subscriptions', 'show', 'crm'),
      crm('trigger-test', 'crm'),
      crm('deliveries'),
    );
    block(
      'An accident, and the way back',
      `${sql} "delete from mail_users"`,
      crm('find', '--min-rows', '10'),
    );
    block('Kill one: it comes back', ...servers.map(({ pid }) => `kill -9 ${pid}`));
    block('The database, for any client', url);
    this.#line('');
  }

  stopped(directory: string): void {
    this.#showCalls();
    this.#line(`\nEverything has stopped. ${this.#shorten(directory)} stays until the next demo.`);
  }

  next(): void {
    const row = (command: string, why: string): void =>
      this.#line(`    ${pad(command, 34)}${this.#paint('dim', why)}`);
    this.#line(`\n${this.#paint('bold', 'What to try next')}`);
    row(this.#commands.of('demo', '--keep'), 'the same, and then it stays up to play with');
    row(this.#commands.of('init'), 'Tidings on your own database');
    row('examples/mail-server/README.md', 'the program that ran as mail-1 and mail-2');
  }

  #shorten(path: string): string {
    const below = relative(this.#cwd, path);
    return below.startsWith('..') || isAbsolute(below) ? path : below;
  }

  #count(value: number): string {
    return value === 0 ? '0' : this.#paint('red', String(value));
  }

  #showCalls(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const calls = this.#calls.sort(byTime);
    this.#calls = [];
    for (const [server, own] of Map.groupBy(calls, (call) => call.server)) {
      const hidden = own.slice(FIRST_CALLS, -LAST_CALLS);
      for (const call of own.slice(0, FIRST_CALLS)) this.#showCall(call);
      if (hidden.length > 0) {
        this.#line(this.#paint('dim', `    … ${hidden.length} more calls of ${server} …`));
      }
      for (const call of own.slice(FIRST_CALLS + hidden.length)) this.#showCall(call);
    }
  }

  /** 80 columns wide. */
  #showCall(call: Told): void {
    const { account } = call;
    const columns = [
      `${this.#paint('dim', call.at.slice(11, 23))} ${this.#paint('bold', call.server)}`,
      pad(this.#paint(OPERATION_COLOURS[call.operation], call.operation), 6),
      pad(harmless(account?.address ?? ''), 18),
      pad(account === null ? '' : formatBytes(Number(account.quotaBytes)), 7, 'right'),
      pad(call.done, 9),
      pad(this.#paint('cyan', formatDelay(call.afterCommitMs)), 7, 'right'),
    ];
    this.#line(`    ${columns.join('  ')}`);
  }

  #line(text: string): void {
    if (this.#waits) this.#output.write(CLEAR_LINE);
    this.#waits = false;
    this.#output.write(`${text}\n`);
  }
}

function byTime(one: Told, other: Told): number {
  return Date.parse(one.at) - Date.parse(other.at) || one.offset - other.offset;
}

function formatDelays(delays: Delays, which: keyof Delays): string {
  const delay = delays[which];
  return delay === null ? '–' : formatDelay(delay);
}

/** Milliseconds with the digits that matter. */
export function formatDelay(milliseconds: number): string {
  if (milliseconds < 100) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}
