/** Values whose bytes stand for no character of the database: left out, and nothing else is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import type { TidingsError } from '../../../errors/tidings-error.ts';
import { freshDatabase, type Major, type TestDatabase } from '../../../../test/support/postgres.ts';
import {
  RecordingReceiver,
  type RecordedChange,
} from '../../../../test/support/recording-receiver.ts';
import { until } from '../../../../test/support/until.ts';
import { positionToLsn } from './position.ts';
import { PostgresSource } from '../postgres-source.ts';

/** A source that streams, and all that came of it. */
class Streamed implements AsyncDisposable {
  readonly receiver = new RecordingReceiver();
  readonly warnings: TidingsError[] = [];
  readonly source: PostgresSource;
  readonly #abort = new AbortController();
  unreadable = 0;
  #end: Promise<unknown> = Promise.resolve(null);
  #failure: unknown = null;

  constructor({ url }: TestDatabase) {
    this.receiver.keepsEmpty = false;
    this.source = new PostgresSource({
      name: 'main',
      url,
      tables: ['public.*', '!public.excluded'],
      onWarning: (warning) => this.warnings.push(warning),
      onUnreadable: () => (this.unreadable += 1),
    });
  }

  async start(slot: 'create' | 'expect', from: string | null = null): Promise<this> {
    const { signal } = this.#abort;
    await this.source.setUp(signal, { slot });
    this.#end = this.source
      .stream({ from, receiver: this.receiver, signal })
      .catch((error: unknown) => {
        this.#failure = error;
      });
    return this;
  }

