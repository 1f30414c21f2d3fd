import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTablePatterns } from '../../../change/table-pattern.ts';
import type { TidingsError } from '../../../errors/tidings-error.ts';
import { captured, type Captured, type Kind } from '../../../../test/support/captured-relations.ts';
import { PostgresSource } from '../postgres-source.ts';
import { lsnToPosition } from '../wire/position.ts';
import { Setup } from './setup.ts';
import { SqlSession } from '../connection/sql-session.ts';

const { signal } = new AbortController();

const TABLES = `CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int);
  CREATE TABLE n (v int); CREATE TABLE p (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);`;

interface Altered {
  readonly what: string;
  readonly sql: string;
  /** What the log has to say of it. */
  readonly said: string;
}

const ALTERATIONS: readonly Altered[] = [
  {
    what: 'a table taken out',
    sql: 'ALTER PUBLICATION tidings_main DROP TABLE a',
    said: 'public.a not published',
  },
  {
    what: 'a row filter',
    sql: `ALTER PUBLICATION tidings_main DROP TABLE a;
      ALTER PUBLICATION tidings_main ADD TABLE a WHERE (id > 1000)`,
    said: 'public.a published with a row filter',
  },
  {
    what: 'a list of columns',
    sql: `ALTER PUBLICATION tidings_main DROP TABLE a, b;
      ALTER PUBLICATION tidings_main ADD TABLE a (id), b (id)`,
    said: 'public.a, public.b published with a list of columns',
  },
  {
    what: 'fewer operations',
    sql: `ALTER PUBLICATION tidings_main SET (publish = 'insert, truncate')`,
    said: 'publication tidings_main without update, delete',
  },
  {
    what: 'partitions as their root',
    sql: `ALTER PUBLICATION tidings_main SET (publish_via_partition_root = true)`,
    said: 'publication tidings_main without partitions as themselves',
  },
  {
    what: 'a table without a key taken out',
    sql: 'ALTER PUBLICATION tidings_main_insert_only DROP TABLE n',
    said: 'public.n not published',
  },
  {
    what: 'a partitioned table taken out',
    sql: 'ALTER PUBLICATION tidings_main DROP TABLE p',
    said: 'public.p not published',
  },
  {
    what: 'a table moved to the publication for inserts',
    sql: `ALTER PUBLICATION tidings_main DROP TABLE a;
      ALTER PUBLICATION tidings_main_insert_only ADD TABLE a`,
    said: 'public.a published for inserts only',
  },
  {
    what: 'a publication that was dropped and made again',
    sql: `DROP PUBLICATION tidings_main;
      CREATE PUBLICATION tidings_main WITH (publish_generated_columns = stored)`,
    said: 'public.a, public.b, public.p not published',
  },
];

/** One change of each kind that each table can have. */
const CHANGES = `INSERT INTO a VALUES (1, 1); UPDATE a SET v = 2; DELETE FROM a;
  INSERT INTO b VALUES (1, 1); UPDATE b SET v = 2; DELETE FROM b; INSERT INTO n VALUES (1);
  INSERT INTO p VALUES (1, 1); UPDATE p SET v = 2; DELETE FROM p`;
const COUNT = 10;

interface Following extends AsyncDisposable {
  readonly setup: Setup;
  readonly warnings: TidingsError[];
}

