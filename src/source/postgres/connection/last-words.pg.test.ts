/** When the server ends a connection, its reason is what the user is told: never EPIPE, never "terminated". */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { isTidingsError, type TidingsError } from '../../../errors/tidings-error.ts';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { startTlsServer } from '../../../../test/support/tls-server.ts';
import { until } from '../../../../test/support/until.ts';
import { ReplicationConnection } from '../wire/connection-replication.ts';
import { PostgresSnapshot } from '../snapshot/postgres-snapshot.ts';
import { SqlSession } from './sql-session.ts';
import { UndoConnection } from '../undo/undo-connection.ts';

const { signal } = new AbortController();
const KILLED = /terminating connection due to administrator command/;
const COPY = 'COPY pg_temp.rows FROM STDIN';

/**
 * Ends a session while this process looks away, so that the server's last words lie unread in the
 * socket when it is written to next: the moment in which Node.js would throw them away.
 */
function killUnseen({ url }: TestDatabase, pid: number): void {
  const script = `
    import pg from 'pg';
    const client = new pg.Client(${JSON.stringify(url)});
    await client.connect();
    await client.query('SELECT pg_terminate_backend(${pid}, 10000)');
    await client.end();`;
  const killer = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  assert.equal(killer.status, 0, killer.stderr);
}

async function isGone({ client }: TestDatabase, pid: number): Promise<void> {
  const text = 'SELECT FROM pg_stat_activity WHERE pid = $1';
  await until(async () => (await client.query(text, [pid])).rowCount === 0);
}

async function failure(promise: Promise<unknown>): Promise<TidingsError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isTidingsError(error), String(error));
    return error;
  }
  return assert.fail('it went on');
}

async function openUndo(database: TestDatabase): Promise<[UndoConnection, number]> {
  const connection = await UndoConnection.open({ source: 'main', url: database.url }, signal);
  const [row] = await connection.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await connection.run('CREATE TEMPORARY TABLE rows (t text) ON COMMIT DROP');
  return [connection, row?.pid ?? 0];
}

/** Sends rows until it fails. */
async function copyOn(connection: UndoConnection): Promise<void> {
  const rows = Buffer.alloc(512 * 1024, `${'x'.repeat(1023)}\n`);
  for (let count = 0; count < 2_000; count++) await connection.copy(COPY, rows);
  await connection.endCopy();
}

test('an undo that was ended between two statements says why', async () => {
  await using database = await freshDatabase();
  const [connection, pid] = await openUndo(database);
  await using _ = connection;
  await database.client.query('SELECT pg_terminate_backend($1)', [pid]);
  await isGone(database, pid);
  const error = await failure(connection.run('SELECT 1'));
  assert.equal(error.code, 'UNDO_INTERRUPTED');
  assert.match(error.message, KILLED);
});

test('an undo that thought for too long says so', async () => {
  await using database = await freshDatabase();
  const [connection, pid] = await openUndo(database);
  await using _ = connection;
  await connection.run(`SET LOCAL idle_in_transaction_session_timeout = '10ms'`);
  await isGone(database, pid);
  const error = await failure(connection.run('SELECT 1'));
  assert.equal(error.code, 'UNDO_INTERRUPTED');
  assert.match(error.message, /idle-in-transaction timeout/);
});

test('a transaction that took too long says so, also while rows are copied', async () => {
  await using database = await freshDatabase();
  const [connection] = await openUndo(database);
  await using _ = connection;
  await connection.copy(COPY, Buffer.from('first\n'));
  await connection.endCopy();
  await connection.run(`SET LOCAL transaction_timeout = '50ms'`);
  const error = await failure(copyOn(connection));
  assert.equal(error.code, 'UNDO_INTERRUPTED');
  assert.match(error.message, /transaction timeout/);
});

for (const tls of [false, true]) {
  test(`an undo that was ended while rows are copied says why${tls ? ', with TLS' : ''}`, async () => {
    await using server = tls ? await startTlsServer() : null;
    await using database = await freshDatabase(server?.url);
    const [connection, pid] = await openUndo(database);
    await using _ = connection;
    await connection.copy(COPY, Buffer.from('first\n'));
    killUnseen(database, pid);
    const error = await failure(copyOn(connection));
    assert.equal(error.code, 'UNDO_INTERRUPTED');
    assert.match(error.message, KILLED);
  });
}

test('a snapshot that was ended says why', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  for (const end of ['seen', 'unseen']) {
    await using snapshot = await PostgresSnapshot.open(
      { source: 'main', url: database.url },
      signal,
    );
    const { rows } = await database.client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'tidings main' AND datname = current_database()`,
    );
    const pid = rows[0]?.pid ?? 0;
    if (end === 'unseen') killUnseen(database, pid);
    else {
      await database.client.query('SELECT pg_terminate_backend($1)', [pid]);
      await isGone(database, pid);
    }
    const error = await failure(snapshot.describe({ schema: 'public', name: 't' }));
    assert.equal(error.code, 'SOURCE_DISCONNECTED', error.message);
    assert.match(error.message, KILLED);
  }
});

test('a session that was ended unseen says why, and the next statement works', async () => {
  await using database = await freshDatabase();
  await using session = new SqlSession({ source: 'main', url: database.url });
  const ask = () => session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid', signal);
  killUnseen(database, (await ask())[0]?.pid ?? 0);
  const error = await failure(ask());
  assert.equal(error.code, 'SOURCE_DISCONNECTED');
  assert.match(error.message, KILLED);
  assert.equal((await ask()).length, 1);
});

test('a stream that was ended while it was written to says why', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE PUBLICATION p');
  await database.client.query(
    `SELECT pg_create_logical_replication_slot('s_${database.name}', 'pgoutput')`,
  );
  const connection = await ReplicationConnection.open(
    {
      source: 'main',
      url: database.url,
      slot: `s_${database.name}`,
      publications: ['p'],
      from: null,
    },
    signal,
  );
  const heard: Buffer[] = [];
  const ended = Promise.withResolvers<void>();
  connection.start(
    (chunk) => heard.push(Buffer.from(chunk)),
    () => ended.resolve(),
  );
  const text = 'SELECT active_pid AS pid FROM pg_replication_slots WHERE database = $1 AND active';
  let pid = 0;
  await until(async () => {
    const { rows } = await database.client.query<{ pid: number }>(text, [database.name]);
    pid = rows[0]?.pid ?? 0;
    return pid !== 0;
  });
  killUnseen(database, pid);
  // More than one: the first is what the server's side answers with a reset.
  const feedback = Buffer.from(`d\0\0\0\x26r${'\0'.repeat(33)}`, 'latin1');
  for (let count = 0; count < 3; count++) connection.send(feedback);
  await ended.promise;
  assert.match(Buffer.concat(heard).toString('latin1'), KILLED);
});
