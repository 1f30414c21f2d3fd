/** Counters of optimistic locking: an undo that sets them back says so, and how they are raised. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undoFixture } from './fixture.ts';

const SCHEMA = `
  CREATE TABLE item (id int PRIMARY KEY, note text, version int);
  CREATE TABLE line (a text, b int, note text, "lockVersion" bigint, PRIMARY KEY (b, a));
  CREATE TABLE page (id int, version int, note text, PRIMARY KEY (id, version));
  CREATE TABLE doc (id int PRIMARY KEY, version text, row_version int, lock_version int[]);
  ${['item', 'line', 'page', 'doc'].map((name) => `ALTER TABLE ${name} REPLICA IDENTITY FULL;`).join(' ')}`;

const isLowered = (warning: string): boolean => warning.includes('goes back to a lower number');

test('a counter that goes down is told with the statement that raises it again', async () => {
  await using fixture = await undoFixture(SCHEMA);
  const { database, signal } = fixture;
  await fixture.change(`INSERT INTO item SELECT g, 'n', 7 FROM generate_series(1, 200) g;
    INSERT INTO line VALUES ('it''s', 1, 'n', 1), ('b', 2, 'n', 5), ('c', 3, 'n', 5);
    INSERT INTO page VALUES (1, 1, 'n'); INSERT INTO doc VALUES (1, '1', 9, '{1}')`);

  // A counter that stays, goes up by the undo, is part of the key, or is no number.
  const quiet =
    await fixture.change(`UPDATE item SET note = 'm' WHERE id = 1; UPDATE page SET version = 2;
    UPDATE doc SET version = '2', row_version = 3, lock_version = '{2}'; DELETE FROM item WHERE id = 2`);
  assert.deepEqual((await fixture.plan({ transaction: quiet })).warnings.filter(isLowered), []);
  await fixture.apply({ transaction: quiet });

  const touched = await fixture.change(
    `UPDATE line SET note = 'm', "lockVersion" = "lockVersion" + 1 WHERE b < 3`,
  );
  await fixture.change(`UPDATE line SET note = 'o', "lockVersion" = 9 WHERE b = 2`);
  const found = await fixture.plan({ transaction: touched });
  const [first = ''] = found.warnings.filter(isLowered);
  assert.match(first, /^public\.line\.lockVersion of one row goes back/);
  const raise = `UPDATE ONLY "public"."line" SET "lockVersion" = "lockVersion" + 2 WHERE ("b", "a") IN (('1', 'it''s'));`;
  assert.ok(first.endsWith(raise), first);
  const both = await fixture.plan({ tables: ['public.line'], to: found.range.from });
  assert.match(both.warnings.join('\n'), /lockVersion of 2 rows .*\+ 5 WHERE .*'it''s'.*'b'/);
  const applied = await fixture.apply({ transaction: touched }, { onConflict: 'skip' });
  assert.deepEqual(applied.warnings.filter(isLowered), [first]);
  await database.client.query(raise);
  assert.deepEqual(await fixture.rows(`SELECT "lockVersion" FROM line ORDER BY b`), [
    '(3)',
    '(9)',
    '(5)',
  ]);

  // The short way, and more rows than are named.
  const many = await fixture.change(`UPDATE item SET note = 'x', version = version + 1 + id % 2`);
  const { result } = await fixture.undo.runUndo({ transaction: many }, {}, signal);
  assert.equal(result.total, 200);
  const [all = ''] = result.warnings.filter(isLowered);
  assert.match(
    all,
    /item\.version of 200 rows .*: UPDATE ONLY "public"\."item" SET "version" = "version" \+ 3;$/,
  );
  const single = await fixture.change(`UPDATE item SET version = version + 1 WHERE id = 3`);
  const ran = await fixture.undo.runUndo({ transaction: single }, {}, signal);
  assert.match(ran.result.warnings.join('\n'), /"version" \+ 2 WHERE "id" IN \('3'\);$/);
  assert.deepEqual(await fixture.rows('SELECT version FROM item WHERE id = 3'), ['(7)']);
});
