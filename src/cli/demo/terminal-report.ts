import { styleText } from 'node:util';
import { DEFAULT_DEMO_DIRECTORY } from './demo-directory.ts';
import type { Delays, DemoAddress, DemoReport, DemoSummary, ServerSummary } from './report.ts';
import type { Told } from './told.ts';

type Format = Parameters<typeof styleText>[0];

/** Calls of one server that are shown per statement; the rest is counted. */
const SHOWN_CALLS = 6;

const OPERATION_COLOURS = {
  insert: 'green',
  update: 'yellow',
  delete: 'red',
  truncate: 'red',
} as const;

/** The demo as lines for people; colour only where the stream shows it. */
export class TerminalReport implements DemoReport {
  readonly #stream: NodeJS.WriteStream;
  /** Calls since the last statement, by server. */
  readonly #calls = new Map<string, number>();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  stage(number: number, of: number, title: string): void {
    this.#flushCalls();
    this.#line(`\n${this.#paint('dim', `${number}/${of}`)}  ${this.#paint('bold', title)}`);
  }

  note(text: string): void {
    this.#flushCalls();
    this.#line(`     ${text}`);
  }

  waiting(what: string, seconds: number): void {
    this.#line(this.#paint('dim', `     ${what} … ${seconds} s`));
  }

  writes(statements: readonly string[]): void {
    this.#flushCalls();
    const transaction = statements.length === 1 ? statements : ['begin', ...statements, 'commit'];
    const [first = '', ...rest] = transaction.flatMap((statement) => statement.split('\n'));
    this.#line('');
    this.#line(`   ${this.#paint('blue', `> ${first}`)}`);
    for (const line of rest) this.#line(`   ${this.#paint('blue', `  ${line}`)}`);
  }

  told(call: Told): void {
    const calls = (this.#calls.get(call.server) ?? 0) + 1;
    this.#calls.set(call.server, calls);
    if (calls > SHOWN_CALLS) return;
    const { account } = call;
    const columns = [
      this.#paint('dim', call.at.slice(11, 23)),
      this.#paint('bold', call.server),
      this.#paint(OPERATION_COLOURS[call.operation], call.operation.padEnd(6)),
      (account?.dba ?? '').padStart(4),
      (account?.address ?? '').padEnd(19),
      formatBytes(Number(account?.quotaBytes ?? 0)).padStart(7),
      call.done.padEnd(17),
      this.#paint('cyan', formatDelay(call.afterCommitMs).padStart(8)),
    ];
    this.#line(`     ${columns.join('  ')}`);
  }

  summary(summary: DemoSummary): void {
    this.#flushCalls();
    this.#line('');
    const { servers } = summary;
    const row = (name: string, value: (server: ServerSummary) => string, remark = ''): void => {
      const cells = servers.map((server) => value(server).padStart(10)).join('');
      this.#line(`     ${name.padEnd(28)}${cells}${remark === '' ? '' : `   ${remark}`}`);
    };
    row('', (server) => server.server);
    row('changes of its accounts', (server) => String(server.owed));
    row('told', (server) => String(server.told));
    row('missed', (server) => this.#count(server.missed));
    row('told without need', (server) => this.#count(server.unasked));
    row('out of order', (server) => this.#count(server.outOfOrder));
    row('told again', (server) => String(server.repeated), 'only after a crash');
    row('after commit, median', ({ live }) => formatDelays(live, 'median'), 'while it ran');
    row('after commit, at most', ({ live }) => formatDelays(live, 'max'));
    row(
      'directories as in the table',
      ({ directories }) => `${directories.agreeing} of ${directories.accounts}`,
    );
    this.#line('');
    for (const { directories } of servers) {
      for (const difference of directories.differences) this.#line(`     ${difference}`);
    }
    const { changes, transactions, seconds, complete } = summary;
    const made = `${changes} row changes in ${transactions} transactions, ${seconds.toFixed(1)} s in all.`;
    this.#line(
      complete
        ? `${this.#paint('green', 'Nothing was missed.')} ${made}`
        : `${this.#paint('red', 'Something was missed or went wrong.')} ${made}`,
    );
  }

  staysUp({ url, directory, servers }: DemoAddress): void {
    const option = directory === DEFAULT_DEMO_DIRECTORY ? '' : ` --data-dir ${directory}`;
    const sql = `npx tidings demo sql${option}`;
    const [first] = servers;
    this.#line('');
    this.#line(this.#paint('bold', 'The demo stays up until Ctrl-C. Try in another terminal:'));
    const block = (title: string, ...commands: readonly string[]): void => {
      this.#line(`\n     ${this.#paint('dim', title)}`);
      for (const command of commands) this.#line(`     ${command}`);
    };
    block(
      'Write a row, and see here who is called',
      `${sql} "insert into mail_users (gid, username, domain, server) values (100, 'you', 'example.org', 'mail-1')"`,
      `${sql} "update mail_users set server = 'mail-2' where username = 'you'"`,
      `${sql} "select * from mail_users"`,
    );
    block('Directories and quotas', ...servers.map(({ mail }) => `ls -l ${mail}`));
    if (first !== undefined) {
      block(
        'Look into a mail server’s Tidings',
        `npx tidings status --data-dir ${first.data}`,
        `npx tidings tail --data-dir ${first.data}`,
      );
    }
    block('Kill one: it comes back', ...servers.map(({ pid }) => `kill -9 ${pid}`));
    block('The database, for any client', url);
    this.#line('');
  }

  #count(value: number): string {
    return value === 0 ? '0' : this.#paint('red', String(value));
  }

  #flushCalls(): void {
    for (const [server, calls] of this.#calls) {
      if (calls > SHOWN_CALLS) {
        this.#line(this.#paint('dim', `     … and ${calls - SHOWN_CALLS} more calls of ${server}`));
      }
    }
    this.#calls.clear();
  }

  #line(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  #paint(format: Format, text: string): string {
    return styleText(format, text, { stream: this.#stream });
  }
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

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function formatBytes(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