/** What a running service does besides reading the stream. */
function following({ database }: Captured, url = database.url): Following {
  const session = new SqlSession({ source: 'main', url });
  const warnings: TidingsError[] = [];
  const setup = new Setup({
    source: 'main',
    session,
    patterns: compileTablePatterns(['public.*']),
    onWarning: (warning) => warnings.push(warning),
    onProgress: () => undefined,
  });
  return { setup, warnings, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
}

test('what somebody alters while changes stream is put right, warned of, and a loss', async () => {
  await using at = await captured('announced', TABLES);
  await using running = following(at);
  const { setup, warnings } = running;
  await setup.ensure({ slot: 'expect' }, signal);
  for (const { what, sql, said } of ALTERATIONS) {
    await setup.follow(signal);
    const { rows } = await at.database.client.query<{ lsn: string }>(
      'SELECT pg_current_wal_insert_lsn()::text AS lsn',
    );
    const before = lsnToPosition(rows[0]?.lsn ?? '');
    // Where nothing has changed it is not looked at everything; that counts as well.
    await setup.follow(signal);
    await setup.follow(signal);
    assert.deepEqual(warnings, [], what);
    await at.run(sql, CHANGES);
    const checks = (await at.source.check(signal)).filter(({ name }) => name === 'publications');
    // An upgrade leaves a publication so as well, and then nothing is lost.
    const status = /generated columns|partitions as themselves/.test(said) ? 'warning' : 'failed';
    assert.deepEqual(
      checks.map((check) => [check.status, check.message.includes(said)]),
      [[status, true]],
      what,
    );
    await setup.follow(signal);
    await setup.follow(signal);
    assert.deepEqual(
      warnings.splice(0).map(({ code, details }) => [code, details['what']]),
      [['PUBLICATION_ALTERED', said]],
      what,
    );
    await at.run(CHANGES);
    const { losses, changes } = await at.read();
    assert.deepEqual(
      losses.map(({ reason }) => reason),
      [`somebody altered a publication: ${said}`],
      what,
    );
    const [loss] = losses;
    assert.ok((loss?.from ?? 'Z') < (loss?.to ?? ''), JSON.stringify(loss));
    assert.ok((loss?.from ?? '') >= before, JSON.stringify(loss));
    // What was made after it is whole.
    const whole = changes.slice(-COUNT);
    assert.equal(whole.filter(({ operation }) => operation === 'delete').length, 3, what);
    assert.ok(
      whole.every(({ table, operation, after }) =>
        operation === 'delete' ? after === null : after?.length === table.columns.length,
      ),
      what,
    );
    // These leave all rows in.
    assert.ok(/columns|root/.test(what) || changes.length < 2 * COUNT, what);
  }
});

for (const kind of ['announced', 'asked'] as const satisfies readonly Kind[]) {
  test(`what somebody altered while nobody looked is found at the start (${kind})`, async () => {
    await using at = await captured(kind, TABLES);
    await at.run(CHANGES);
    // Of what the log has; and, from here on, another process.
    const { tables } = await at.read();
    await at.run('ALTER PUBLICATION tidings_main DROP TABLE a', CHANGES);
    const warnings: TidingsError[] = [];
    await using later = new PostgresSource({
      name: 'main',
      url: at.url,
      tables: ['public.*'],
      onWarning: (warning) => warnings.push(warning),
    });
    // A table that is new is not one that was taken out.
    await at.run('CREATE TABLE fresh (id int PRIMARY KEY)');
    await later.setUp(signal, { slot: 'expect', known: tables });
    assert.deepEqual(
      warnings.map(({ code, details }) => [code, details['what'], details['since']]),
      [['PUBLICATION_ALTERED', 'public.a not published', 'an unknown time']],
    );
    const { losses } = await at.read();
    assert.deepEqual(
      losses.map(({ from, reason }) => [from, reason]),
      [[null, 'somebody altered a publication: public.a not published']],
    );
  });
}

test('a whole schema that somebody added is taken out again, and nothing is lost', async () => {
  await using at = await captured('announced', TABLES);
  await using running = following(at);
  const { setup, warnings } = running;
  await setup.ensure({ slot: 'expect' }, signal);
  await setup.follow(signal);
  await at.run(`CREATE SCHEMA "It's"; CREATE TABLE "It's".theirs (id int)`);
  await at.run(`ALTER PUBLICATION tidings_main ADD TABLES IN SCHEMA "It's"`);
  await setup.follow(signal);
  // Their UPDATE would be refused.
  await at.run(`INSERT INTO "It's".theirs VALUES (1)`, `UPDATE "It's".theirs SET id = 2`, CHANGES);
  assert.deepEqual(warnings, []);
  const { losses, changes } = await at.read();
  assert.deepEqual(losses, []);
  assert.equal(changes.length, COUNT);
});

test('a publication that was dropped is an error, also when it was made again later', async () => {
  await using at = await captured('announced', TABLES);
  await using running = following(at);
  const { setup, warnings } = running;
  await setup.ensure({ slot: 'expect' }, signal);
  await setup.follow(signal);
  await at.run('DROP PUBLICATION tidings_main');
  await setup.follow(signal);
  await assert.rejects(setup.ensure({ slot: 'expect' }, signal), { code: 'PUBLICATION_LOST' });
  const failed = (await at.source.check(signal)).filter(({ status }) => status === 'failed');
  assert.match(failed[0]?.fix ?? '', /--accept-gap main/);
  assert.deepEqual(warnings, []);
  await at.run('CREATE PUBLICATION tidings_main WITH (publish_generated_columns = stored)');
  await setup.follow(signal);
  assert.deepEqual(
    warnings.map(({ details }) => details['what']),
    ['public.a, public.b, public.p not published'],
  );
});

test('what an administrator puts right where we may not is a loss too', async () => {
  await using at = await captured('announced', TABLES);
  const { client, name } = at.database;
  const role = `r_${name}`;
  await client.query(`CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'p'`);
  const url = new URL(at.url);
  [url.username, url.password] = [role, 'p'];
  {
    await using running = following(at, url.href);
    const { setup, warnings } = running;
    await setup.ensure({ slot: 'expect' }, signal);
    await setup.follow(signal);
    await at.run('ALTER PUBLICATION tidings_main DROP TABLE a', CHANGES);
    await setup.follow(signal);
    await setup.follow(signal);
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['PUBLICATION_ALTERED', 'TABLES_NOT_FOLLOWED'],
    );
    await at.run('ALTER PUBLICATION tidings_main ADD TABLE a');
    await setup.follow(signal);
    await setup.follow(signal);
  }
  const { losses } = await at.read();
  assert.deepEqual(
    losses.map(({ from, reason }) => [from === null, reason]),
    [
      [true, 'somebody altered a publication: public.a put right again'],
      // With the time since when, which only we know.
      [false, 'somebody altered a publication: public.a not published'],
    ],
  );
  await client.query(`DROP ROLE ${role}`);
});

test('a log that is new has lost nothing', async () => {
  await using at = await captured('announced', TABLES);
  await at.source.tearDown(signal);
  await at.run('CREATE PUBLICATION tidings_main FOR TABLE a WHERE (id > 1), b (id)');
  await using running = following(at);
  await running.setup.ensure({ slot: 'create' }, signal);
  assert.deepEqual(running.warnings, []);
  await at.run(CHANGES);
  const { losses, changes } = await at.read();
  assert.deepEqual(losses, []);
  assert.equal(changes.length, COUNT);
});
