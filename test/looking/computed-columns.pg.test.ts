/**
 * Columns that the database computes: the log has the stored ones from PostgreSQL 18 on and never the
 * virtual ones, so that a table which nobody altered may have more columns than its changes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openUndo } from '../../src/app/undo.ts';
import { differenceText } from '../../src/undo/looking/schema-difference.ts';
import { MAJORS } from '../support/postgres.ts';
import { all, capture, type Captured, signal } from './fixture.ts';

const COLUMNS = `(id int PRIMARY KEY, price int, total int GENERATED ALWAYS AS (price * 2) STORED)`;

const VIRTUAL = `
  CREATE TABLE virtual (id int PRIMARY KEY, price int,
    virt int GENERATED ALWAYS AS (price + 1) VIRTUAL);`;

/** A table for each thing that is done to one. */
const NAMES = ['quiet', 'added', 'plain', 'dropped', 'again', 'renamed'];

const tables = (hasVirtual: boolean): string => `
  ${NAMES.map((name) => `CREATE TABLE ${name} ${COLUMNS};`).join('\n')}
  CREATE TABLE parted ${COLUMNS} PARTITION BY RANGE (id);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
  ${hasVirtual ? VIRTUAL : ''}`;

/** What is found to have become of each table since a transaction: by its plan, and as of then. */
async function alteredSince(
  at: Captured,
  { transaction, offset }: { readonly transaction: string; readonly offset: number },
  names: readonly string[],
): Promise<Record<string, string>> {
  await using undo = openUndo(at.config);
  const plan = await undo.planUndo({ transaction }, {}, signal);
  const planned = new Map(plan.schemaChanges.map((each) => [each.table, differenceText(each)]));
  assert.deepEqual(
    plan.warnings.filter((warning) => !warning.includes('was altered since')),
    [],
  );
  const script = (await all(undo.undoScript(plan, {}, signal))).join('');
  const found: Record<string, string> = {};
  for (const name of names) {
    const table = `public.${name}`;
    // Of one that was dropped since nothing can be shown.
    const query = { table, asOf: { offset }, columns: ['id', 'price'] };
    await using past = await at.looking.table(query, signal);
    const note = /was altered since: (.*) \(/.exec(past.notes.join('\n'))?.[1];
    assert.equal(note, planned.get(table), `${name}, as of then and in the plan`);
    assert.equal(script.includes(`${table} was altered since`), note !== undefined, name);
    if (note !== undefined) found[name] = note;
  }
  return found;
}

for (const major of MAJORS) {
  test(`computed columns, PostgreSQL ${major}`, { timeout: 120_000 }, async () => {
    const isLogged = major >= 18;
    const names = [...NAMES, 'parted', ...(isLogged ? ['virtual'] : [])];
    await using at = await capture(tables(isLogged), major);
    const transaction = await at.commit(
      names.map((name) => `INSERT INTO ${name} (id, price) VALUES (1, 1);`).join('\n'),
    );
    const then = { transaction, offset: await at.head() };
    assert.deepEqual(await alteredSince(at, then, names), {}, 'nobody altered any of them');

    await at.commit(`
      ALTER TABLE added ADD note text;
      ALTER TABLE plain ALTER total DROP EXPRESSION;
      ALTER TABLE dropped DROP total;
      ALTER TABLE again DROP total, ADD total int GENERATED ALWAYS AS (price * 3) STORED;
      ALTER TABLE renamed RENAME total TO sum;
      ALTER TABLE parted ADD note text;
      ${isLogged ? 'ALTER TABLE virtual ADD note text' : ''}`);
    await at.settled();
    const both = { added: '+ note', parted: '+ note' };
    assert.deepEqual(
      await alteredSince(at, then, names),
      isLogged
        ? {
            ...both,
            virtual: '+ note',
            dropped: '− total',
            again: '+ total, − total',
            renamed: 'total → sum',
          }
        : { ...both, plain: '+ total' },
    );
  });
}
