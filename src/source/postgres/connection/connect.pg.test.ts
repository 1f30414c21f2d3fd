import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isTidingsError, type TidingsError } from '../../../errors/tidings-error.ts';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { readSourceUrl } from '../../../config/source-url.ts';
import { connect, isRemote } from './connect.ts';
import { SqlSession } from './sql-session.ts';

async function failure(url: string): Promise<TidingsError> {
  try {
    const client = await connect({ source: 'main', url });
    await client.end();
  } catch (error) {
    assert.ok(isTidingsError(error), String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it connected' });
}

function change(url: string, edit: (url: URL) => void): string {
  const changed = new URL(url);
  edit(changed);
  return changed.href;
}

test('each way not to get in has its code, and no message has the password', async () => {
  await using database = await freshDatabase();
  const { url } = database;
  const secret = 'h0rse-battery';
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      change(url, (to) => (to.password = secret)),
      'SOURCE_LOGIN_REFUSED',
      /password authentication failed/,
    ],
    [change(url, (to) => (to.password = '')), 'SOURCE_LOGIN_REFUSED', /the url has none/],
    [
      change(url, (to) => (to.pathname = '/nowhere')),
      'SOURCE_LOGIN_REFUSED',
      /"nowhere" does not exist/,
    ],
    [change(url, (to) => (to.username = 'nobody_here')), 'SOURCE_LOGIN_REFUSED', /nobody_here/],
    [change(url, (to) => (to.port = '1')), 'SOURCE_UNREACHABLE', /ECONNREFUSED/],
    [change(url, (to) => (to.hostname = 'host.invalid')), 'SOURCE_UNREACHABLE', /host\.invalid/],
    [
      change(url, (to) => to.searchParams.set('sslmode', 'require')),
      'SOURCE_TLS_FAILED',
      /does not support SSL/,
    ],
    [
      change(url, (to) => to.searchParams.set('sslrootcert', '/no/such/file.pem')),
      'SOURCE_TLS_FAILED',
      /no such file/,
    ],
  ];
  for (const [wrong, code, message] of cases) {
    const error = await failure(wrong);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    const shown = `${error.message} ${error.hint}`;
    const { password } = new URL(wrong);
    assert.ok(password === '' || !shown.includes(password), 'the password is not shown');
  }
});

test('a socket, with a user and a password', async () => {
  await using database = await freshDatabase();
  const { hostname, port, username, password, pathname } = new URL(database.url);
  const folder = mkdtempSync(join(tmpdir(), 'tidings-socket-'));
  const proxy = createServer((socket) => {
    const onward = createConnection(Number(port), hostname);
    socket.pipe(onward).pipe(socket);
  });
  try {
    await new Promise<void>((resolve) => proxy.listen(join(folder, '.s.PGSQL.5432'), resolve));
    const written = `postgresql://${username}:${password}@${encodeURIComponent(folder)}${pathname}`;
    const url = readSourceUrl(written);
    assert.equal(isRemote(url), false);
    const client = await connect({ source: 'main', url });
    const { rows } = await client.query('SELECT current_user::text AS name');
    assert.deepEqual(rows, [{ name: username }]);
    await client.end();
  } finally {
    proxy.close();
    rmSync(folder, { recursive: true });
  }
});

test('sslmode=prefer goes without TLS where the server has none', async () => {
  await using database = await freshDatabase();
  const url = change(database.url, (to) => to.searchParams.set('sslmode', 'prefer'));
  const client = await connect({ source: 'main', url });
  const { rows } = await client.query<{ one: number }>('SELECT 1 AS one');
  assert.deepEqual(rows, [{ one: 1 }]);
  await client.end();
});

