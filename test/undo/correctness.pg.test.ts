/** What PostgreSQL makes difficult: identity, sequences, triggers, cascades, partitions, no keys. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { undoFixture } from './fixture.ts';

describe('correctness', () => {
  test('generated columns, identity ALWAYS, and sequences that are never set back', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        n int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT -1 MAXVALUE 100 MINVALUE -1000), v int,
        twice int GENERATED ALWAYS AS (v * 2) STORED, s serial);
      ALTER TABLE t REPLICA IDENTITY FULL`);
    await at.change('INSERT INTO t (v) SELECT g FROM generate_series(1, 20) g');
    const before = await at.rows('SELECT * FROM t ORDER BY id');
    const transaction = await at.change('DELETE FROM t; UPDATE t SET v = 0');
    const { client } = at.database;
    const next = async (): Promise<unknown> =>
      (await client.query(`INSERT INTO t (v) VALUES (0) RETURNING id, n, s`)).rows[0];
    assert.deepEqual(await next(), { id: 21, n: 80, s: 21 });
    await at.apply({ transaction });
    assert.deepEqual(await at.rows('SELECT * FROM t WHERE id <= 20 ORDER BY id'), before);
    assert.deepEqual(await next(), { id: 22, n: 79, s: 22 }, 'not set back');

    const truncated = await at.change(
      'DELETE FROM t WHERE id > 10; ALTER SEQUENCE t_id_seq RESTART; ALTER SEQUENCE t_n_seq RESTART; ALTER SEQUENCE t_s_seq RESTART',
    );
    await at.apply({ transaction: truncated });
    assert.deepEqual(await next(), { id: 23, n: 78, s: 23 }, 'advanced beyond what came back');
  });

  test('foreign keys: self reference, cycles, cascades with their cause', async () => {
    await using at = await undoFixture(`
      CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE CASCADE);
      CREATE TABLE leaves (id int PRIMARY KEY, tree int REFERENCES tree ON DELETE SET NULL ON UPDATE CASCADE);
      CREATE TABLE veins (id int PRIMARY KEY, leaf int REFERENCES leaves ON DELETE CASCADE);
      CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
      ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;
      ALTER TABLE tree REPLICA IDENTITY FULL; ALTER TABLE leaves REPLICA IDENTITY FULL;
      ALTER TABLE veins REPLICA IDENTITY FULL;
      ALTER TABLE a REPLICA IDENTITY FULL; ALTER TABLE b REPLICA IDENTITY FULL`);
    await at.change(`INSERT INTO tree SELECT g, NULLIF(g / 2, 0) FROM generate_series(1, 100) g;
      INSERT INTO leaves SELECT g, g FROM generate_series(1, 100) g;
      INSERT INTO veins SELECT g, g FROM generate_series(1, 100) g;
      INSERT INTO a VALUES (1, NULL), (2, NULL); INSERT INTO b VALUES (1, 1), (2, 2); UPDATE a SET b = id`);
    const all = `SELECT 't', t::text FROM tree t UNION ALL SELECT 'l', l::text FROM leaves l
      UNION ALL SELECT 'v', v::text FROM veins v UNION ALL SELECT 'a', a::text FROM a UNION ALL SELECT 'b', b::text FROM b ORDER BY 1, 2`;
    const before = await at.rows(all);
    const transaction =
      await at.change(`DELETE FROM tree WHERE id = 1; DELETE FROM leaves WHERE id < 5;
      UPDATE a SET b = NULL; DELETE FROM b; DELETE FROM a`);
    const result = await at.apply({ transaction });
    assert.deepEqual(result.conflicts.list, []);
    assert.deepEqual(await at.rows(all), before);

    const since = at.log.head;
    await at.change(
      `DELETE FROM tree WHERE id = 2; UPDATE veins SET id = 1000 WHERE id = 50; DELETE FROM leaves WHERE id = 99`,
    );
    const narrowed = await at.apply({ tables: ['public.tree'], since, keys: ['2'] });
    assert.deepEqual(narrowed.conflicts.list, []);
    assert.deepEqual(
      (await at.rows(all)).filter((row) => !before.includes(row)),
      ['(v,"(1000,50)")'],
      'what had its own cause stays',
    );
    assert.equal((await at.rows('SELECT * FROM leaves WHERE id = 99')).length, 0);

    const moved = at.log.head;
    await at.change(`UPDATE tree SET id = 500 WHERE id = 100`);
    const back = await at.apply({ tables: ['public.tree'], since: moved });
    assert.deepEqual(back.conflicts.list, []);
    assert.deepEqual(await at.rows('SELECT tree FROM leaves WHERE id = 100'), ['(100)']);
  });

  test('only what a foreign key did goes back with its cause', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int PRIMARY KEY, name text); ALTER TABLE p REPLICA IDENTITY FULL;
      CREATE TABLE c (id int PRIMARY KEY, note text,
        p int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE); ALTER TABLE c REPLICA IDENTITY FULL;
      INSERT INTO p VALUES (1, 'one'), (2, 'two'), (3, 'three');
      INSERT INTO c VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 2), (4, 'd', 2), (5, 'e', 3)`);
    const transaction = await at.change(`
      UPDATE p SET name = 'x' WHERE id = 1; UPDATE c SET note = 'own' WHERE id = 1;
      DELETE FROM c WHERE id IN (2, 3); DELETE FROM p WHERE id = 2; UPDATE p SET id = 30 WHERE id = 3`);
    const result = await at.apply({ transaction, tables: ['public.p'] });
    assert.deepEqual(result.conflicts.list, []);
    assert.deepEqual(await at.rows('SELECT * FROM p ORDER BY id'), [
      '(1,one)',
      '(2,two)',
      '(3,three)',
    ]);
    assert.deepEqual(
      await at.rows('SELECT * FROM c ORDER BY id'),
      ['(1,own,1)', '(4,d,2)', '(5,e,3)'],
      'what was changed or removed by itself stays so',
    );
  });

  test('a key that is written another way is the same key, also when the undo is repeated', async () => {
    await using at = await undoFixture(`
      CREATE TABLE n (id numeric PRIMARY KEY, v int); ALTER TABLE n REPLICA IDENTITY FULL;
      INSERT INTO n VALUES (1.0, 1), (2.0, 2)`);
    const transaction = await at.change('UPDATE n SET id = 1.00, v = 5 WHERE id = 1');
    assert.equal((await at.apply({ transaction })).total, 1);
    const again = await at.apply({ transaction });
    assert.deepEqual([again.applied, again.total, again.tables[0]?.already], [true, 0, 1]);
    assert.deepEqual(await at.rows('SELECT * FROM n ORDER BY id'), ['(1.0,1)', '(2.0,2)']);
  });

  test('triggers fire unless left out, and never corrupt what came back', async () => {
    await using at = await undoFixture(`
      CREATE TABLE counts (k int PRIMARY KEY, n int); INSERT INTO counts VALUES (1, 0);
      CREATE TABLE counted (id int PRIMARY KEY, v text);
      ALTER TABLE counts REPLICA IDENTITY FULL; ALTER TABLE counted REPLICA IDENTITY FULL;
      CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE public.counts SET n = n + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END; RETURN NULL; END $$;
      CREATE TRIGGER counter AFTER INSERT OR DELETE ON counted FOR EACH ROW EXECUTE FUNCTION count_it();
      CREATE TABLE logged (id int PRIMARY KEY, v text); CREATE TABLE audit (v text);
      ALTER TABLE logged REPLICA IDENTITY FULL; ALTER TABLE audit REPLICA IDENTITY FULL;
      CREATE FUNCTION audit_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.audit VALUES (TG_OP); RETURN NULL; END $$;
      CREATE TRIGGER auditor AFTER UPDATE ON logged FOR EACH ROW EXECUTE FUNCTION audit_it()`);
    const inserted = await at.change(`INSERT INTO counted VALUES (1, 'a'), (2, 'b')`);
    assert.match((await at.plan({ transaction: inserted })).warnings.join(), /counter/);
    await assert.rejects(at.apply({ transaction: inserted }), (error) =>
      isTidingsError(error, 'UNDO_TRIGGERS_INTERFERED'),
    );
    assert.deepEqual(await at.rows('SELECT n FROM counts'), ['(2)'], 'rolled back');
    const result = await at.apply({ transaction: inserted }, { triggers: false });
    assert.equal(result.total, 3);
    assert.match(result.warnings.join(), /foreign keys were checked/);
    assert.deepEqual(await at.rows('SELECT n FROM counts'), ['(0)']);
    assert.deepEqual(await at.rows('SELECT * FROM counted'), []);
    const enabled = await at.rows(`SELECT tgenabled FROM pg_trigger WHERE tgname = 'counter'`);
    assert.deepEqual(enabled, ['(O)'], 'the trigger is as it was');

    await at.change(`INSERT INTO logged VALUES (1, 'a')`);
    const since = at.log.head;
    await at.change(`UPDATE logged SET v = 'b'`);
    await at.apply({ tables: ['public.logged'], since });
    assert.deepEqual(await at.rows('SELECT v FROM logged'), ['(a)']);
    assert.equal((await at.rows('SELECT * FROM audit')).length, 2, 'the trigger fired');
  });

  test('a row that a trigger keeps from coming back is an error, and nothing is changed', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL;
      CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RETURN CASE WHEN NEW.id = 2 THEN NULL ELSE NEW END; END $$;`);
    await at.change('INSERT INTO t SELECT g, g FROM generate_series(1, 3) g');
    const transaction = await at.change('DELETE FROM t');
    await at.database.client.query(
      `CREATE TRIGGER k BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION keep_out()`,
    );
    await assert.rejects(at.apply({ transaction }), (error) =>
      isTidingsError(error, 'UNDO_ROWS_MISSED'),
    );
    assert.deepEqual(await at.rows('SELECT * FROM t'), []);
  });

  test('a table without a key: rows are counted, and never over-applied', async () => {
    await using at = await undoFixture(
      `CREATE TABLE bag (a int, j json, f float8); ALTER TABLE bag REPLICA IDENTITY FULL`,
    );
    await at.change(`INSERT INTO bag SELECT 1, '{"a": 1}', '-0' FROM generate_series(1, 5);
      INSERT INTO bag SELECT 1, '{"a":1}', 0 FROM generate_series(1, 3); INSERT INTO bag VALUES (NULL, NULL, 'NaN')`);
    const state = `SELECT * FROM bag ORDER BY bag::text`;
    const before = await at.rows(state);
    const deleted =
      await at.change(`DELETE FROM bag WHERE ctid IN (SELECT ctid FROM bag WHERE a = 1 ORDER BY j::text LIMIT 6);
      UPDATE bag SET f = 1 WHERE a IS NULL`);
    await at.apply({ transaction: deleted });
    assert.deepEqual(await at.rows(state), before);

    const again = await at.apply({ transaction: deleted });
    assert.deepEqual([again.applied, again.total, again.tables[0]?.already], [true, 0, 8]);
    assert.deepEqual(await at.rows(state), before, 'not applied twice');

    const inserted = await at.change(
      `INSERT INTO bag SELECT 1, '{"a": 1}', '-0' FROM generate_series(1, 2)`,
    );
    const plan = await at.plan({ transaction: inserted });
    assert.equal(plan.tables[0]?.delete, 2);
    const { rowCount } = await at.database.client.query(
      `DELETE FROM bag WHERE ctid IN (SELECT ctid FROM bag WHERE a = 1 AND f::text = '-0' LIMIT 6)`,
    );
    assert.equal(rowCount, 6);
    const refused = await at.apply({ transaction: inserted });
    assert.deepEqual(
      [refused.applied, refused.conflicts.byReason],
      [false, { 'changed-later': 2 }],
    );
  });

  test('partitions, also when a row moves between them', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int, r text, v text, PRIMARY KEY (id, r)) PARTITION BY LIST (r);
      CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a'); CREATE TABLE p_b PARTITION OF p FOR VALUES IN ('b');
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p_a REPLICA IDENTITY FULL; ALTER TABLE p_b REPLICA IDENTITY FULL`);
    await at.change(
      `INSERT INTO p SELECT g, CASE WHEN g % 2 = 0 THEN 'a' ELSE 'b' END, 'x' FROM generate_series(1, 10) g`,
    );
    const before = await at.rows('SELECT tableoid::regclass, p.* FROM p ORDER BY id');
    const transaction = await at.change(
      `UPDATE p SET r = 'a' WHERE id = 1; DELETE FROM p WHERE id IN (2, 3); UPDATE p SET v = 'y' WHERE id > 5`,
    );
    await at.apply({ transaction });
    assert.deepEqual(await at.rows('SELECT tableoid::regclass, p.* FROM p ORDER BY id'), before);
  });

  test('to a moment, by time; a part by key, operation and actor', async () => {
    await using at = await undoFixture(
      `CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL`,
    );
    await at.change('INSERT INTO t SELECT g, 0 FROM generate_series(1, 5) g');
    const { rows } = await at.database.client.query<{ now: string }>(
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`,
    );
    const then = rows[0]?.now ?? '';
    const before = await at.rows('SELECT * FROM t ORDER BY id');
    await at.change('UPDATE t SET v = id');
    await at.change(
      `SELECT pg_logical_emit_message(true, 'tidings', '{"actor": "eve"}'); DELETE FROM t WHERE id > 3`,
    );
    await at.change('INSERT INTO t VALUES (9, 9)');
    const tables = ['public.t'];
    const byEve = await at.plan({ tables, since: then, actor: 'eve' });
    assert.deepEqual([byEve.total, byEve.tables[0]?.insert], [2, 2]);
    const byOperation = await at.plan({ tables, since: then, operations: ['insert'] });
    assert.deepEqual([byOperation.total, byOperation.tables[0]?.delete], [1, 1]);
    const byWhere = await at.plan({
      tables,
      since: then,
      where: 'before.v == 0',
      keys: ['2', '3'],
    });
    assert.deepEqual([byWhere.total, byWhere.tables[0]?.update], [2, 2]);
    const byKey = await at.apply({ tables, to: then, keys: ['1', '4'] });
    assert.equal(byKey.total, 2);
    assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), [
      '(1,0)',
      '(2,2)',
      '(3,3)',
      '(4,0)',
      '(9,9)',
    ]);
    const all = await at.apply({ tables, to: then });
    assert.deepEqual(all.conflicts.list, []);
    assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), before);
  });

  test('a table with as many columns as fit is undone, and shown in part', async () => {
    const columns = Array.from({ length: 1500 }, (_, at) => `c${at} int`);
    await using at = await undoFixture(
      `CREATE TABLE wide (${columns.join(', ')}, id int PRIMARY KEY); ALTER TABLE wide REPLICA IDENTITY FULL`,
    );
    await at.change('INSERT INTO wide (id, c0, c1499) VALUES (1, 1, 2), (2, 3, 4)');
    const before = await at.rows('SELECT * FROM wide ORDER BY id');
    const transaction = await at.change(
      'UPDATE wide SET c1499 = 0 WHERE id = 1; DELETE FROM wide WHERE id = 2',
    );
    const plan = await at.plan({ transaction });
    assert.deepEqual(plan.sample[0]?.key, { id: plan.sample[0]?.operation === 'update' ? 1 : 2 });
    await at.apply({ transaction });
    assert.deepEqual(await at.rows('SELECT * FROM wide ORDER BY id'), before);
  });
});
