/** What only the moment of writing shows: an error that names the row and its table, with a way on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTidingsError, type TidingsError } from '../../src/errors/tidings-error.ts';
import type { ApplyUndoOptions, UndoRequest } from '../../src/undo/undo-plan.ts';
import { until } from '../support/until.ts';
import { type UndoFixture, undoFixture } from './fixture.ts';

async function refusal(
  at: UndoFixture,
  request: UndoRequest,
  options: ApplyUndoOptions = {},
): Promise<TidingsError> {
  const plan = await at.plan(request);
  assert.equal(plan.conflicts.total, 0, 'the plan cannot know it');
  const error: unknown = await at.undo.applyUndo(plan, options, at.signal).then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(isTidingsError(error), String(error));
  assert.doesNotMatch(
    error.message,
    /undo of main|of source/,
    'the row and its table, not the source',
  );
  return error;
}

/** The condition of a hint, as a shell would hand it over. */
function whereOf(hint: string): string {
  const [, where = ''] = /--where '((?:[^']|'\\'')*)'/.exec(hint) ?? [];
  return where.replaceAll(`'\\''`, `'`);
}

describe('an error of one row', () => {
  test('a trigger’s: of one row of many, of one table of two; the hint’s ways work', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int PRIMARY KEY, v int); CREATE TABLE c (id int, "it's" text, p int REFERENCES p, PRIMARY KEY (id, "it's"));
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE c REPLICA IDENTITY FULL;
      INSERT INTO p SELECT g, g FROM generate_series(1, 300) g; INSERT INTO c SELECT g, 'a''b', g FROM generate_series(1, 300) g;
      CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.id = 137 THEN RAISE EXCEPTION 'not %', NEW.id USING ERRCODE = 'T0001'; END IF; RETURN NEW; END $$`);
    const { client } = at.database;
    const transaction = await at.change(
      'DELETE FROM c; DELETE FROM p WHERE id > 100; UPDATE p SET v = 0',
    );
    await client.query(
      'CREATE TRIGGER k BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION keep_out()',
    );
    const error = await refusal(at, { transaction });
    assert.equal(error.code, 'UNDO_REFUSED');
    assert.match(error.message, /public\.c id=137, it's=a'b.*not 137.*keep_out\(\).*T0001/);
    assert.match(error.hint, /--without-triggers.*\bk\b/);
    assert.deepEqual(await at.rows('SELECT count(*) FROM c'), ['(0)'], 'nothing was changed');

    // Of a deferred trigger, which speaks at the end.
    await client.query(`DROP TRIGGER k ON c; CREATE CONSTRAINT TRIGGER k AFTER INSERT ON c
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_out()`);
    const deferred = await refusal(at, { transaction });
    assert.match(deferred.message, /public\.c id=137, /);
    const rest = await at.apply({ transaction, where: whereOf(deferred.hint) });
    assert.deepEqual([rest.applied, rest.total], [true, 599]);
    const last = await at.apply({ transaction }, { triggers: false });
    assert.deepEqual([last.applied, last.total], [true, 1]);
    assert.deepEqual(await at.rows('SELECT count(*), sum(v) FROM p'), ['(300,45150)']);
  });

  test('a value that an index has no room for; a row without a key; one that row security forbids', async () => {
    const role = `undo_errors_${process.pid}`;
    await using at = await undoFixture(
      `CREATE ROLE ${role} LOGIN PASSWORD 'secret';
      CREATE TABLE big (id text PRIMARY KEY, v text); CREATE TABLE bag (v int, w text);
      CREATE TABLE guarded (id int PRIMARY KEY, v text);
      ALTER TABLE big REPLICA IDENTITY FULL; ALTER TABLE bag REPLICA IDENTITY FULL; ALTER TABLE guarded REPLICA IDENTITY FULL;
      INSERT INTO big SELECT 'k' || g, g FROM generate_series(1, 20) g;
      UPDATE big SET v = (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 500) g) WHERE id = 'k7';
      INSERT INTO bag SELECT g, 'w' || g FROM generate_series(1, 20) g; INSERT INTO guarded VALUES (1, 'a'), (2, 'b');
      GRANT ALL ON big, bag, guarded TO ${role};`,
      {
        url: (url) => {
          const own = new URL(url);
          own.username = role;
          own.password = 'secret';
          return own.href;
        },
      },
    );
    const { client } = at.database;
    try {
      const big = await at.change('DELETE FROM big');
      // The server indexes deleted rows, too, as long as somebody may still see them.
      await until(() =>
        client.query('CREATE INDEX big_v ON big (v)').then(
          () => true,
          () => false,
        ),
      );
      const error = await refusal(at, { transaction: big });
      assert.match(error.message, /public\.big id=k7\b.*index row.*54000/);
      assert.equal((await at.apply({ transaction: big, where: whereOf(error.hint) })).total, 19);

      const bag = await at.change('DELETE FROM bag WHERE v > 10; UPDATE bag SET w = NULL');
      await client.query(`
        CREATE FUNCTION no_w3() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.w = 'w3' THEN RAISE 'no w3'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER k BEFORE INSERT OR UPDATE ON bag FOR EACH ROW EXECUTE FUNCTION no_w3()`);
      const keyless = await refusal(at, { transaction: bag });
      assert.match(keyless.message, /a row of public\.bag: \(3,w3\).*no w3/);

      await client.query(`ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
        CREATE POLICY see ON guarded USING (true) WITH CHECK (v <> 'b')`);
      const guarded = await at.change('DELETE FROM guarded');
      const forbidden = await refusal(at, { transaction: guarded });
      assert.match(forbidden.message, /public\.guarded id=2\b.*row-level security/);
      const [statement = ''] = /ALTER ROLE [^;]*;/.exec(forbidden.hint) ?? [];
      await client.query(statement);
      assert.equal((await at.apply({ transaction: guarded })).applied, true);
    } finally {
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test('a rule that takes away what a foreign key does; a row without a key that is changed in place', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, f int REFERENCES p ON DELETE CASCADE);
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE k REPLICA IDENTITY FULL;
      CREATE TABLE bag (code int UNIQUE, w text); CREATE TABLE c (code int REFERENCES bag (code));
      ALTER TABLE bag REPLICA IDENTITY FULL; ALTER TABLE c REPLICA IDENTITY FULL;
      INSERT INTO bag SELECT g, 'w' || g FROM generate_series(1, 9) g; INSERT INTO c VALUES (3);
      INSERT INTO k VALUES (1, NULL), (2, NULL);`);
    const { client } = at.database;
    const added = await at.change('INSERT INTO p VALUES (1), (2); UPDATE k SET f = 2 WHERE id = 1');
    await client.query('CREATE RULE kept AS ON DELETE TO k DO INSTEAD NOTHING');
    const ruled = await refusal(at, { transaction: added });
    assert.match(ruled.message, /public\.p id=\d.*gave unexpected result.*XX000/);
    assert.equal(ruled.retryable, false);
    const changed = await at.change(`UPDATE bag SET w = w || '!'`);
    await client.query(`
      CREATE FUNCTION no_w3() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.w = 'w3' THEN RAISE 'no w3' USING ERRCODE = 'XX000'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER k BEFORE UPDATE ON bag FOR EACH ROW EXECUTE FUNCTION no_w3()`);
    const keyless = await refusal(at, { transaction: changed });
    assert.match(keyless.message, /a row of public\.bag: \(3,w3\).*no w3/);
  });

  test('what the database says while it compares names the table', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 1), (2, 2);
      CREATE FUNCTION odd(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
      CREATE UNIQUE INDEX t_odd ON t (odd(v))`);
    const transaction = await at.change('DELETE FROM t WHERE id = 1');
    await at.database.client.query(`CREATE OR REPLACE FUNCTION odd(int) RETURNS int IMMUTABLE
      LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / ($1 - 1); END $$`);
    const error: unknown = await at.plan({ transaction }).catch((reason: unknown) => reason);
    assert.ok(isTidingsError(error, 'UNDO_REFUSED'), String(error));
    assert.match(error.message, /undo of public\.t\b.*division by zero.*odd\(integer\)/);
  });
});
