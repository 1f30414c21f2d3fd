/**
 * What the database does while rows come back (invariant 16): foreign keys, triggers and rules act on
 * rows that were just written. Either the result is what was planned, or nothing is changed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { comesBack, create, runScript, scriptOf, state } from './comes-back.ts';
import { undoFixture } from './fixture.ts';

const P = 'CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE NOT NULL, note text);';

describe('foreign keys that act on rows which have just come back', () => {
  for (const major of [18, 14] as const) {
    test(`a value that went from one row to another, and back, on PostgreSQL ${major}`, async () => {
      await using at = await undoFixture('', { major });
      const actions = [
        'ON DELETE CASCADE ON UPDATE CASCADE',
        'ON DELETE SET NULL ON UPDATE SET NULL',
        'ON DELETE SET DEFAULT ON UPDATE CASCADE',
        'ON DELETE NO ACTION ON UPDATE CASCADE',
      ];
      for (const action of major === 14 ? actions.slice(0, 2) : actions) {
        await create(
          at,
          `${P} CREATE TABLE k (id int PRIMARY KEY, note text, code text DEFAULT 'z' REFERENCES p (code) ${action});
         INSERT INTO p VALUES (1, 'z'), (2, 'a'), (4, 'c'); INSERT INTO k VALUES (1, 'x', 'a'), (2, 'y', 'a'), (3, 'z', 'c');`,
        );
        await comesBack(
          at,
          `UPDATE p SET code = 'b' WHERE id = 2; INSERT INTO p VALUES (3, 'a'); UPDATE k SET note = 'n' WHERE id = 2`,
        );
        // The same over two steps, with the row that has the value now put back too.
        if (action.includes('DELETE NO ACTION')) continue;
        await comesBack(at, `DELETE FROM p WHERE id = 4; UPDATE p SET code = 'c' WHERE id = 2`);
      }
    });
  }

  test('in chains, through themselves, and where the children have no key', async () => {
    await using at = await undoFixture('');
    await create(
      at,
      `${P} CREATE TABLE k (id int PRIMARY KEY, code text UNIQUE REFERENCES p (code) ON DELETE CASCADE ON UPDATE CASCADE);
       CREATE TABLE m (id int PRIMARY KEY, code text REFERENCES k (code) ON DELETE CASCADE ON UPDATE CASCADE);
       CREATE TABLE bag (v int, code text REFERENCES p (code) ON DELETE CASCADE ON UPDATE CASCADE);
       INSERT INTO p VALUES (2, 'a'); INSERT INTO k VALUES (1, 'a'); INSERT INTO m VALUES (1, 'a'), (2, 'a');
       INSERT INTO bag VALUES (1, 'a'), (1, 'a'), (2, NULL);`,
    );
    await comesBack(at, `UPDATE p SET code = 'b' WHERE id = 2; INSERT INTO p VALUES (3, 'a')`);
    await create(
      at,
      `CREATE TABLE tree (id int PRIMARY KEY, name text UNIQUE,
         up text REFERENCES tree (name) ON DELETE CASCADE ON UPDATE CASCADE);
       INSERT INTO tree VALUES (1, 'a', NULL), (2, 'b', 'a'), (3, 'c', 'b'), (4, 'd', 'a');`,
    );
    await comesBack(
      at,
      `UPDATE tree SET name = 'x' WHERE id = 1; INSERT INTO tree VALUES (9, 'a', 'c'); DELETE FROM tree WHERE id = 4`,
    );
  });

  test('a parent without a key of ours is changed in place', async () => {
    await using at = await undoFixture('');
    const children = `CREATE TABLE k (id int PRIMARY KEY, code text REFERENCES bp (code) ON DELETE CASCADE ON UPDATE CASCADE);
      CREATE TABLE n (code text REFERENCES bp (code) ON DELETE SET NULL ON UPDATE CASCADE);`;
    const rows = `INSERT INTO k VALUES (1, 'a'), (2, 'b'); INSERT INTO n VALUES ('a'), ('b'), (NULL);`;
    await create(
      at,
      `CREATE TABLE bp (code text UNIQUE, name text, n int UNIQUE); ${children}
       INSERT INTO bp VALUES ('a', 'one', 1), ('b', 'two', NULL), (NULL, 'three', NULL), (NULL, 'three', NULL); ${rows}`,
    );
    await comesBack(at, `UPDATE bp SET name = 'oops'`);
    await comesBack(
      at,
      `UPDATE bp SET name = 'oops'; UPDATE bp SET name = 'again', n = 7 WHERE code = 'a'`,
    );
    await comesBack(
      at,
      `UPDATE bp SET code = 'x' WHERE code = 'a'; INSERT INTO bp VALUES ('c', 'new', 3)`,
    );
    await comesBack(
      at,
      `UPDATE bp SET code = 'x' WHERE code = 'a'; INSERT INTO bp VALUES ('a', 'new', 3)`,
    );
    await comesBack(at, `DELETE FROM bp WHERE code = 'a'; UPDATE bp SET name = 'y'`);

    await create(
      at,
      `CREATE TABLE bp (id int, name text, code text GENERATED ALWAYS AS ('c' || id) STORED PRIMARY KEY);
       ${children} INSERT INTO bp VALUES (1, 'one'), (2, 'two');
       INSERT INTO k VALUES (1, 'c1'), (2, 'c2'); INSERT INTO n VALUES ('c1'), (NULL);`,
    );
    await comesBack(at, `UPDATE bp SET name = 'oops'`);
    await create(
      at,
      `CREATE EXTENSION IF NOT EXISTS btree_gist;
       CREATE TABLE bp (id int, at daterange, name text, PRIMARY KEY (id, at WITHOUT OVERLAPS));
       CREATE TABLE k (id int PRIMARY KEY, bp int, at daterange,
         FOREIGN KEY (bp, PERIOD at) REFERENCES bp (id, PERIOD at));
       INSERT INTO bp VALUES (1, '[2026-01-01,2026-02-01)', 'one'), (1, '[2026-02-01,2026-03-01)', 'two');
       INSERT INTO k VALUES (1, 1, '[2026-01-10,2026-02-10)');`,
    );
    await comesBack(at, `UPDATE bp SET name = 'oops'`);
  });

  test('children that came later are a conflict, whoever has the value by then', async () => {
    await using at = await undoFixture('');
    const k = `id int PRIMARY KEY, code text REFERENCES p (code)`;
    for (const [parents, action, change, later] of [
      [
        P,
        'ON DELETE CASCADE ON UPDATE CASCADE',
        `UPDATE p SET code = 'b' WHERE id = 2; INSERT INTO p VALUES (3, 'a')`,
        `'a'`,
      ],
      [
        P,
        'ON DELETE RESTRICT',
        `UPDATE p SET code = 'b' WHERE id = 2; INSERT INTO p VALUES (3, 'a')`,
        `'a'`,
      ],
      [
        'CREATE TABLE p (code text UNIQUE, note text);',
        'ON DELETE CASCADE',
        `INSERT INTO p VALUES ('n', 'new')`,
        `'n'`,
      ],
      [
        'CREATE TABLE p (code text UNIQUE, note text);',
        'ON DELETE SET NULL',
        `INSERT INTO p VALUES ('n', 'new')`,
        `'n'`,
      ],
      [
        `CREATE TABLE p (note text, code text GENERATED ALWAYS AS (lower(note)) STORED UNIQUE);`,
        'ON DELETE CASCADE',
        `INSERT INTO p VALUES ('N')`,
        `'n'`,
      ],
      [
        `CREATE TABLE p (id int PRIMARY KEY, code text GENERATED ALWAYS AS ('n' || id) STORED UNIQUE);`,
        'ON DELETE CASCADE',
        `INSERT INTO p VALUES (1)`,
        `'n1'`,
      ],
    ] as const) {
      const fill = parents === P ? `INSERT INTO p VALUES (2, 'a')` : '';
      await create(at, `${parents} CREATE TABLE k (${k} ${action}); ${fill}`);
      const transaction = await at.change(change);
      await at.change(`INSERT INTO k VALUES (7, ${later})`);
      const now = await state(at);
      for (const onConflict of fill === ''
        ? (['force'] as const)
        : (['refuse', 'force'] as const)) {
        const result = await at.apply({ transaction }, { onConflict });
        assert.equal(result.applied, false, `${action} ${change}`);
        assert.deepEqual(result.conflicts.byReason, { 'child-added': 1 });
        assert.match(result.conflicts.list[0]?.message ?? '', /public\.k id=7 refers to it/);
      }
      await assert.rejects(
        runScript(at, await scriptOf(at, transaction)),
        /k refers to rows that would go/,
      );
      assert.deepEqual(await state(at), now);
      const cascaded = await at.apply({ transaction }, { onConflict: 'cascade' });
      assert.equal(cascaded.applied, true, `${action} ${change}`);
    }
  });

  test('a value that is written another way is another value for a key that acts', async () => {
    await using at = await undoFixture('');
    await create(
      at,
      `CREATE COLLATION anyhow (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       CREATE TABLE p (id int PRIMARY KEY, n numeric UNIQUE, t text COLLATE anyhow UNIQUE, f float8 UNIQUE);
       CREATE TABLE kn (id int PRIMARY KEY, n numeric REFERENCES p (n) ON UPDATE CASCADE ON DELETE CASCADE);
       CREATE TABLE kt (id int PRIMARY KEY, t text COLLATE anyhow REFERENCES p (t) ON UPDATE CASCADE ON DELETE CASCADE);
       CREATE TABLE kf (id int PRIMARY KEY, f float8 REFERENCES p (f) ON UPDATE SET NULL ON DELETE CASCADE);
       INSERT INTO p VALUES (1, 1.0, 'a', 0); INSERT INTO kn VALUES (1, 1); INSERT INTO kt VALUES (1, 'A'); INSERT INTO kf VALUES (1, 0);`,
    );
    await comesBack(at, `UPDATE p SET n = 1.00, t = 'A', f = '-0'`);
    const transaction = await at.change('UPDATE p SET n = 1.000');
    await at.change('INSERT INTO kn VALUES (2, 1)');
    const result = await at.apply({ transaction });
    assert.deepEqual([result.applied, result.conflicts.byReason], [false, { 'child-added': 1 }]);
  });

  test('rows that only the database reaches: a grandchild that nobody knows of is not lost', async () => {
    await using at = await undoFixture('');
    await create(
      at,
      `${P} CREATE TABLE k (id int PRIMARY KEY, code text REFERENCES p (code) ON DELETE CASCADE ON UPDATE CASCADE);
       CREATE TABLE m (id int PRIMARY KEY, k int REFERENCES k ON DELETE CASCADE);
       INSERT INTO p VALUES (2, 'a'); INSERT INTO k VALUES (1, 'a'); INSERT INTO m VALUES (1, 1);`,
    );
    await comesBack(at, `UPDATE p SET code = 'b' WHERE id = 2; INSERT INTO p VALUES (3, 'a')`);
    const transaction = await at.change(
      `INSERT INTO p VALUES (5, 'q'); UPDATE k SET code = 'q';
       UPDATE p SET code = 'b' WHERE id = 2; INSERT INTO p VALUES (3, 'a')`,
    );
    const now = await state(at);
    await assert.rejects(at.apply({ transaction }), (error) => {
      assert.ok(isTidingsError(error, 'UNDO_REACHED_FURTHER'), String(error));
      assert.match(error.message, /public\.m: 1 rows more deleted/);
      assert.match(error.message, /foreign key k_code_fkey of public\.k/);
      return true;
    });
    assert.deepEqual(await state(at), now);
    await assert.rejects(
      runScript(at, await scriptOf(at, transaction)),
      /more than was planned in public\.m/,
    );
    assert.deepEqual(await state(at), now);
  });

  test('partitions on both sides', async () => {
    await using at = await undoFixture('');
    await create(
      at,
      `CREATE TABLE p (id int, r int, code text, UNIQUE (code, r), PRIMARY KEY (id, r)) PARTITION BY LIST (r);
       CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
       CREATE TABLE k (id int, r int, code text, PRIMARY KEY (id, r),
         FOREIGN KEY (code, r) REFERENCES p (code, r) ON DELETE CASCADE ON UPDATE CASCADE) PARTITION BY LIST (r);
       CREATE TABLE k1 PARTITION OF k FOR VALUES IN (1); CREATE TABLE k2 PARTITION OF k FOR VALUES IN (2);
       INSERT INTO p VALUES (1, 1, 'a'), (2, 2, 'a'); INSERT INTO k VALUES (1, 1, 'a'), (2, 2, 'a');`,
    );
    await comesBack(at, `UPDATE p SET code = 'b' WHERE id = 1; INSERT INTO p VALUES (3, 1, 'a')`);
  });
});

const COUNTED = `
  CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE bag (v text);
  CREATE TABLE audit (v text); CREATE TABLE totals (name text PRIMARY KEY, n int);
  INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO bag VALUES ('a'), ('a'), ('b'); INSERT INTO totals VALUES ('t', 2);`;

function trigger(body: string, on: string): string {
  return `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
    CREATE TRIGGER watcher ${on} EXECUTE FUNCTION f();`;
}

/** What code of the application does along with an undo of a DELETE, and what is said of it. */
const CODE: readonly (readonly [name: string, sql: string, said: RegExp])[] = [
  [
    'a counter in another table',
    trigger(`UPDATE totals SET n = n + 1; RETURN NULL;`, 'AFTER INSERT ON t FOR EACH ROW'),
    /public\.totals: 2 rows more updated.*trigger watcher of public\.t/,
  ],
  [
    'a statement trigger that deletes elsewhere',
    trigger(`DELETE FROM totals; RETURN NULL;`, 'AFTER INSERT ON t FOR EACH STATEMENT'),
    /public\.totals: 1 rows more deleted/,
  ],
  [
    'a trigger that truncates',
    trigger(`TRUNCATE totals; RETURN NULL;`, 'AFTER INSERT ON t FOR EACH STATEMENT'),
    /public\.totals: emptied/,
  ],
  [
    'a trigger that changes the row',
    trigger(`NEW.v := NEW.v || '!'; RETURN NEW;`, 'BEFORE INSERT ON t FOR EACH ROW'),
    /changed 2 rows again.*public\.t id=1, id=2/,
  ],
  [
    'a trigger that changes a row without a key',
    trigger(`NEW.v := NEW.v || '!'; RETURN NEW;`, 'BEFORE INSERT ON bag FOR EACH ROW'),
    /changed \d rows again.*public\.bag \(a\), \(b\)/,
  ],
  [
    'a trigger that adds a row of its own to the table',
    trigger(
      `IF pg_trigger_depth() = 1 THEN INSERT INTO bag VALUES ('mine'); END IF; RETURN NULL;`,
      'AFTER INSERT ON bag FOR EACH STATEMENT',
    ),
    /public\.bag: 1 rows more inserted/,
  ],
  [
    'a deferred trigger',
    trigger(`UPDATE totals SET n = 0; RETURN NULL;`, 'AFTER INSERT ON t').replace(
      'CREATE TRIGGER watcher AFTER INSERT ON t',
      'CREATE CONSTRAINT TRIGGER watcher AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW',
    ),
    /public\.totals: 2 rows more updated/,
  ],
];

