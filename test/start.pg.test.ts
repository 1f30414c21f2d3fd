/** `tidings start` as an operator meets it: what goes wrong, and how it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { freshDatabase, startTestServer } from './support/postgres.ts';
import { drain, project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

/** A refusal is one coded error with a hint, never a stack trace. */
async function refused(config: string, code: string, exit: number): Promise<string> {
  const { code: exitCode, stderr, stdout } = await tidings(['start', '--config', config]);
  assert.match(stderr, new RegExp(`error ${code}`), `${stdout}${stderr}`);
  assert.equal(exitCode, exit, stderr);
  assert.match(stderr, /→ /, 'the error says what mends it');
  assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace');
  return stderr;
}

test('SIGTERM and SIGINT drain: what is in flight finishes, nothing repeats', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  using at = project(database.url, {
    subscriptions: { slow: { tables: ['public.t'], to: { handler: './slow.mjs' } } },
  });
  const told = join(at.directory, 'told');
  writeFileSync(
    join(at.directory, 'slow.mjs'),
    `import { appendFileSync } from 'node:fs';
     import { setTimeout as sleep } from 'node:timers/promises';
     const told = ${JSON.stringify(told)};
     export default { async insert(row) {
       appendFileSync(told, 'begin ' + row.id + '\\n');
       await sleep(300);
       appendFileSync(told, 'end ' + row.id + '\\n');
     } };`,
  );
  const { readFileSync, existsSync } = await import('node:fs');
  const lines = (): string[] =>
    existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : [];
  for (const [round, signal] of (['SIGTERM', 'SIGINT'] as const).entries()) {
    const service = start(['start', '--config', at.config]);
    await until(async () => (await at.status()).sources[0]?.state === 'streaming');
    await database.client.query('INSERT INTO t VALUES ($1)', [round]);
    await until(() => lines().includes(`begin ${round}`));
    const ended = once(service, 'exit') as Promise<[number | null]>;
    service.kill(signal);
    assert.deepEqual((await ended)[0], 0);
    assert.ok(lines().includes(`end ${round}`), 'the call in flight was allowed to finish');
  }
  assert.deepEqual(lines(), ['begin 0', 'end 0', 'begin 1', 'end 1']);
  assert.equal((await at.status()).service, null);
});

test('a second process on the same data directory is refused, and the first goes on', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  using at = project(database.url);
  const service = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  const message = await refused(at.config, 'DATA_LOCKED', 2);
  assert.match(message, new RegExp(String(service.pid)));
  await database.client.query('INSERT INTO t VALUES (1)');
  await until(async () => (await at.status()).sources[0]?.log.head === 1);
  assert.equal(await drain(service), 0);
});

test('a second service on the same slot is refused, and the first goes on', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  using at = project(database.url);
  using other = project(database.url);
  const service = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await refused(other.config, 'SLOT_IN_USE', 2);
  await database.client.query('INSERT INTO t VALUES (1)');
  await until(async () => (await at.status()).sources[0]?.log.head === 1);
  assert.equal(await drain(service), 0);
});

test('bad addresses, passwords and rights', async () => {
  await using database = await freshDatabase();
  const broken = (change: (url: URL) => void): string => {
    const url = new URL(database.url);
    change(url);
    return url.href;
  };
  {
    using at = project(broken((url) => (url.password = 'wrong-secret')));
    const message = await refused(at.config, 'SOURCE_LOGIN_REFUSED', 2);
    assert.doesNotMatch(message, /wrong-secret/, 'passwords are never printed');
  }
  {
    using at = project(broken((url) => (url.pathname = '/nowhere')));
    await refused(at.config, 'SOURCE_LOGIN_REFUSED', 2);
  }
  {
    await database.client.query(`CREATE ROLE plain_${database.name} LOGIN PASSWORD 'plain'`);
    await database.client.query('CREATE TABLE owned_by_another (id int PRIMARY KEY)');
    using at = project(
      broken((url) => {
        url.username = `plain_${database.name}`;
        url.password = 'plain';
      }),
    );
    const { code, stderr } = await tidings(['start', '--config', at.config]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /ALTER ROLE|GRANT/, 'the exact SQL is printed');
    await database.client.query(`DROP ROLE plain_${database.name}`);
  }
});

test('wal_level that is not logical', async () => {
  await using server = await startTestServer(18, { wal_level: 'replica' });
  await using database = await freshDatabase(server.url);
  using at = project(database.url);
  const message = await refused(at.config, 'WAL_LEVEL', 2);
  assert.match(message, /ALTER SYSTEM SET wal_level = '?logical/);
});

test('a data directory of a newer version', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  using at = project(database.url);
  const service = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  assert.equal(await drain(service), 0);
  const state = new DatabaseSync(join(at.dataDir, 'state.sqlite'));
  state.exec('PRAGMA user_version = 9999');
  state.close();
  await refused(at.config, 'DATA_NEWER', 2);
});

test('a filter that does not parse, an unknown key, a missing handler: before anything starts', async () => {
  await using database = await freshDatabase();
  const cases = [
    [{ tables: ['public.t'], where: 'after.x >', to: { handler: './h.mjs' } }, 'FILTER_INVALID'],
    [{ tabels: ['public.t'], to: { handler: './h.mjs' } }, 'CONFIG_'],
    [{ tables: ['public.t'], to: { handler: './missing.mjs' } }, 'HANDLER_'],
  ] as const;
  for (const [subscription, code] of cases) {
    using at = project(database.url, { subscriptions: { broken: subscription } });
    writeFileSync(join(at.directory, 'h.mjs'), 'export default { insert() {} };');
    await refused(at.config, code, 64);
    const { rows } = await database.client.query(
      'SELECT slot_name FROM pg_replication_slots WHERE database = current_database()',
    );
    assert.deepEqual(rows, [], 'nothing was made in the database');
  }
});

test('uninstall removes all that was made in the database', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  using at = project(database.url);
  const service = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  assert.equal(await drain(service), 0);
  const made = `SELECT slot_name AS name FROM pg_replication_slots WHERE database = current_database()
    UNION ALL SELECT pubname FROM pg_publication
    UNION ALL SELECT evtname FROM pg_event_trigger
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tidings%'`;
  assert.ok((await database.client.query(made)).rows.length >= 3);
  assert.equal((await tidings(['uninstall', '--config', at.config])).code, 2, 'asks first');
  const removed = await tidings(['uninstall', '--yes', '--config', at.config]);
  assert.equal(removed.code, 0, removed.stderr);
  assert.deepEqual((await database.client.query(made)).rows, []);
});

test('with --json the last line says how it ended', async () => {
  await using database = await freshDatabase();
  using at = project(database.url);
  const service = start(['start', '--json', '--config', at.config]);
  let printed = '';
  service.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await until(() => printed.includes('"started"'));
  assert.equal(await drain(service), 0);
  const last = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as {
    readonly state: string;
    readonly status: { readonly sources: readonly { readonly state: string }[] };
  };
  assert.equal(last.state, 'stopped');
  assert.equal(last.status.sources[0]?.state, 'stopped');
});