test('a server that is no PostgreSQL, and one that hangs up', async () => {
  for (const greet of [(): string => 'HTTP/1.1 400 Bad Request\r\n\r\n', (): null => null]) {
    const server = createServer((socket) => socket.end(greet() ?? Buffer.of()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { readonly port: number };
    const error = await failure(`postgresql://u:p@127.0.0.1:${port}/d`);
    assert.equal(error.code, 'SOURCE_UNREACHABLE', error.message);
    server.close();
  }
});

test('an abort ends the wait for a server that says nothing', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  const abort = new AbortController();
  const connecting = connect(
    { source: 'main', url: `postgresql://u:p@127.0.0.1:${port}/d` },
    abort.signal,
  );
  abort.abort(new Error('stop'));
  await assert.rejects(connecting, /stop/);
  server.close();
});

test('the settings of a role do not change how values are printed', async () => {
  await using database = await freshDatabase();
  const { client, name } = database;
  await client.query(`ALTER DATABASE ${name} SET datestyle = 'SQL, DMY';
    ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'; ALTER DATABASE ${name} SET bytea_output = 'escape';
    ALTER DATABASE ${name} SET extra_float_digits = -5; ALTER DATABASE ${name} SET intervalstyle = 'iso_8601'`);
  const session = await connect({ source: 'main', url: database.url });
  const { rows } = await session.query<Record<string, string>>(
    `SELECT timestamptz '2026-11-21 12:00:00+00'::text AS at, (0.1::float8 + 0.2::float8)::text AS sum,
       '\\x00ff'::bytea::text AS bytes, interval '1 day 2 hours'::text AS span, current_setting('application_name') AS who`,
  );
  assert.deepEqual(rows[0], {
    at: '2026-11-21 12:00:00+00',
    sum: '0.30000000000000004',
    bytes: '\\x00ff',
    span: '1 day 02:00:00',
    who: 'tidings main',
  });
  await session.end();
});

test('nothing in a url goes before what a session needs, and the rest of it holds', async () => {
  await using database = await freshDatabase();
  const url = change(database.url, (to) => {
    for (const name of [
      'statement_timeout',
      'lock_timeout',
      'idle_in_transaction_session_timeout',
    ]) {
      to.searchParams.set(name, '12345');
    }
    to.searchParams.set('query_timeout', '1');
    to.searchParams.set('options', '-c timezone=Asia/Tokyo -c work_mem=5MB');
  });
  const session = await connect({ source: 'main', url });
  const { rows } = await session.query<{ setting: string }>(
    `SELECT setting, pg_sleep(0.05) FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout',
       'idle_in_transaction_session_timeout', 'TimeZone', 'work_mem') ORDER BY lower(name)`,
  );
  assert.deepEqual(
    rows.map(({ setting }) => setting),
    ['0', '0', '0', 'UTC', '5120'],
  );
  await session.end();
});

test('a session connects again after its connection was cut', async () => {
  await using database = await freshDatabase();
  await using session = new SqlSession({ source: 'main', url: database.url });
  const { signal } = new AbortController();
  const pid = async (): Promise<number> =>
    (await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid', signal))[0]?.pid ?? 0;
  const first = await pid();
  const waiting = session.query('SELECT pg_sleep(30)', signal);
  const cut = database.client.query('SELECT pg_terminate_backend($1)', [first]);
  await assert.rejects(waiting, (error) => isTidingsError(error, 'SOURCE_DISCONNECTED'));
  await cut;
  assert.notEqual(await pid(), first);
});

test('an abort ends a query that runs, and the next one works', async () => {
  await using database = await freshDatabase();
  await using session = new SqlSession({ source: 'main', url: database.url });
  const abort = new AbortController();
  const waiting = session.query('SELECT pg_sleep(30)', abort.signal);
  setImmediate(() => abort.abort(new Error('stop')));
  await assert.rejects(waiting, /stop/);
  const rows = await session.query<{ one: number }>(
    'SELECT 1 AS one',
    new AbortController().signal,
  );
  assert.deepEqual(rows, [{ one: 1 }]);
});

test('which hosts are behind a network', () => {
  const remote = (host: string): boolean => isRemote(`postgresql://u@${host}/d`);
  assert.deepEqual(['localhost', '127.0.0.1:5432', '[::1]', '10.0.0.1', 'db.example'].map(remote), [
    false,
    false,
    false,
    true,
    true,
  ]);
  assert.equal(isRemote('postgresql:///d?host=/run/postgresql'), false);
});
