/**
 * The demo as a new user runs it: a process of its own, on a database of its own. Afterwards nothing
 * of it may be left.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from './support/until.ts';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Run {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';

  constructor(cwd: string, ...args: readonly string[]) {
    const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
    this.child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)));
    this.child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)));
  }

  async ended(): Promise<Ended> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    return { code: child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  /** The process ids that the demo told of: database and mail servers. */
  get pids(): number[] {
    return [...this.stdout.matchAll(/process (\d+)/g)].map((match) => Number(match[1]));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No such process.
    return false;
  }
}

/** Where an embedded database goes that cannot live in the demo's own directory. */
function databasesElsewhere(): string[] {
  return readdirSync('/var/tmp').filter((name) => name.startsWith('tidings-database-'));
}

let cwd: string;
before(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tidings-demo-'));
});
after(() => rmSync(cwd, { recursive: true, force: true }));

test('the demo ends well, says so, and leaves nothing behind', { timeout: 60_000 }, async () => {
  const elsewhere = databasesElsewhere();
  const run = new Run(cwd, 'demo');
  const { code, stdout, stderr } = await run.ended();
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, '');
  assert.ok(!stdout.includes('\u001b'), 'no colour where there is no terminal');
  for (let stage = 1; stage <= 10; stage++) {
    assert.match(stdout, new RegExp(`^${stage}/10 \\S`, 'm'));
  }
  assert.match(stdout, /kill -9 \d+: mail-2 is dead/);
  assert.match(stdout, /mail-2 {2}update .* removed/, 'mail-2 heard that ben left');
  assert.match(stdout, /^ +missed +0 +0 +0$/m);
  assert.match(stdout, /^ +told without need +0 +0 +0$/m);
  assert.match(stdout, /^ +out of order +0 +0 +0 +per account$/m);
  assert.match(stdout, /\d+ requests were answered 503; [1-9]\d* changes wait/);
  assert.match(stdout, /^ +accounts as in the table +10 of 10 +21 of 21 +31 of 31$/m);
  assert.match(stdout, /^Nothing was missed\./m);
  assert.equal(run.pids.length, 3);
  assert.deepEqual(run.pids.filter(isAlive), []);
  assert.deepEqual(readdirSync(cwd), []);
  assert.deepEqual(databasesElsewhere(), elsewhere);
});

