/** Databases whose texts may have no UTF-8: refused where they would be the rule, left out where a log is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TidingsError } from '../../../errors/tidings-error.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { until } from '../../../../test/support/until.ts';
import { connect } from './connect.ts';
import { PostgresSource } from '../postgres-source.ts';

const { signal } = new AbortController();

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
  test(`a log of such a database goes on, and leaves out texts without characters, on PostgreSQL ${major}`, async () => {
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
    await writer.query(`INSERT INTO t VALUES ('grün', '€')`);
    await writer.query(`INSERT INTO "later" VALUES (1); INSERT INTO t VALUES ('bad', E'a\\xfe')`);
    await writer.query(`INSERT INTO t VALUES (E'\\xe4', 'Grüße')`);
    await writer.query(`SELECT pg_logical_emit_message(true, E'\\xfe', 'of another program')`);
    await writer.query(`INSERT INTO t VALUES ('ä', E'\\xed\\xa0\\x80')`);
    await writer.query(`CREATE TABLE odd (id int PRIMARY KEY, "cü" text)`);
    await writer.query(`INSERT INTO odd VALUES (1, 'ü')`);

    const warnings: TidingsError[] = [];
    await using source = openSource(database, warnings);
    await source.setUp(signal, { slot: 'expect' });
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['SOURCE_ENCODING_RISK'],
    );
    const check = (await source.check(signal)).find((result) => result.name === 'encoding');
    assert.equal(check?.status, 'warning');
    const receiver = new RecordingReceiver();
    const abort = new AbortController();
    const end = source.stream({ from: null, receiver, signal: abort.signal });
    await until(() => receiver.changes.length >= 6);
    abort.abort();
    await end;
    assert.deepEqual(
      receiver.changes.map(({ key, after }) => [key, ...(after ?? [])]),
      [
        ['grün', 'grün', '€'],
        ['1', '1'],
        ['bad', 'bad', undefined],
        [null, undefined, 'Grüße'],
        ['ä', 'ä', undefined],
        ['1', '1', 'ü'],
      ],
    );
    assert.equal(receiver.streams, 1, 'from the beginning as bytes');
    assert.deepEqual(
      warnings
        .slice(1)
        .map(({ code, message }) => `${code} ${/column (\S+)/.exec(message)?.[1] ?? ''}`),
      ['SOURCE_VALUE_UNREADABLE v', 'SOURCE_VALUE_UNREADABLE id'],
    );
  });
}

test('an encoding that nothing converts is refused when it is met, and not tried again for ever', async (t) => {
  await using host = await freshDatabase();
  const { rowCount } = await host.client.query(
    `SELECT WHERE pg_char_to_encoding('MULE_INTERNAL') >= 0`,
  );
  if (rowCount === 0) return t.skip('PostgreSQL 19 has MULE_INTERNAL no more');
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
