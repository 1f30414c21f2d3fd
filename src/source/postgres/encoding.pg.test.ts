/** Databases whose texts may have no UTF-8: refused where they would be the rule, named where one comes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TidingsError } from '../../errors/tidings-error.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { freshDatabase, type TestDatabase } from '../../../test/postgres.ts';
import { RecordingReceiver } from '../../../test/recording-receiver.ts';
import { connect } from './connect.ts';
import { PostgresSource } from './postgres-source.ts';

const { signal } = new AbortController();

/** What a source captured until its stream ended, and how it ended. */
interface Ended {
  readonly receiver: RecordingReceiver;
  readonly error: TidingsError;
}

async function streamToEnd(source: PostgresSource): Promise<Ended> {
  const receiver = new RecordingReceiver();
  try {
    await source.stream({ from: null, receiver, signal });
  } catch (error) {
    assert.ok(isTidingsError(error), String(error));
    return { receiver, error };
  }
  return assert.fail('it went on');
}

function openSource({ url }: TestDatabase, warnings: TidingsError[] = []): PostgresSource {
  const tables = ['public.*', '!public.excluded'];
  return new PostgresSource({
    name: 'main',
    url,
    tables,
    onWarning: (warning) => warnings.push(warning),
  });
}

async function refusal(promise: Promise<unknown>): Promise<TidingsError> {
  try {
    await promise;
  } catch (error) {
    if (isTidingsError(error)) return error;
    throw error;
  }
  return assert.fail('not refused');
}

const TABLES = `CREATE TABLE t (id text PRIMARY KEY, v text); CREATE TABLE excluded (id int PRIMARY KEY, v text);
  CREATE TABLE "later" (id int PRIMARY KEY)`;

test('a database without characters is refused before there is a log, and nothing is made', async () => {
  await using database = await freshDatabase(18, 'SQL_ASCII');
  await database.client.query(TABLES);
  await using source = openSource(database);
  const error = await refusal(source.setUp(signal, { slot: 'create' }));
  assert.equal(error.code, 'SOURCE_ENCODING');
  assert.match(error.message, new RegExp(`${database.name} has the encoding SQL_ASCII`));
  assert.match(error.hint, /pg_dump --encoding=UTF8 \S+ \| psql/);
  const { rows } = await database.client.query(
    `SELECT pubname FROM pg_publication UNION ALL SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`,
  );
  assert.deepEqual(rows, []);
  const check = (await source.check(signal)).find(({ name }) => name === 'encoding');
  assert.equal(check?.status, 'failed');
  assert.match(check.fix ?? '', /createdb --encoding=UTF8/);
});

for (const major of [18, 14] as const) {
  test(`a log of such a database goes on to the first text without characters, on PostgreSQL ${major}`, async () => {
    await using database = await freshDatabase(major, 'UTF8');
    const { client, name } = database;
    await client.query(TABLES);
    {
      await using source = openSource(database);
      await source.setUp(signal, { slot: 'create' });
    }
    // As if the log had been begun before databases were looked at.
    await client.query(`UPDATE pg_database SET encoding = 0 WHERE datname = '${name}'`);
    const writer = await database.connect();
    await writer.query(`INSERT INTO excluded VALUES (1, E'\\xff')`);
    await writer.query(`INSERT INTO t VALUES ('grün', 'good')`);
    await writer.query(`INSERT INTO "later" VALUES (1); INSERT INTO t VALUES ('bad', E'a\\xfe')`);

    const warnings: TidingsError[] = [];
    await using source = openSource(database, warnings);
    await source.setUp(signal, { slot: 'expect' });
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['SOURCE_ENCODING_RISK'],
    );
    const check = (await source.check(signal)).find((result) => result.name === 'encoding');
    assert.equal(check?.status, 'warning');
    const { receiver, error } = await streamToEnd(source);
    assert.deepEqual(
      receiver.changes.map(({ key }) => key),
      ['grün'],
    );
    assert.equal(receiver.abandoned, 1, 'the transaction is not half captured');
    assert.equal(error.code, 'SOURCE_UNREADABLE');
    assert.match(
      error.message,
      /a change of public\.t .*invalid byte sequence for encoding "UTF8": 0xfe/,
    );
    assert.match(error.hint, /--accept-gap main/);
    assert.equal(error.retryable, false);
  });

  test(`a byte that is no character of the encoding is named with its table, on PostgreSQL ${major}`, async () => {
    await using database = await freshDatabase(major, 'WIN1252');
    const { client } = database;
    await client.query(TABLES);
    await using source = openSource(database);
    const check = (await source.check(signal)).find(({ name }) => name === 'encoding');
    assert.deepEqual([check?.status, check?.message.includes('WIN1252')], ['ok', true]);
    await source.setUp(signal, { slot: 'create' });
    await client.query(`INSERT INTO t VALUES ('€ é', 'good')`);
    // What applications attach comes as bytes, whatever they are.
    await client.query(`SELECT pg_logical_emit_message(true, 'tidings', '\\x00ff81'::bytea)`);
    const bytes = await database.connect();
    await bytes.query(`SET client_encoding = 'WIN1252'`);
    await bytes.query(
      `INSERT INTO excluded VALUES (2, E'\\x81'); INSERT INTO t VALUES (E'\\x81', 'bad')`,
    );
    const { receiver, error } = await streamToEnd(source);
    assert.deepEqual(
      receiver.changes.map(({ key }) => key),
      ['€ é'],
    );
    assert.equal(error.code, 'SOURCE_UNREADABLE');
    assert.match(
      error.message,
      /a change of public\.t .*0x81 in encoding "WIN1252" has no equivalent/,
    );
  });
}

test('a message of anybody and a name that have no UTF-8 end the stream with what is known', async () => {
  await using database = await freshDatabase(18, 'WIN1252');
  await database.client.query(TABLES);
  await using source = openSource(database);
  await source.setUp(signal, { slot: 'create' });
  const bytes = await database.connect();
  await bytes.query(`SET client_encoding = 'WIN1252'`);
  await bytes.query(`SELECT pg_logical_emit_message(true, E'\\x81', 'of another program')`);
  const { error } = await streamToEnd(source);
  assert.equal(error.code, 'SOURCE_UNREADABLE');
  assert.match(error.message, /has no equivalent/);
  // The way on that it names works, up to the next one.
  await source.restart(signal);
  await bytes.query(
    `DO $$ BEGIN EXECUTE 'CREATE TABLE odd (id int PRIMARY KEY, "' || chr(129) || '" text)'; END $$`,
  );
  await source.setUp(signal, { slot: 'expect' });
  await bytes.query(`INSERT INTO odd VALUES (1)`);
  const again = await streamToEnd(source);
  assert.equal(again.error.code, 'SOURCE_UNREADABLE');
  assert.match(again.error.message, /a change of public\.odd /);
});

test('an encoding that nothing converts is refused when it is met, and not tried again for ever', async () => {
  await using host = await freshDatabase();
  const name = `mule_${host.name}`;
  await host.client.query(
    `CREATE DATABASE ${name} ENCODING 'MULE_INTERNAL' TEMPLATE template0 LOCALE 'C'`,
  );
  const url = new URL(host.url);
  url.pathname = `/${name}`;
  const error = await refusal(connect({ source: 'main', url: url.href }));
  assert.equal(error.code, 'SOURCE_ENCODING');
  assert.match(error.message, /MULE_INTERNAL/);
  assert.equal(error.retryable, false);
  await host.client.query(`DROP DATABASE ${name}`);
});