describe('triggers and rules', () => {
  test('what they do beyond the plan rolls it back, or is accepted', async () => {
    await using at = await undoFixture('');
    for (const [name, sql, said] of CODE) {
      await create(at, COUNTED);
      const before = await state(at);
      const change = `DELETE FROM ${sql.includes('ON bag') ? 'bag' : 't'}`;
      const transaction = await at.change(change);
      const deleted = await state(at);
      await at.database.client.query(sql);
      await assert.rejects(at.apply({ transaction }), (error) => {
        assert.ok(isTidingsError(error), name);
        assert.match(error.code, /UNDO_(REACHED_FURTHER|TRIGGERS_INTERFERED)/, name);
        assert.match(error.message, said, name);
        return true;
      });
      assert.deepEqual(await state(at), deleted, name);
      await assert.rejects(
        runScript(at, await scriptOf(at, transaction)),
        /more than was planned|not what the undo made of it/,
        name,
      );
      assert.deepEqual(await state(at), deleted, name);
      const accepted = await at.apply({ transaction }, { onConflict: 'force' });
      assert.equal(accepted.applied, true, name);
      assert.match(accepted.warnings.join(), /Triggers/, name);
      const again =
        await at.change(`ALTER TABLE t DISABLE TRIGGER USER; ALTER TABLE bag DISABLE TRIGGER USER;
        DELETE FROM t; DELETE FROM bag; DELETE FROM totals; INSERT INTO totals VALUES ('t', 2);
        INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO bag VALUES ('a'), ('a'), ('b');
        ALTER TABLE t ENABLE TRIGGER USER; ALTER TABLE bag ENABLE TRIGGER USER`);
      assert.ok(again);
      assert.deepEqual(await state(at), before, name);
      const once = await at.change(change);
      await runScript(at, await scriptOf(at, once, { triggers: false }));
      assert.deepEqual(await state(at), before, name);
    }
  });

  test('rows added to other tables lose nothing, and are told', async () => {
    await using at = await undoFixture('');
    await create(at, COUNTED);
    const transaction = await at.change('DELETE FROM t');
    await at.database.client.query(
      trigger(`INSERT INTO audit VALUES (TG_OP); RETURN NULL;`, 'AFTER INSERT ON t FOR EACH ROW'),
    );
    const result = await at.apply({ transaction });
    assert.match(result.warnings.join(), /added 2 rows to public\.audit/);
    const again = await at.change('DELETE FROM t');
    await runScript(at, await scriptOf(at, again));
    assert.equal((await at.rows('SELECT * FROM t')).length, 2);
  });

  test('a rule that would do more is a conflict already', async () => {
    await using at = await undoFixture('');
    await create(at, COUNTED);
    const transaction = await at.change(`INSERT INTO t VALUES (3, 'c')`);
    await at.database.client.query(
      'CREATE RULE along AS ON DELETE TO t DO ALSO DELETE FROM totals',
    );
    const now = await state(at);
    const result = await at.apply({ transaction });
    assert.deepEqual(result.conflicts.byReason, { 'rewrite-rule': 1 });
    assert.equal(result.applied, false);
    assert.deepEqual(await state(at), now);
  });

  test('a server that does not count is asked to, where it matters', async () => {
    const role = `undo_uncounted_${process.pid}`;
    await using at = await undoFixture('', {
      url: (url) => {
        const own = new URL(url);
        own.username = role;
        own.password = 'secret';
        return own.href;
      },
    });
    const { client, name } = at.database;
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    try {
      await create(
        at,
        `${COUNTED} GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT USAGE ON SCHEMA public TO ${role}`,
      );
      const plain = await at.change(`DELETE FROM t`);
      await client.query(`ALTER DATABASE ${name} SET track_counts = off`);
      assert.equal(
        (await at.apply({ transaction: plain })).applied,
        true,
        'nothing can reach further',
      );
      const transaction = await at.change('DELETE FROM t');
      await client.query(
        trigger(`UPDATE totals SET n = 0; RETURN NULL;`, 'AFTER INSERT ON t FOR EACH ROW'),
      );
      await assert.rejects(at.apply({ transaction }), (error) =>
        isTidingsError(error, 'UNDO_COUNTING_OFF'),
      );
      assert.deepEqual(await at.rows('SELECT * FROM t'), []);
    } finally {
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});

describe('tables without a key, and with nothing but one', () => {
  test('a script of nothing, and of a table that has nothing to do, runs', async () => {
    await using at = await undoFixture('');
    await create(
      at,
      `CREATE TABLE p (id int PRIMARY KEY, code text); CREATE TABLE q (id int PRIMARY KEY);
       CREATE TABLE bag (id int UNIQUE, f int REFERENCES bag (id) ON DELETE CASCADE); INSERT INTO bag VALUES (1, 1);`,
    );
    await comesBack(at, `INSERT INTO p VALUES (1, 'a'); DELETE FROM p; INSERT INTO q VALUES (1)`);
    const before = await state(at);
    for (const nothing of [
      'UPDATE bag SET id = 1',
      `INSERT INTO p VALUES (1, 'a'); DELETE FROM p`,
    ]) {
      await runScript(at, await scriptOf(at, await at.change(nothing)));
    }
    const undone = await at.change('INSERT INTO q VALUES (2)');
    await at.change('DELETE FROM q');
    await runScript(at, await scriptOf(at, undone));
    assert.deepEqual(await state(at), before);
  });

  test('a script of rows without a key does not run twice', async () => {
    await using at = await undoFixture('');
    await create(at, COUNTED);
    const before = await state(at);
    for (const change of [
      'DELETE FROM bag',
      `UPDATE bag SET v = 'x' WHERE v = 'a'`,
      `INSERT INTO bag VALUES ('a')`,
    ]) {
      const script = await scriptOf(at, await at.change(change));
      await runScript(at, script);
      assert.deepEqual(await state(at), before, change);
      await assert.rejects(runScript(at, script), /bag does not hold what it held/, change);
      assert.deepEqual(await state(at), before, change);
    }
  });

  test('newest first, across a truncate', async () => {
    await using at = await undoFixture('');
    await create(at, 'CREATE TABLE bag (v text)');
    await at.change('TRUNCATE bag');
    const first = await at.change(`INSERT INTO bag VALUES ('a'), ('a'), ('b')`);
    const second = await at.change(`DELETE FROM bag WHERE v = 'b'`);
    const truncated = await at.change('TRUNCATE bag');
    for (const [transaction, rows] of [
      [truncated, ['(a)', '(a)']],
      [second, ['(a)', '(a)', '(b)']],
      [first, []],
    ] as const) {
      const result = await at.apply({ transaction });
      assert.deepEqual(result.conflicts.list, []);
      assert.deepEqual(await at.rows('SELECT v FROM bag ORDER BY v'), rows);
    }
  });

  test('what a truncate took is gone already; what came after it counts against it', async () => {
    await using at = await undoFixture('');
    await create(at, 'CREATE TABLE bag (v text)');
    await at.change('TRUNCATE bag');
    const first = await at.change(`INSERT INTO bag VALUES ('a'), ('b')`);
    await at.change('TRUNCATE bag');
    const gone = await at.apply({ transaction: first });
    assert.deepEqual([gone.applied, gone.total, gone.tables[0]?.already], [true, 0, 2]);
    await at.change(`INSERT INTO bag VALUES ('a')`);
    const since = await at.apply({ transaction: first });
    // Equal rows cannot be told apart: there is one as after the first change, and it goes.
    assert.deepEqual([since.total, since.tables[0]?.already], [1, 1]);
    assert.deepEqual(await at.rows('SELECT v FROM bag'), []);
  });

  test('a table with nothing but an identity key keeps its numbers', async () => {
    await using at = await undoFixture('');
    await create(
      at,
      `CREATE TABLE numbers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
       CREATE TABLE pairs (id int GENERATED ALWAYS AS IDENTITY, n int GENERATED ALWAYS AS IDENTITY (START 100),
         twice int GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (id));
       CREATE TABLE split (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY) PARTITION BY RANGE (id);
       CREATE TABLE split_low PARTITION OF split FOR VALUES FROM (0) TO (100);`,
    );
    for (const name of ['numbers', 'pairs', 'split']) {
      await at.change(`INSERT INTO ${name} DEFAULT VALUES; INSERT INTO ${name} DEFAULT VALUES`);
      const columns = name === 'pairs' ? 'id, n' : 'id';
      const before = await state(at);
      const values = name === 'pairs' ? '1, 100' : '1';
      const transaction = await at.change(`
        DELETE FROM ${name};
        INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE VALUES (${values})`);
      const result = await at.apply({ transaction });
      assert.deepEqual(result.conflicts.list, []);
      assert.deepEqual([result.applied, result.total], [true, 1]);
      assert.deepEqual(await state(at), before, name);
    }
  });
});
