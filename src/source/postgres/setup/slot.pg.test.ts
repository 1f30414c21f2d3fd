import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError, type TidingsError } from '../../../errors/tidings-error.ts';
import {
  freshDatabase,
  startTestServer,
  type TestDatabase,
} from '../../../../test/support/postgres.ts';
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { until } from '../../../../test/support/until.ts';
import { PostgresSource } from '../postgres-source.ts';
import { readFacts } from '../check/server-facts.ts';
import { createSlot, findSlot, type SlotOwner } from './slot.ts';
import { SqlSession } from '../connection/sql-session.ts';

const { signal } = new AbortController();

function open(database: TestDatabase, name = 'main'): PostgresSource {
  return new PostgresSource({ name, url: database.url, tables: ['public.*'] });
}

async function refusal(run: Promise<unknown>): Promise<TidingsError> {
  try {
    await run;
  } catch (error) {
    assert.ok(isTidingsError(error), String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

/** What a stream from this position is refused with. */
function streamRefusal(source: PostgresSource, from: string | null): Promise<TidingsError> {
  return refusal(source.stream({ from, receiver: new RecordingReceiver(), signal }));
}

/** Streams until so many changes came, acknowledges them, and returns where that ended. */
async function capture(
  source: PostgresSource,
  from: string | null,
  changes: number,
): Promise<string> {
  const receiver = new RecordingReceiver();
  const done = new AbortController();
  const streaming = source.stream({ from, receiver, signal: done.signal });
  await until(() => receiver.changes.length >= changes);
  const reached = receiver.transactions.at(-1)?.reached ?? '';
  source.acknowledge(reached);
  done.abort();
  await streaming;
  return reached;
}

async function slotName(database: TestDatabase): Promise<string> {
  const { rows } = await database.client.query<{ name: string }>(
    'SELECT slot_name AS name FROM pg_replication_slots WHERE database = current_database()',
  );
  assert.equal(rows.length, 1);
  return rows[0]?.name ?? '';
}

/** The server lets go of a slot a moment after our end of the connection is closed. */
function untilFree({ client }: TestDatabase): Promise<void> {
  return until(async () => {
    const { rowCount } = await client.query(
      'SELECT FROM pg_replication_slots WHERE database = current_database() AND active',
    );
    return rowCount === 0;
  });
}

test('a slot that is missing, or moved past the log, is a loss that is said aloud', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE t (id int PRIMARY KEY)');
  await using source = open(database);
  await source.setUp(signal, { slot: 'create' });
  await client.query('INSERT INTO t VALUES (1)');
  const reached = await capture(source, null, 1);
  const name = await slotName(database);

  await client.query('INSERT INTO t VALUES (2)');
  await untilFree(database);
  await client.query(`SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())`, [name]);
  const moved = await streamRefusal(source, reached);
  assert.equal(moved.code, 'SLOT_MOVED');
  assert.equal(moved.details['from'], reached);
  assert.ok(Number(moved.details['bytes']) > 0);
  assert.match(moved.hint, /tidings start --accept-gap main/);

  await untilFree(database);
  await client.query('SELECT pg_drop_replication_slot($1)', [name]);
  await source.setUp(signal, { slot: 'expect' });
  const missing = await streamRefusal(source, reached);
  assert.equal(missing.code, 'SLOT_MISSING');
  assert.match(missing.hint, /tidings start --accept-gap main/);

  const position = await source.restart(signal);
  assert.ok(position > reached);
  await client.query('INSERT INTO t VALUES (3)');
  await capture(source, position, 1);
});

test('a slot that another process reads is in use: nobody takes it away', async () => {
  await using database = await freshDatabase();
  await using source = open(database);
  await source.setUp(signal, { slot: 'create' });
  const receiver = new RecordingReceiver();
  const stop = new AbortController();
  const streaming = source.stream({ from: null, receiver, signal: stop.signal });
  await until(() => receiver.streams === 1);
  await using other = open(database);
  const inUse = await streamRefusal(other, null);
  assert.equal(inUse.code, 'SLOT_IN_USE');
  assert.equal(inUse.retryable, true);
  assert.match(inUse.message, /server process \d+/);
  assert.equal((await refusal(other.restart(signal))).code, 'SLOT_IN_USE');

  assert.equal((await refusal(other.tearDown(signal))).code, 'SLOT_IN_USE');

  stop.abort();
  await streaming;
  assert.match((await other.tearDown(signal))[0] ?? '', /replication slot/);
});

test('sources of the same name in two databases of one server do not meet', async () => {
  await using one = await freshDatabase();
  await using two = await freshDatabase();
  for (const database of [one, two])
    await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  await using first = open(one);
  await using second = open(two);
  await Promise.all([first, second].map((source) => source.setUp(signal, { slot: 'create' })));
  assert.notEqual(await slotName(one), await slotName(two));
  await one.client.query('INSERT INTO t VALUES (1)');
  await two.client.query('INSERT INTO t VALUES (2), (3)');
  await capture(first, null, 1);
  await capture(second, null, 2);
  await first.tearDown(signal);
  assert.match(await slotName(two), /^tidings_main/);
  await second.tearDown(signal);
});

test('a new slot waits for open transactions, and says which one', async () => {
  // A server of its own: the open transaction would hold up the slots of other tests.
  await using server = await startTestServer(18, { max_prepared_transactions: '2' });
  await using database = await freshDatabase(server.url);
  await using session = new SqlSession({ source: 'main', url: database.url });
  const facts = await readFacts(session, signal);
  const owner: SlotOwner = { source: 'main', ...facts };
  const other = await database.connect({ application_name: 'report' });
  await other.query('BEGIN; SELECT pg_current_xact_id()');
  const blocked = await refusal(createSlot(session, owner, signal, 300));
  assert.equal(blocked.code, 'SLOT_BLOCKED');
  assert.equal(blocked.retryable, true);
  assert.match(
    blocked.message,
    /pid \d+ \(user postgres, .*idle in transaction.*pg_current_xact_id/,
  );
  assert.equal(await findSlot(session, owner, signal), null, 'no half-made slot is left');

  await other.query(`PREPARE TRANSACTION 'left over'`);
  const prepared = await refusal(createSlot(session, owner, signal, 300));
  assert.match(prepared.message, /prepared transaction left over of postgres/);
  await other.query(`ROLLBACK PREPARED 'left over'`);
  assert.equal((await createSlot(session, owner, signal)).slot_name, 'tidings_main');
});

test('when the server has no slot left', async () => {
  await using server = await startTestServer(18, { max_replication_slots: '1' });
  await using database = await freshDatabase(server.url);
  await using source = open(database);
  await using other = open(database, 'other');
  await source.setUp(signal, { slot: 'create' });
  const exhausted = await refusal(other.setUp(signal, { slot: 'create' }));
  assert.equal(exhausted.code, 'SLOTS_EXHAUSTED');
  const failed = (await other.check(signal)).filter((check) => check.status === 'failed');
  assert.deepEqual(
    failed.map((check) => check.name),
    ['slot'],
  );
  assert.match(failed[0]?.sql ?? '', /max_replication_slots = 11/);
});

for (const major of [18, 14] as const) {
  test(`PostgreSQL ${major}: a slot that kept too much WAL is given up by the server`, async () => {
    await using server = await startTestServer(major, {
      max_slot_wal_keep_size: '1MB',
      min_wal_size: '32MB',
      max_wal_size: '32MB',
    });
    await using database = await freshDatabase(server.url);
    const { client } = database;
    await client.query('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE filler (x text)');
    await using source = open(database);
    await source.setUp(signal, { slot: 'create' });
    await client.query('INSERT INTO t VALUES (1)');
    const reached = await capture(source, null, 1);
    await until(async () => {
      await client.query(
        `INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 20000)`,
      );
      await client.query('SELECT pg_switch_wal()');
      await client.query('CHECKPOINT');
      return (await source.status(signal)).state === 'lost';
    }, 30_000);
    const lost = await streamRefusal(source, reached);
    assert.equal(lost.code, 'SLOT_INVALIDATED');
    assert.match(lost.hint, /tidings start --accept-gap main/);
    const check = (await source.check(signal)).find(({ name }) => name === 'slot');
    assert.equal(check?.status, 'failed');
    const position = await source.restart(signal);
    await client.query('INSERT INTO t VALUES (2)');
    await capture(source, position, 1);
  });
}

test('an idle captured database does not hold back the WAL that others write', async () => {
  await using server = await startTestServer(18);
  await using idle = await freshDatabase(server.url);
  await using busy = await freshDatabase(server.url);
  await idle.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  await busy.client.query('CREATE TABLE t (id int, filler text)');
  await using source = open(idle);
  await source.setUp(signal, { slot: 'create' });
  const receiver = new RecordingReceiver();
  const idleAt = receiver.idle.bind(receiver);
  // What capture does after it has made the position durable.
  receiver.idle = (reached): void => {
    idleAt(reached);
    source.acknowledge(reached);
  };
  const done = new AbortController();
  const streaming = source.stream({ from: null, receiver, signal: done.signal });
  await until(() => receiver.streams === 1);
  await busy.client.query(
    `INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 40000) g`,
  );
  const { rows } = await busy.client.query<{ lsn: string }>(
    'SELECT pg_current_wal_lsn()::text AS lsn',
  );
  const confirmed = async (): Promise<{ confirmed: boolean; restart: boolean }> => {
    const { rows: slots } = await busy.client.query<{ confirmed: boolean; restart: boolean }>(
      `SELECT confirmed_flush_lsn >= $1 AS confirmed, restart_lsn >= $1 AS restart FROM pg_replication_slots`,
      [rows[0]?.lsn],
    );
    return slots[0] ?? { confirmed: false, restart: false };
  };
  await until(async () => (await confirmed()).confirmed, 30_000, 'the confirmed position');
  // The server moves the restart position at a checkpoint, and by itself every 15 s of activity.
  await busy.client.query('CHECKPOINT');
  await until(async () => (await confirmed()).restart, 60_000, 'the restart position');
  assert.deepEqual(receiver.changes, []);
  done.abort();
  await streaming;
});
