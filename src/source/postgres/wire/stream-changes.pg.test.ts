import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSlot, openStream } from '../../../../test/support/captured-stream.ts';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { startTlsServer } from '../../../../test/support/tls-server.ts';
import { until } from '../../../../test/support/until.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';

describe('transactions', () => {
  test('carry what the application attached', async () => {
    await using database = await freshDatabase();
    await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
    await createSlot(database);
    await using stream = await openStream(database);
    const emit = (text: string): Promise<unknown> =>
      database.client.query(`SELECT pg_logical_emit_message(true, 'tidings', $1)`, [text]);
    await database.client.query('BEGIN');
    await emit('{"actor": "ann", "request": 9007199254740993}');
    await database.client.query('INSERT INTO t VALUES (1)');
    await database.client.query('SAVEPOINT s');
    await emit('{"actor": "nobody"}');
    await database.client.query('ROLLBACK TO s');
    await emit('{"reason": "audit"}');
    await database.client.query('COMMIT');
    await database.client.query('INSERT INTO t VALUES (2)');
    await database.client.query(`SELECT pg_logical_emit_message(false, 'tidings', '{"a": 1}')`);
    await stream.caughtUp();
    const withChanges = stream.receiver.transactions.filter(({ changes }) => changes.length > 0);
    assert.deepEqual(
      withChanges.map(({ context }) => context),
      ['{"actor":"ann","request":9007199254740993,"reason":"audit"}', null],
    );
  });

  test('have the server’s id, time and positions', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await createSlot(database);
    await using stream = await openStream(database);
    await database.client.query('INSERT INTO t VALUES (1)');
    const { rows } = await database.client.query<{ xid: string; micros: string; now: string }>(
      `SELECT xmin::text AS xid, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint AS micros
       FROM t`,
    );
    await stream.caughtUp();
    const [transaction] = stream.receiver.transactions;
    assert.ok(transaction !== undefined);
    assert.equal(transaction.id, rows[0]?.xid);
    const age = Number(rows[0]?.micros) - transaction.committedAt;
    assert.ok(age >= 0 && age < 60_000_000, `${age} µs`);
    assert.ok(transaction.position < transaction.reached);
  });

  test('that are in the log already are neither repeated nor lost', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await createSlot(database);
    for (const id of [1, 2, 3]) await database.client.query(`INSERT INTO t VALUES (${id})`);
    let from = '';
    {
      await using stream = await openStream(database);
      await stream.caughtUp();
      from = stream.receiver.transactions[1]?.reached ?? '';
    }
    {
      await using stream = await openStream(database, { from });
      await stream.caughtUp();
      assert.deepEqual(
        stream.receiver.changes.map(({ key }) => key),
        ['3'],
      );
    }
    await using stream = await openStream(database);
    stream.receiver.wants = (position) => position >= from;
    await stream.caughtUp();
    assert.deepEqual(
      stream.receiver.changes.map(({ key }) => key),
      ['3'],
    );
  });

  test('of 300,000 rows take no more memory than small ones', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY, a text)`);
    await createSlot(database);
    await database.client.query(
      `INSERT INTO t SELECT g, repeat('x', 300) FROM generate_series(1, 300000) g`,
    );
    await using stream = await openStream(database);
    let count = 0;
    let last = 0;
    let most = 0;
    // Instead of keeping them: what is measured is the stream's memory.
    stream.receiver.change = (change) => {
      count += 1;
      assert.equal(Number(change.key), ++last);
      if (count % 10_000 === 0) {
        const { external, heapUsed } = process.memoryUsage();
        most = Math.max(most, external + heapUsed);
      }
    };
    const { external, heapUsed } = process.memoryUsage();
    await stream.caughtUp();
    assert.equal(count, 300_000);
    const grown = Math.round((most - external - heapUsed) / 2 ** 20);
    assert.ok(grown < 100, `${grown} MiB for 100 MiB of rows`);
  });
});

describe('connections', () => {
  test('an idle database moves on: what other databases write is passed', async () => {
    await using database = await freshDatabase();
    await using other = await freshDatabase();
    await createSlot(database);
    await using stream = await openStream(database);
    await stream.caughtUp();
    const before = stream.receiver.reached;
    await other.client.query('CREATE TABLE noise AS SELECT generate_series(1, 1000)');
    await until(() => stream.receiver.reached > before);
    assert.deepEqual(stream.receiver.changes, []);
    assert.ok(stream.receiver.idles.length > 0);
  });

  test('the slot moves to what was acknowledged and no further', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await createSlot(database);
    let acknowledged: string | null = null;
    await using stream = await openStream(database, { acknowledged: () => acknowledged });
    const { confirmed } = await stream.slotState();
    for (const id of [1, 2, 3]) await database.client.query(`INSERT INTO t VALUES (${id})`);
    await stream.caughtUp();
    assert.equal((await stream.slotState()).confirmed, confirmed);
    const first = stream.receiver.transactions[0]?.reached ?? '';
    acknowledged = first;
    await until(async () => (await stream.slotState()).confirmed !== confirmed);
    assert.equal((await stream.slotState()).confirmed, first);
    stream.abort.abort();
    await stream.end;
    assert.equal((await stream.slotState()).confirmed, first);
  });

  test('what was acknowledged last is told when the stream is aborted', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await createSlot(database);
    let acknowledged: string | null = null;
    await using stream = await openStream(database, { acknowledged: () => acknowledged });
    await database.client.query(`INSERT INTO t VALUES (1)`);
    await stream.caughtUp();
    acknowledged = stream.receiver.reached;
    stream.abort.abort();
    assert.equal(await stream.end, null);
    await until(async () => (await stream.slotState()).active_pid === null);
    assert.equal((await stream.slotState()).confirmed, acknowledged);
  });

  test('the server keeps a stream whose receiver takes longer than its timeout', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY);
      ALTER DATABASE ${database.name} SET wal_sender_timeout = '400ms'`);
    await createSlot(database);
    await using stream = await openStream(database);
    const gate = Promise.withResolvers<void>();
    stream.receiver.onBurst = () =>
      stream.receiver.transactions.length > 0 ? gate.promise : undefined;
    await database.client.query(`INSERT INTO t VALUES (1)`);
    await until(() => stream.receiver.transactions.length === 1);
    await database.client.query(`INSERT INTO t VALUES (2); SELECT pg_sleep(2)`);
    gate.resolve();
    await stream.caughtUp();
    assert.equal(stream.receiver.transactions.length, 2);
  });

  test('a connection that is cut within a transaction: retryable, and it comes again whole', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await createSlot(database);
    await database.client.query(`INSERT INTO t SELECT generate_series(1, 100000)`);
    {
      await using stream = await openStream(database);
      const gate = Promise.withResolvers<void>();
      stream.receiver.onBurst = () => (stream.receiver.open ? gate.promise : undefined);
      await until(() => stream.receiver.open);
      await database.client.query(`SELECT pg_terminate_backend(active_pid)
        FROM pg_replication_slots WHERE slot_name = '${stream.slot}'`);
      stream.receiver.onBurst = () => undefined;
      gate.resolve();
      const error = await stream.end;
      assert.ok(isTidingsError(error, 'SOURCE_DISCONNECTED'), String(error));
      assert.ok(error.retryable);
      assert.deepEqual([stream.receiver.abandoned, stream.receiver.transactions.length], [1, 0]);
    }
    await using stream = await openStream(database);
    await stream.caughtUp();
    assert.equal(stream.receiver.changes.length, 100_000);
  });

  test('aborting in the middle of a large transaction frees the slot at once', async () => {
    await using database = await freshDatabase();
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY)`);
    await createSlot(database);
    await database.client.query(`INSERT INTO t SELECT generate_series(1, 100000)`);
    await using stream = await openStream(database);
    await until(() => stream.receiver.open);
    stream.abort.abort();
    assert.equal(await stream.end, null);
    assert.equal(stream.receiver.abandoned, 1);
    await until(async () => (await stream.slotState()).active_pid === null);
  });
});

test('TLS: the same changes, whatever records they come in', async () => {
  await using server = await startTlsServer();
  await using database = await freshDatabase(server.url);
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY, a text)');
  await createSlot(database);
  await database.client.query(
    `INSERT INTO t SELECT g, repeat('x', g % 3000) FROM generate_series(1, 20000) g`,
  );
  await database.client.query(`INSERT INTO t VALUES (20001, repeat('y', 1000000))`);
  await using stream = await openStream(database);
  await stream.caughtUp();
  const { changes } = stream.receiver;
  assert.equal(changes.length, 20_001);
  assert.ok(changes.every(({ key }, index) => key === String(index + 1)));
  assert.ok(
    changes.slice(0, -1).every(({ after }, index) => after?.[1]?.length === (index + 1) % 3000),
  );
  const { rows } = await database.client.query<{ ssl: boolean }>(
    `SELECT s.ssl FROM pg_stat_ssl s JOIN pg_replication_slots r ON r.active_pid = s.pid`,
  );
  assert.deepEqual(rows, [{ ssl: true }]);
});
