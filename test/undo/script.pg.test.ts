/** The undo as SQL: run by hand it does the same, and it refuses what the undo would refuse. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tidings } from '../support/tidings-process.ts';
import { create, state } from './comes-back.ts';
import { type UndoFixture, undoFixture } from './fixture.ts';

const TABLES = `
  CREATE TABLE parents (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "odd %name" text UNIQUE, j json);
  CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE, t timestamptz);
  CREATE TABLE bag (a int, b float8);
  ALTER TABLE parents REPLICA IDENTITY FULL; ALTER TABLE children REPLICA IDENTITY FULL;
  ALTER TABLE bag REPLICA IDENTITY FULL;
  INSERT INTO parents ("odd %name", j) SELECT E'it''s \\\\ \\n' || g, '{"a": 1}' FROM generate_series(1, 20) g;
  INSERT INTO children SELECT g, g, '2026-11-21 12:00:00.123456+02' FROM generate_series(1, 20) g;
  INSERT INTO bag VALUES (1, 'NaN'), (1, 'NaN'), (2, '-0')`;

const ALL = `SELECT 'p', p::text FROM parents p UNION ALL SELECT 'c', c::text FROM children c
  UNION ALL SELECT 'b', b::text FROM bag b ORDER BY 1, 2`;

async function scriptOf(at: UndoFixture, transaction: string): Promise<string> {
  const plan = await at.plan({ transaction });
  let script = '';
  for await (const piece of at.undo.undoScript(plan, { actor: 'ann' }, at.signal)) script += piece;
  return script;
}

/** As psql with ON_ERROR_STOP would: on a session of its own, with settings of its own. */
async function runScript(at: UndoFixture, script: string): Promise<void> {
  const client = await at.database.connect();
  await client.query(`SET DateStyle = 'German'; SET TimeZone = 'Asia/Kolkata'`);
  try {
    await client.query(script);
  } finally {
    await client.end();
  }
}

test('the script does what the undo does, and refuses what it refuses', async () => {
  await using at = await undoFixture(TABLES);
  const before = await at.rows(ALL);
  const transaction = await at.change(`
    DELETE FROM parents WHERE id < 10; UPDATE parents SET "odd %name" = NULL WHERE id = 10;
    UPDATE parents SET "odd %name" = 'moved' WHERE id IN (11); UPDATE children SET t = now() WHERE id = 12;
    INSERT INTO children VALUES (99, 12, NULL); DELETE FROM bag WHERE a = 1; UPDATE bag SET b = 7 WHERE a = 2`);
  const changed = await at.rows(ALL);
  const script = await scriptOf(at, transaction);
  assert.match(script, /^-- Undo of transaction \d+\n/);
  assert.doesNotMatch(script, /^\\/m, 'nothing that only psql knows');

  await at.database.client.query('UPDATE children SET t = now() WHERE id = 99');
  await assert.rejects(runScript(at, script), /public\.children \{99\} was changed later/);
  await at.database.client.query('DELETE FROM children WHERE id = 99');
  await assert.rejects(runScript(at, script), /public\.children \{99\} was changed later/);
  await at.database.client.query('INSERT INTO children VALUES (99, 12, NULL), (3, NULL, NULL)');
  await assert.rejects(runScript(at, script), /public\.children \{3\} is there again/);
  await at.database.client.query('DELETE FROM children WHERE id = 3');
  assert.deepEqual(await at.rows(ALL), changed, 'nothing was changed');

  await runScript(at, script);
  assert.deepEqual(await at.rows(ALL), before);
  const { rows } = await at.database.client.query(
    `INSERT INTO parents DEFAULT VALUES RETURNING id`,
  );
  assert.deepEqual(rows, [{ id: 21 }]);
});

test('a script does not let a foreign key delete what it does not know', async () => {
  await using at = await undoFixture(TABLES);
  const transaction = await at.change(`INSERT INTO parents ("odd %name") VALUES ('new')`);
  const script = await scriptOf(at, transaction);
  await at.database.client.query('INSERT INTO children VALUES (100, 21, NULL)');
  await assert.rejects(runScript(at, script), /children refers to rows that would go/);
  assert.equal((await at.rows('SELECT * FROM children')).length, 21);
});

