import { compareDirectories, compareHearing } from './comparison.ts';
import type { DemoDirectory } from './demo-directory.ts';
import type { FrontEnd } from './front-end.ts';
import { readKeptAccounts } from './kept-accounts.ts';
import type { Crm } from './crm.ts';
import { owedTo, owedToAll } from './mail-accounts.ts';
import type { MailServer } from './mail-server.ts';
import {
  type DemoReport,
  type DemoSummary,
  delaysOf,
  type ServerSummary,
  whileWaiting,
} from './report.ts';
import type { Told } from './told.ts';

/** How long a change may be on its way before the demo calls it missed, milliseconds. */
const MISSED_AFTER = 20_000;

/** Requests that the broken receiver refuses before it recovers: enough to see retries. */
const REFUSED_AT_LEAST = 20;

const INSERT = 'insert into mail_users (gid, username, domain, server)';

/** Who takes part in the demo. */
export interface Cast {
  readonly directory: DemoDirectory;
  readonly frontEnd: FrontEnd;
  /** Runs throughout. */
  readonly steady: MailServer;
  /** Is killed, and comes back. */
  readonly crashing: MailServer;
  /** Is told by webhook; is out of order for a while. */
  readonly crm: Crm;
}

/** What happens in the demo: everyday work, a crash and a return, a receiver that fails and recovers. */
export class Script {
  readonly #cast: Cast;
  readonly #report: DemoReport;
  readonly #signal: AbortSignal;
  /** Calls that came late because their server was dead: they are no measure of the delay. */
  readonly #caughtUp = new Set<Told>();

  constructor(cast: Cast, report: DemoReport, signal: AbortSignal) {
    this.#cast = cast;
    this.#report = report;
    this.#signal = signal;
  }

