import { writeFileSync } from 'node:fs';
import { startEmbeddedPostgres } from '../../embedded/embedded-postgres.ts';
import { sleep } from '../../util/sleep.ts';
import { Crm } from './crm.ts';
import type { DemoDirectory } from './demo-directory.ts';
import { FrontEnd } from './front-end.ts';
import { MailServer } from './mail-server.ts';
import { mailServerProgram } from './program.ts';
import { type DemoReport, type DemoSummary, whileWaiting } from './report.ts';
import { type Cast, Script } from './script.ts';

export interface DemoOptions {
  readonly directory: DemoDirectory;
  /** Stays up after the script, until the signal aborts. */
  readonly keep: boolean;
  readonly report: DemoReport;
  readonly signal: AbortSignal;
}

const STAGES = 10;

/** How long a mail server that somebody killed stays away, milliseconds: long enough to be seen. */
const RESTART_DELAY = 3_000;

/**
 * Runs the demo, and stops everything that it started, however it ends.
 * @throws the signal's reason when that aborts before the script is through.
 */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const resources = new AsyncDisposableStack();
  try {
    return await run(options, resources);
  } finally {
    await whileWaiting(options.report, 'Everything stops', resources.disposeAsync());
  }
}

async function run(options: DemoOptions, resources: AsyncDisposableStack): Promise<DemoSummary> {
  const { directory, report, signal } = options;
  const since = performance.now();
  const stage = stages(report, signal);

  stage('Starting PostgreSQL 18');
  const starting = startEmbeddedPostgres({ directory: directory.database, signal });
  const database = resources.use(await whileWaiting(report, 'PostgreSQL starts', starting));
  report.note(`process ${database.pid}, ready after ${secondsSince(since)} s`);

  stage('Creating the mail-server schema');
  const frontEnd = resources.use(await FrontEnd.connect(database.url));
  await frontEnd.createSchema();
  report.note('mail_users: dba, gid, username, domain, quota_bytes, server, last_login_at');

  stage('Starting two mail servers, each a process of its own');
  const steady = mailServer('mail-1', database.url, options);
  const crashing = mailServer('mail-2', database.url, options);
  const servers = [steady, crashing];
  resources.defer(() => stopAll(servers));
  await whileWaiting(report, 'mail servers start', startAll(servers, signal));
  for (const { name, pid } of servers) report.note(`${name}: process ${pid}`);

  stage('Starting a customer database that is told by webhook');
  const crm = resources.use(
    await Crm.start({ url: database.url, directory, onTold: (told) => report.told(told) }),
  );
  report.note(`crm: ${crm.address}, signed; failures are tried again after 0.2 to 1 s here`);

  const cast: Cast = { directory, frontEnd, steady, crashing, crm };
  const script = new Script(cast, report, signal);
  stage('The front end writes its rows; the mail servers are called');
  await script.work();
  stage(`${crashing.name} crashes while the front end goes on`);
  await script.crash();
  stage(`${crashing.name} comes back`);
  await script.comeBack();
  stage('The crm fails: it answers 503 while the front end goes on');
  await script.breakDown();
  stage('The crm recovers');
  await script.recover();
  stage('Comparing what was told and kept with the table');
  const summary = await script.compare(since);
  report.summary(summary);
  if (options.keep) await stayUp(servers, database.url, options);
  return summary;
}

/** Announces one stage after the other. */
function stages(report: DemoReport, signal: AbortSignal): (title: string) => void {
  let number = 0;
  return (title) => {
    signal.throwIfAborted();
    number += 1;
    report.stage(number, STAGES, title);
  };
}

function mailServer(name: string, url: string, { directory, report }: DemoOptions): MailServer {
  const config = { dataDir: name, sources: { [name]: { url, tables: ['public.mail_users'] } } };
  // The address holds the password.
  writeFileSync(directory.config(name), `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  const folders = ['--mail', directory.mail(name), '--data', directory.data(name)];
  return new MailServer({
    name,
    program: [...mailServerProgram(), name, ...folders],
    environment: { DATABASE_URL: url },
    onTold: (told) => report.told(told),
  });
}

async function startAll(servers: readonly MailServer[], signal: AbortSignal): Promise<void> {
  await Promise.all(servers.map((server) => server.start(signal)));
  signal.throwIfAborted();
}

async function stopAll(servers: readonly MailServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
}

/** Leaves everything running for a person to play with; a mail server that is killed comes back. */
async function stayUp(
  servers: readonly MailServer[],
  url: string,
  { directory, report, signal }: DemoOptions,
): Promise<void> {
  directory.announce(url);
  report.staysUp({
    url,
    directory: directory.path,
    servers: servers.map(({ name, pid }) => ({
      name,
      pid,
      config: directory.config(name),
      mail: directory.mail(name),
    })),
    webhookConfig: directory.config('crm'),
  });
  await Promise.all(servers.map((server) => keepRunning(server, report, signal)));
}

async function keepRunning(
  server: MailServer,
  report: DemoReport,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const ending = await server.untilEnded(signal);
    if (ending === null) return;
    report.note(`${server.name} ended (${ending}); it starts again in ${RESTART_DELAY / 1000} s`);
    await sleep(RESTART_DELAY, signal);
    if (signal.aborted) return;
    await server.start(signal);
    report.note(`${server.name}: process ${server.pid}`);
  }
}

function secondsSince(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
