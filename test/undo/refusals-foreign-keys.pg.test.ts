/** Foreign keys that are not enforced, not validated, or only those of one partition. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { undoFixture } from './fixture.ts';

describe('foreign keys that hold for some rows only', () => {
  test('a key that is not enforced stands in nobody’s way, and nothing follows from it', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int PRIMARY KEY, v text);
      CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE NOT ENFORCED);
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE c REPLICA IDENTITY FULL;
      INSERT INTO p VALUES (1, 'one'); INSERT INTO c VALUES (1, 1), (7, 77)`);
    const orphan = await at.change('DELETE FROM c WHERE id = 7');
    const alone = await at.apply({ transaction: orphan });
    assert.deepEqual([alone.applied, alone.conflicts.byReason], [true, {}], 'no parent is needed');

    const added = await at.change(`INSERT INTO p VALUES (2, 'two')`);
    await at.change('INSERT INTO c VALUES (2, 2)');
    const removed = await at.apply({ transaction: added });
    assert.deepEqual([removed.applied, removed.conflicts.byReason], [true, {}], 'no child counts');
    assert.deepEqual(await at.rows('SELECT * FROM c ORDER BY id'), ['(1,1)', '(2,2)', '(7,77)']);

    const both = await at.change('DELETE FROM p WHERE id = 1; DELETE FROM c WHERE id = 1');
    const parents = await at.apply({ transaction: both, tables: ['public.p'] });
    assert.deepEqual([parents.applied, parents.total], [true, 1], 'the child went by itself');
    assert.deepEqual(await at.rows('SELECT * FROM c WHERE id = 1'), []);
  });

  test('a key that was not validated is not asked of rows that broke it before', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int, v text);
      INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1, ''), (2, 99, ''), (3, 98, '');
      ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p NOT VALID;
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE c REPLICA IDENTITY FULL`);
    const before = await at.rows('SELECT * FROM c ORDER BY id');
    const updated = await at.change(`UPDATE c SET v = 'x'`);
    const result = await at.apply({ transaction: updated });
    assert.deepEqual([result.applied, result.conflicts.byReason], [true, {}]);
    assert.deepEqual(await at.rows('SELECT * FROM c ORDER BY id'), before);
    const deleted = await at.change('DELETE FROM c');
    const plan = await at.plan({ transaction: deleted });
    assert.deepEqual(plan.conflicts.byReason, { 'parent-missing': 2 }, 'new rows are checked');
    const moved = await at.apply({ transaction: deleted }, { onConflict: 'skip' });
    assert.deepEqual([moved.applied, moved.total, moved.skipped], [true, 1, 2]);
  });

  test('a key of one partition is asked of the rows of that partition', async () => {
    await using at = await undoFixture(`
      CREATE TABLE customers (id int PRIMARY KEY);
      CREATE TABLE orders (id int, r text, customer int, PRIMARY KEY (id, r)) PARTITION BY LIST (r);
      CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('a');
      CREATE TABLE orders_b (r text NOT NULL, customer int, id int NOT NULL);
      ALTER TABLE orders ATTACH PARTITION orders_b FOR VALUES IN ('b');
      CREATE TABLE orders_c PARTITION OF orders FOR VALUES IN ('c') PARTITION BY HASH (id);
      CREATE TABLE orders_c0 PARTITION OF orders_c FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE orders_c1 PARTITION OF orders_c FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      ALTER TABLE orders_b ADD CONSTRAINT of_b FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE;
      ALTER TABLE orders_c ADD CONSTRAINT of_c FOREIGN KEY (customer) REFERENCES customers ON DELETE SET NULL;
      ALTER TABLE customers REPLICA IDENTITY FULL; ALTER TABLE orders REPLICA IDENTITY FULL;
      ALTER TABLE orders_a REPLICA IDENTITY FULL; ALTER TABLE orders_b REPLICA IDENTITY FULL;
      ALTER TABLE orders_c0 REPLICA IDENTITY FULL; ALTER TABLE orders_c1 REPLICA IDENTITY FULL;
      INSERT INTO customers SELECT generate_series(1, 5);
      INSERT INTO orders SELECT g, 'b', g FROM generate_series(1, 3) g;
      INSERT INTO orders SELECT g, 'c', 3 FROM generate_series(11, 18) g;
      INSERT INTO orders VALUES (1, 'a', 99), (2, 'a', 1)`);
    const all = `SELECT 'o', o::text FROM orders o UNION ALL SELECT 'c', c::text FROM customers c ORDER BY 1, 2`;
    const before = await at.rows(all);
    const others = await at.change(`DELETE FROM orders WHERE r = 'a'`);
    const result = await at.apply({ transaction: others });
    assert.deepEqual([result.applied, result.conflicts.byReason], [true, {}], 'not of partition a');
    assert.deepEqual(await at.rows(all), before);

    // What the key of the partition did comes back with its cause.
    const cause = await at.change('DELETE FROM customers WHERE id IN (2, 3)');
    const back = await at.apply({ transaction: cause, tables: ['public.customers'] });
    assert.deepEqual([back.applied, back.conflicts.byReason, back.total], [true, {}, 12]);
    assert.deepEqual(await at.rows(all), before);

    // A row of the partition needs its parent, and a parent cannot go under it.
    const orphans = await at.change(`DELETE FROM orders WHERE r IN ('a', 'b')`);
    const parents = await at.change('DELETE FROM customers WHERE id = 1');
    const missing = await at.plan({ transaction: orphans });
    assert.deepEqual(missing.conflicts.byReason, { 'parent-missing': 1 });
    assert.deepEqual(missing.conflicts.list[0]?.key, { id: 1, r: 'b' });
    await at.apply({ transaction: parents });
    await at.apply({ transaction: orphans });
    const added = await at.change('INSERT INTO customers VALUES (6), (7), (8)');
    await at.change(`INSERT INTO orders VALUES (6, 'a', 6), (7, 'b', 7), (8, 'c', 8)`);
    const plan = await at.plan({ transaction: added });
    assert.deepEqual(plan.conflicts.byReason, { 'child-added': 2 });
    const skipped = await at.apply({ transaction: added }, { onConflict: 'skip' });
    assert.deepEqual([skipped.applied, skipped.total], [true, 1]);
    assert.equal((await at.rows('SELECT * FROM orders WHERE customer BETWEEN 6 AND 8')).length, 3);
    const cascaded = await at.apply({ transaction: added }, { onConflict: 'cascade' });
    assert.deepEqual([cascaded.applied, cascaded.conflicts.byReason], [true, {}]);
  });

  test('a key that refers to one partition has its parents there', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int, r text, PRIMARY KEY (id, r)) PARTITION BY LIST (r);
      CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a'); CREATE TABLE p_b PARTITION OF p DEFAULT;
      ALTER TABLE p_a ADD UNIQUE (id); ALTER TABLE p_b ADD UNIQUE (id);
      CREATE TABLE to_a (id int PRIMARY KEY, p int REFERENCES p_a (id) ON DELETE CASCADE);
      CREATE TABLE to_b (id int PRIMARY KEY, p int REFERENCES p_b (id));
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p_a REPLICA IDENTITY FULL;
      ALTER TABLE p_b REPLICA IDENTITY FULL; ALTER TABLE to_a REPLICA IDENTITY FULL;
      ALTER TABLE to_b REPLICA IDENTITY FULL;
      INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO to_a VALUES (1, 1); INSERT INTO to_b VALUES (2, 2)`);
    const same = await at.change(`INSERT INTO p VALUES (1, 'b'), (2, 'a')`);
    const result = await at.apply({ transaction: same });
    assert.deepEqual(
      [result.applied, result.conflicts.byReason],
      [true, {}],
      'nobody refers to them',
    );
    assert.deepEqual(await at.rows('SELECT * FROM to_a'), ['(1,1)']);

    const child = await at.change('DELETE FROM to_b');
    await at.change(`UPDATE p SET r = 'a' WHERE id = 2`);
    const plan = await at.plan({ transaction: child });
    assert.deepEqual(plan.conflicts.byReason, { 'parent-missing': 1 }, 'it is in the other one');
    const moved = await at.change(`DELETE FROM to_a; UPDATE p SET r = 'b' WHERE id = 1`);
    assert.equal((await at.apply({ transaction: moved })).total, 3);
    assert.deepEqual(await at.rows('SELECT * FROM to_a'), ['(1,1)']);
    const gone = await at.change(`DELETE FROM p WHERE id = 1`);
    assert.deepEqual((await at.apply({ transaction: gone, tables: ['public.p'] })).total, 2);
    assert.deepEqual(await at.rows('SELECT * FROM to_a'), ['(1,1)']);
    // Leaving the partition is going, for a key that refers to it.
    const left = await at.change(`UPDATE p SET r = 'c' WHERE id = 1`);
    assert.deepEqual(await at.rows('SELECT * FROM to_a'), []);
    assert.deepEqual((await at.apply({ transaction: left, tables: ['public.p'] })).total, 3);
    assert.deepEqual(await at.rows('SELECT * FROM to_a'), ['(1,1)']);
  });
});