  /** The front end writes its rows; each mail server is called for its own. */
  async work(): Promise<void> {
    await this.#write(
      `${INSERT}\n  values (100, 'ann', 'example.org', 'mail-1'),\n         (100, 'ben', 'example.org', 'mail-2')`,
    );
    await this.#write(
      `${INSERT}\n  values (100, 'cleo', 'example.org', 'mail-1')`,
      `${INSERT}\n  values (200, 'dora', 'example.net', 'mail-2')`,
      `update mail_users set quota_bytes = 5000000000\n  where username in ('ann', 'ben')`,
    );
    await this.#write('update mail_users set last_login_at = now()');
    this.#report.note('nobody was called: no mail server registered for last_login_at');
    await this.#write(`update mail_users set server = 'mail-2' where username = 'ann'`);
    await this.#write(`delete from mail_users where username = 'cleo'`);
  }

  /** Kills a mail server in the middle of its work, and goes on writing. */
  async crash(): Promise<void> {
    const { crashing, steady } = this.#cast;
    const before = crashing.told.length;
    await this.#begin(
      `${INSERT}\n  select 300, 'user' || n, 'example.com', 'mail-2'\n  from generate_series(1, 20) n`,
    );
    await this.#until(crashing, () => crashing.told.length > before);
    const pid = crashing.pid;
    await crashing.kill();
    const told = crashing.told.length - before;
    this.#report.note(
      `kill -9 ${pid}: ${crashing.name} is dead, told of ${told} of 20 new accounts`,
    );
    await this.#begin(`delete from mail_users where username = 'user7'`);
    await this.#begin(
      `update mail_users set quota_bytes = 2000000000 where username = 'user8'`,
      `update mail_users set server = 'mail-1' where username = 'ben'`,
    );
    await this.#begin(`update mail_users set quota_bytes = 3000000000 where username = 'user8'`);
    await this.#untilHeard(steady);
  }

  /** Starts the killed mail server again and waits until it has heard everything. */
  async comeBack(): Promise<void> {
    const { crashing, frontEnd } = this.#cast;
    const waiting = this.#owed(crashing) - countChanges(crashing.told);
    this.#report.note(`${waiting} changes wait for ${crashing.name}`);
    for (const { name, bytes } of await frontEnd.unreadSlots()) {
      this.#report.note(`PostgreSQL keeps ${bytes} bytes of its log for them, in slot ${name}`);
    }
    const heard = crashing.told.length;
    const since = performance.now();
    await whileWaiting(this.#report, `${crashing.name} starts`, crashing.start(this.#signal));
    await this.#untilHeard(crashing);
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    const late = crashing.told.slice(heard);
    for (const call of late) this.#caughtUp.add(call);
    const oldest = ((delaysOf(late).max ?? 0) / 1000).toFixed(1);
    this.#report.note(
      `caught up: ${late.length} calls in ${seconds} s; the oldest change was ${oldest} s old`,
    );
  }

  /** The webhook's receiver answers 503 while the front end goes on. */
  async breakDown(): Promise<void> {
    const { crm } = this.#cast;
    crm.broken = true;
    await this.#begin(
      `${INSERT}\n  select 400, 'guest' || n, 'example.com', 'mail-1'\n  from generate_series(1, 10) n`,
    );
    await this.#begin(`update mail_users set quota_bytes = 7000000000 where username = 'guest3'`);
    await this.#begin(`delete from mail_users where username = 'guest4'`);
    await this.#untilHeard(this.#cast.steady);
    await this.#untilCrm(() => crm.refused >= REFUSED_AT_LEAST);
    const waiting = await crm.waiting();
    this.#report.note(`${crm.refused} requests were answered 503; ${waiting} changes wait`);
    this.#report.note('the mail servers were told all the same: nobody waits for the crm');
  }

  /** It answers again, and gets everything that waited. */
  async recover(): Promise<void> {
    const { crm, frontEnd } = this.#cast;
    const heard = crm.told.length;
    const since = performance.now();
    crm.broken = false;
    const owed = owedToAll(frontEnd.written).length;
    await this.#untilCrm(() => countChanges(crm.told) >= owed);
    for (const call of crm.told.slice(heard)) this.#caughtUp.add(call);
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    this.#report.note(`caught up: ${crm.told.length - heard} requests in ${seconds} s, all signed`);
  }

  /** Holds what was told, and what is on the disk, against what the database says. */
  async compare(since: number): Promise<DemoSummary> {
    const { directory, frontEnd, steady, crashing, crm } = this.#cast;
    const rows = await frontEnd.accounts();
    const live = (told: readonly Told[]): ServerSummary['live'] =>
      delaysOf(told.filter((call) => !this.#caughtUp.has(call)));
    const servers = [steady, crashing].map(({ name, told }): ServerSummary => {
      const own = rows.filter((row) => row.server === name);
      return {
        ...compareHearing(name, owedTo(name, frontEnd.written), told),
        live: live(told),
        directories: compareDirectories(name, own, readKeptAccounts(directory.mail(name))),
      };
    });
    servers.push({
      ...compareHearing(crm.name, owedToAll(frontEnd.written), crm.told),
      live: live(crm.told),
      directories: compareDirectories(crm.name, rows, crm.contacts),
    });
    return {
      changes: frontEnd.written.length,
      transactions: frontEnd.transactions,
      servers,
      seconds: (performance.now() - since) / 1000,
      complete: servers.every(isComplete),
    };
  }

  /** Writes, and waits until everybody who runs has heard it. */
  async #write(...statements: readonly string[]): Promise<void> {
    await this.#begin(...statements);
    const { steady, crashing, crm, frontEnd } = this.#cast;
    await this.#untilHeard(steady);
    await this.#untilHeard(crashing);
    const owed = owedToAll(frontEnd.written).length;
    await this.#untilCrm(() => countChanges(crm.told) >= owed);
  }

  async #begin(...statements: readonly string[]): Promise<void> {
    this.#signal.throwIfAborted();
    this.#report.writes(statements);
    await this.#cast.frontEnd.write(...statements);
  }

  async #untilHeard(server: MailServer): Promise<void> {
    const owed = this.#owed(server);
    await this.#until(server, () => countChanges(server.told) >= owed);
  }

  /** Does not fail when time is up: the comparison in the end says what was missed. */
  async #until(server: MailServer, condition: () => boolean): Promise<void> {
    const deadline = AbortSignal.any([this.#signal, AbortSignal.timeout(MISSED_AFTER)]);
    await whileWaiting(
      this.#report,
      `${server.name} has not heard everything`,
      server.untilTold(condition, deadline),
    );
    this.#signal.throwIfAborted();
    if (condition()) return;
    this.#report.note(`${server.name} was not told within ${MISSED_AFTER / 1000} s`);
  }

  async #untilCrm(condition: () => boolean): Promise<void> {
    const { crm } = this.#cast;
    const deadline = AbortSignal.any([this.#signal, AbortSignal.timeout(MISSED_AFTER)]);
    await whileWaiting(this.#report, 'the crm is waited for', crm.until(condition, deadline));
    this.#signal.throwIfAborted();
    if (!condition()) this.#report.note(`the crm was not told within ${MISSED_AFTER / 1000} s`);
  }

  #owed(server: MailServer): number {
    return owedTo(server.name, this.#cast.frontEnd.written).length;
  }
}

function countChanges(told: readonly Told[]): number {
  return new Set(told.map((call) => call.change)).size;
}

function isComplete({ missed, unasked, outOfOrder, directories }: ServerSummary): boolean {
  return missed + unasked + outOfOrder + directories.differences.length === 0;
}