  /** All changes, once there are so many. */
  async changes(count: number): Promise<readonly RecordedChange[]> {
    await until(() => {
      if (this.#failure !== null) throw this.#failure;
      return this.receiver.changes.length >= count;
    });
    assert.equal(this.receiver.changes.length, count);
    return this.receiver.changes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#end;
    await this.source[Symbol.asyncDispose]();
  }
}

/** A connection that says bytes of the database's encoding. */
async function bytesOf(database: TestDatabase, encoding = 'WIN1252'): Promise<pg.Client> {
  const client = await database.connect();
  await client.query(`SET client_encoding = '${encoding}'`);
  return client;
}

const codes = (warnings: readonly TidingsError[]): readonly string[] =>
  warnings.map(({ code, message }) =>
    `${code} ${/column (\S+ of \S+)/.exec(message)?.[1] ?? ''}`.trim(),
  );

const TABLES = `CREATE TABLE t (id text PRIMARY KEY, v text, w text);
  CREATE TABLE f (id int PRIMARY KEY, v text, w text); ALTER TABLE f REPLICA IDENTITY FULL;
  CREATE TABLE excluded (id int PRIMARY KEY, v text);`;

const plain = ({ operation, key, previousKey, before, after }: RecordedChange): object => ({
  operation,
  key,
  ...(previousKey === null ? {} : { previousKey }),
  ...(before === null ? {} : { before: [before.kind, ...before.cells] }),
  ...(after === null ? {} : { after }),
});

for (const major of [18, 14] satisfies Major[]) {
  test(`a value without characters is left out and all others arrive, on PostgreSQL ${major}`, async () => {
    await using database = await freshDatabase(major, 'WIN1252');
    const { client } = database;
    await client.query(TABLES);
    await using streamed = await new Streamed(database).start('create');
    const bytes = await bytesOf(database);
    await bytes.query(`INSERT INTO excluded VALUES (1, E'\\x81')`);
    await client.query(`INSERT INTO t VALUES ('€', 'Grüße', 'good')`);
    await bytes.query(`BEGIN; INSERT INTO f VALUES (1, E'\\xe4', 'first');
      INSERT INTO f VALUES (2, E'\\x81', E'\\x80'); UPDATE f SET w = 'w' WHERE id = 2;
      UPDATE f SET v = E'\\x8d' WHERE id = 1; UPDATE f SET v = 'good' WHERE id = 1;
      DELETE FROM f WHERE id = 2; COMMIT`);
    await bytes.query(`INSERT INTO t VALUES (E'k\\x81', E'\\xfc', NULL);
      UPDATE t SET v = 'x' WHERE id = E'k\\x81'; UPDATE t SET id = 'k' WHERE id = E'k\\x81';
      UPDATE t SET id = E'k\\x90' WHERE id = 'k'; DELETE FROM t WHERE id = E'k\\x90'`);
    await client.query(`INSERT INTO f VALUES (3, 'naïve €', NULL)`);

    const changes = await streamed.changes(13);
    const u = undefined;
    assert.deepEqual(changes.map(plain), [
      { operation: 'insert', key: '€', after: ['€', 'Grüße', 'good'] },
      { operation: 'insert', key: '1', after: ['1', 'ä', 'first'] },
      { operation: 'insert', key: '2', after: ['2', u, '€'] },
      { operation: 'update', key: '2', before: ['key', '2', u, '€'], after: ['2', u, 'w'] },
      // Its old row is known, and not marked as whole: the new one would be filled from it.
      {
        operation: 'update',
        key: '1',
        before: ['key', '1', 'ä', 'first'],
        after: ['1', u, 'first'],
      },
      {
        operation: 'update',
        key: '1',
        before: ['key', '1', u, 'first'],
        after: ['1', 'good', 'first'],
      },
      { operation: 'delete', key: '2', before: ['key', '2', u, 'w'] },
      { operation: 'insert', key: null, after: [u, 'ü', null] },
      { operation: 'update', key: null, after: [u, 'x', null] },
      { operation: 'update', key: 'k', before: ['key', u, null, null], after: ['k', 'x', null] },
      {
        operation: 'update',
        key: null,
        previousKey: 'k',
        before: ['key', 'k', null, null],
        after: [u, 'x', null],
      },
      { operation: 'delete', key: null, before: ['key', u, null, null] },
      { operation: 'insert', key: '3', after: ['3', 'naïve €', null] },
    ]);
    assert.equal(streamed.receiver.streams, 2, 'one more connection for all of it');
    assert.deepEqual(codes(streamed.warnings), [
      'SOURCE_VALUE_UNREADABLE v of public.f',
      'SOURCE_VALUE_UNREADABLE id of public.t',
    ]);
  });
}

test('a name or a prefix without characters stops nothing', async () => {
  await using database = await freshDatabase(18, 'WIN1252');
  const { client } = database;
  await client.query(TABLES);
  await using streamed = await new Streamed(database).start('create');
  const bytes = await bytesOf(database);
  await bytes.query(`SELECT pg_logical_emit_message(true, E'\\x81', 'of another program')`);
  await bytes.query(`INSERT INTO t VALUES ('a', E'\\x80')`);
  const run = (sql: string): Promise<unknown> =>
    client.query(`DO $$ BEGIN EXECUTE '${sql.replaceAll('~', `' || chr(129) || '`)}'; END $$`);
  await run(`CREATE TABLE odd (id int PRIMARY KEY, "c~" text, "é" text)`);
  await run(`CREATE TABLE "o~" (id int PRIMARY KEY, v text)`);
  await run(`CREATE TYPE "e~" AS ENUM (''one'', ''t~'')`);
  await run(`CREATE TABLE typed (id int PRIMARY KEY, v "e~")`);
  await run(`CREATE SCHEMA "s~"`);
  await bytes.query(`INSERT INTO odd VALUES (1, E'\\xe9', E'\\x81')`);
  await run(`INSERT INTO "o~" VALUES (1, ''passed over'')`);
  await run(`INSERT INTO typed VALUES (1, ''one''), (2, ''t~'')`);
  await client.query(`INSERT INTO t VALUES ('b', 'Grüße')`);
  await client.query(`CREATE TABLE after (id int PRIMARY KEY)`);
  await client.query(`INSERT INTO after VALUES (7)`);

  const changes = await streamed.changes(6);
  assert.deepEqual(
    changes.map(({ table, key, after }) => [
      table.name,
      key,
      table.columns.map(({ name }) => name),
      after,
    ]),
    [
      ['t', 'a', ['id', 'v', 'w'], ['a', '€', null]],
      ['odd', '1', ['id', 'c\\x81', 'é'], ['1', 'é', undefined]],
      ['typed', '1', ['id', 'v'], ['1', 'one']],
      ['typed', '2', ['id', 'v'], ['2', undefined]],
      ['t', 'b', ['id', 'v', 'w'], ['b', 'Grüße', null]],
      ['after', '7', ['id'], ['7']],
    ],
  );
  // A start with such a table.
  const { signal } = new AbortController();
  await using again = new Streamed(database);
  await again.source.setUp(signal, { slot: 'expect' });
  const left = (await again.source.check(signal)).filter(({ name }) => name === 'left out');
  assert.deepEqual(left, [
    {
      name: 'left out',
      status: 'warning',
      message:
        "Not captured, because their names have bytes that stand for no character of the database's encoding: public.o\\x81.",
    },
  ]);
});

test('a partition whose name has no meaning is one of its table', async () => {
  await using database = await freshDatabase(18, 'WIN1252');
  const { client } = database;
  await client.query(`CREATE TABLE r (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)`);
  await using streamed = await new Streamed(database).start('create');
  await client.query(`DO $$ BEGIN EXECUTE format('CREATE TABLE %I PARTITION OF r FOR VALUES FROM (0) TO (10)',
    convert_from('\\x6f81', 'WIN1252')); END $$`);
  await client.query(`INSERT INTO r VALUES (1, 'a')`);
  const changes = await streamed.changes(1);
  assert.deepEqual(
    changes.map(({ table, key }) => [table.name, table.origin?.partition?.name, key]),
    [['r', 'o\\x81', '1']],
  );
});

test('thousands of such transactions take one more connection, and a restart one more again', async () => {
  await using database = await freshDatabase(18, 'WIN1252');
  const { client } = database;
  await client.query(TABLES);
  const bytes = await bytesOf(database);
  let reached: string;
  {
    await using streamed = await new Streamed(database).start('create');
    await bytes.query(`DO $$ BEGIN FOR i IN 1..2000 LOOP
      INSERT INTO f VALUES (i, CASE i % 2 WHEN 0 THEN E'\\x81' ELSE E'\\xfc' END); COMMIT; END LOOP; END $$`);
    const changes = await streamed.changes(2000);
    assert.equal(streamed.receiver.transactions.length, 2000);
    assert.ok(
      changes.every(({ after }, index) => after?.[1] === (index % 2 === 0 ? 'ü' : undefined)),
    );
    assert.equal(streamed.receiver.streams, 2);
    assert.equal(streamed.unreadable, 1000);
    assert.equal(streamed.warnings.length, 1);
    reached = streamed.receiver.reached;
    streamed.source.acknowledge(reached);
    const moved = `SELECT confirmed_flush_lsn >= $1::pg_lsn AS moved FROM pg_replication_slots
      WHERE database = current_database()`;
    await until(async () => {
      const { rows } = await client.query<{ moved: boolean }>(moved, [positionToLsn(reached)]);
      return rows[0]?.moved === true;
    });
  }
  await client.query(`INSERT INTO f VALUES (3000, 'ö')`);
  await bytes.query(`INSERT INTO f VALUES (3001, E'\\x81', E'\\xdf'), (3002, E'\\xdf', NULL)`);
  await using streamed = await new Streamed(database).start('expect', reached);
  const changes = await streamed.changes(3);
  assert.deepEqual(
    changes.map(({ after }) => after),
    [
      ['3000', 'ö', null],
      ['3001', undefined, 'ß'],
      ['3002', 'ß', null],
    ],
  );
  assert.equal(streamed.receiver.streams, 2);
});

test('characters of several bytes are what the server takes them for', async () => {
  await using database = await freshDatabase(18, 'EUC_JP');
  const { client } = database;
  await client.query(TABLES);
  await using streamed = await new Streamed(database).start('create');
  const text = '～ 漢字 ｶﾅ －';
  await client.query(`INSERT INTO t VALUES ('${text}', '丂')`);
  const bytes = await bytesOf(database, 'EUC_JP');
  // Two bytes that EUC_JP could have and no table fills.
  await bytes.query(`BEGIN; INSERT INTO t VALUES ('bad', E'\\xa9\\xa1'); COMMIT`);
  await client.query(`INSERT INTO t VALUES ('2 ${text}', '丂')`);
  const changes = await streamed.changes(3);
  assert.deepEqual(
    changes.map(({ after }) => after),
    [
      [text, '丂', null],
      ['bad', undefined, null],
      [`2 ${text}`, '丂', null],
    ],
  );
  assert.equal(streamed.receiver.streams, 2);
});