test('a demo that stays up runs statements, and ends at Ctrl-C', { timeout: 90_000 }, async (t) => {
  const demo = new Run(cwd, 'demo', '--keep');
  t.after(() => demo.child.kill());
  await until(() => demo.stdout.includes('stays up') || demo.child.exitCode !== null, 30_000);
  assert.equal(demo.child.exitCode, null, demo.stdout + demo.stderr);
  const sql = (...args: readonly string[]): Promise<Ended> =>
    new Run(cwd, 'demo', 'sql', ...args).ended();

  await t.test('rows that were changed are counted, and the mail server is told', async () => {
    const { code, stdout, stderr } = await sql(
      `insert into mail_users (gid, username, domain, server) values (1, 'you', 'example.org', 'mail-1')`,
    );
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'INSERT 1\n', stderr: '' });
    await until(() => /mail-1 {2}insert .*you@example\.org/.test(demo.stdout), 10_000);
  });
  await t.test('rows are a table, or JSON', async () => {
    const query = `select username, last_login_at from mail_users where username = 'you'`;
    assert.equal((await sql(query)).stdout, 'username  last_login_at\nyou       null\n(1 row)\n');
    const lines = (await sql('--json', query)).stdout.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line): unknown => JSON.parse(line)),
      [
        { type: 'row', row: { username: 'you', last_login_at: null } },
        { type: 'result', command: 'SELECT', rowCount: 1 },
      ],
    );
  });
  await t.test('a mistake is shown where it is', async () => {
    const { code, stdout, stderr } = await sql('select * form mail_users');
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /DEMO_STATEMENT_FAILED.*42601.*syntax error at or near "form"/);
    assert.match(stderr, /\nselect \* form mail_users\n {9}\^\n/);
  });
  await t.test('a constraint is explained', async () => {
    const { code, stderr } = await sql(
      `insert into mail_users (gid, username, domain, server) values (1, 'you', 'example.org', 'mail-1')`,
    );
    assert.equal(code, 1);
    assert.match(stderr, /23505.*duplicate key[^]*Detail: Key \(username, domain\)=/);
  });
  await t.test('a mail server that is killed comes back and hears what it missed', async () => {
    const pid = Number(/Kill one: it comes back\n +kill -9 (\d+)/.exec(demo.stdout)?.[1]);
    process.kill(pid, 'SIGKILL');
    await until(() => demo.stdout.includes('mail-1 ended (SIGKILL)'), 10_000);
    await sql(`delete from mail_users where username = 'you'`);
    await until(() => /mail-1 {2}delete .*you@example\.org/.test(demo.stdout), 20_000);
  });
  await t.test('a truncate empties the machines', async () => {
    assert.equal((await sql('truncate mail_users')).stdout, 'TRUNCATE\n');
    await until(() => demo.stdout.match(/truncate .* all removed/g)?.length === 2, 20_000);
    assert.deepEqual(readdirSync(join(cwd, '.tidings', 'demo', 'mail')), []);
  });
  await t.test('another demo in the same directory is refused', async () => {
    const { code, stderr } = await new Run(cwd, 'demo').ended();
    assert.equal(code, 2);
    assert.match(stderr, /DATA_LOCKED/);
  });

  demo.child.kill('SIGINT');
  const { code, stdout, stderr } = await demo.ended();
  assert.equal(code, 0, stdout + stderr);
  assert.ok(demo.pids.length >= 4);
  assert.deepEqual(demo.pids.filter(isAlive), []);
  const after = await sql('select 1');
  assert.equal(after.code, 1);
  assert.match(after.stderr, /DEMO_NOT_RUNNING[^]*tidings demo --keep/);
  assert.ok(existsSync(join(cwd, '.tidings', 'demo')), 'what it kept can be looked at');
});

test('a demo that is interrupted cleans up', { timeout: 60_000 }, async () => {
  const elsewhere = databasesElsewhere();
  const run = new Run(cwd, 'demo');
  await until(() => run.stdout.includes('3/10'), 30_000);
  run.child.kill('SIGINT');
  const { code } = await run.ended();
  assert.equal(code, 130);
  assert.deepEqual(run.pids.filter(isAlive), []);
  assert.deepEqual(readdirSync(cwd), []);
  assert.ok(databasesElsewhere().length <= elsewhere.length);
});

test(
  'a demo that was killed with SIGKILL is cleaned up by the next',
  { timeout: 90_000 },
  async () => {
    const killed = new Run(cwd, 'demo', '--keep');
    await until(() => killed.stdout.includes('stays up') || killed.child.exitCode !== null, 30_000);
    killed.child.kill('SIGKILL');
    await killed.ended();
    const { code, stdout, stderr } = await new Run(cwd, 'demo').ended();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(killed.pids.filter(isAlive), []);
    assert.deepEqual(readdirSync(cwd), []);
  },
);

test('a directory with other files is refused and left alone', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-demo-taken-'));
  writeFileSync(join(directory, 'thesis.txt'), 'precious');
  const { code, stderr } = await new Run(cwd, 'demo', '--data-dir', directory).ended();
  assert.equal(code, 2);
  assert.match(stderr, /DEMO_DIRECTORY_TAKEN/);
  assert.equal(readFileSync(join(directory, 'thesis.txt'), 'utf8'), 'precious');
  assert.deepEqual(readdirSync(directory), ['thesis.txt']);
  rmSync(directory, { recursive: true });
});