test('triggers find their tables while a script runs', async () => {
  await using at = await undoFixture(`
    CREATE TABLE audit (v text); CREATE TABLE t (id int PRIMARY KEY);
    ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1);
    CREATE FUNCTION audit_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO audit VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER auditor AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION audit_it()`);
  const transaction = await at.change('DELETE FROM t');
  await runScript(at, await scriptOf(at, transaction));
  assert.deepEqual(await at.rows('SELECT v FROM audit'), ['(INSERT)']);
});

test('names of tables and columns cannot add statements to a script', async () => {
  await using at = await undoFixture(`
    CREATE TABLE safe (id int PRIMARY KEY);
    CREATE TABLE "a
DROP TABLE safe; --" (id int PRIMARY KEY, "x $undo$; DROP TABLE public.safe; $undo$ %" text);
    ALTER TABLE "a
DROP TABLE safe; --" REPLICA IDENTITY FULL;
    INSERT INTO "a
DROP TABLE safe; --" VALUES (1, '$undo$; DROP TABLE public.safe; --'), (2, NULL)`);
  const table = `"a\nDROP TABLE safe; --"`;
  const transaction = await at.change(
    `DELETE FROM ${table} WHERE id = 1; INSERT INTO ${table} VALUES (3, 'x')`,
  );
  await runScript(at, await scriptOf(at, transaction));
  assert.deepEqual(await at.rows('SELECT * FROM safe'), []);
  assert.deepEqual(await at.rows(`SELECT id FROM ${table} ORDER BY id`), ['(1)', '(2)']);
});

test('the command writes the script for its owner alone, and replaces no file', async () => {
  await using at = await undoFixture(TABLES);
  const transaction = await at.change('DELETE FROM children');
  const file = join(at.directory, 'back.sql');
  const args = ['undo', '--transaction', transaction, '--script', file];
  const env = { DATABASE_URL: at.database.url, TIDINGS_DATA_DIR: join(at.directory, 'data') };
  const written = await tidings(args, { env });
  assert.equal(written.code, 0, written.stderr);
  assert.match(written.stdout, /Wrote 20 rows to .*psql --set ON_ERROR_STOP=1/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const again = await tidings(args, { env });
  assert.match(again.stderr, /FILE_EXISTS/);
  await runScript(at, readFileSync(file, 'utf8'));
  assert.equal((await at.rows('SELECT * FROM children')).length, 20);
});

test('rows of megabytes do not come in one piece', async () => {
  await using at = await undoFixture(`CREATE TABLE wide (id int PRIMARY KEY, v text);
    ALTER TABLE wide REPLICA IDENTITY FULL;
    INSERT INTO wide SELECT g, repeat(md5(g::text), 100000) FROM generate_series(1, 12) g`);
  const hashes = 'SELECT id, md5(v) FROM wide ORDER BY id';
  const before = await at.rows(hashes);
  const transaction = await at.change('DELETE FROM wide');
  const plan = await at.plan({ transaction });
  let largest = 0;
  let script = '';
  for await (const piece of at.undo.undoScript(plan, {}, at.signal)) {
    largest = Math.max(largest, piece.length);
    script += piece;
  }
  assert.ok(largest < 8_000_000, `a piece of ${largest} characters`);
  await runScript(at, script);
  assert.deepEqual(await at.rows(hashes), before);
});

test('a script that ran before finds that, and does nothing', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE);
     CREATE TABLE k (id int PRIMARY KEY, code text REFERENCES p (code) ON DELETE SET NULL ON UPDATE SET NULL);
     INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO k VALUES (1, 'b')`,
  );
  for (const sql of [
    // A value goes from one row to another, with its children.
    `UPDATE p SET code = 'n' WHERE id = 2; INSERT INTO p VALUES (3, 'b')`,
    // Two rows exchange theirs.
    `UPDATE p SET code = 'x' WHERE id = 1; UPDATE p SET code = 'a' WHERE id = 2;
     UPDATE p SET code = 'b' WHERE id = 1`,
    `DELETE FROM k`,
    `INSERT INTO k VALUES (2, 'a')`,
    `DELETE FROM p WHERE id = 1; INSERT INTO p VALUES (1, 'a2')`,
  ]) {
    const before = await state(at);
    const script = await scriptOf(at, await at.change(sql));
    await runScript(at, script);
    assert.deepEqual(await state(at), before, sql);
    await assert.rejects(runScript(at, script), /, or this script ran before/, sql);
    assert.deepEqual(await state(at), before, sql);
  }
});
