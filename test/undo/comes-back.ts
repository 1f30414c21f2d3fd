import assert from 'node:assert/strict';
import type { ApplyUndoOptions } from '../../src/undo/undo-plan.ts';
import type { UndoFixture } from './fixture.ts';

/** Makes tables captured with whole rows. */
export async function create(at: UndoFixture, sql: string): Promise<void> {
  await at.database.client.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; ${sql}`);
  const { rows } = await at.database.client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
  );
  for (const { name } of rows) {
    await at.database.client.query(`ALTER TABLE ${name} REPLICA IDENTITY FULL`);
  }
}

/** Every row of every table. */
export async function state(at: UndoFixture): Promise<readonly string[]> {
  const { rows } = await at.database.client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`,
  );
  const selects = rows.map(({ name }) => `SELECT '${name}' AS t, r::text AS r FROM ${name} r`);
  return await at.rows(`${selects.join(' UNION ALL ')} ORDER BY 1, 2`);
}

export async function scriptOf(
  at: UndoFixture,
  transaction: string,
  options: ApplyUndoOptions = {},
): Promise<string> {
  const plan = await at.plan({ transaction });
  let script = '';
  for await (const piece of at.undo.undoScript(plan, options, at.signal)) script += piece;
  return script;
}

export async function runScript(at: UndoFixture, script: string): Promise<void> {
  const client = await at.database.connect();
  try {
    await client.query(script);
  } finally {
    await client.end();
  }
}

/** The undo, and the same as a script: both have to bring back what was. */
export async function comesBack(at: UndoFixture, statements: string): Promise<void> {
  const before = await state(at);
  for (const way of ['apply', 'script'] as const) {
    const transaction = await at.change(statements);
    const changed = await state(at);
    assert.notDeepEqual(changed, before, 'something was changed');
    if (way === 'apply') {
      const result = await at.apply({ transaction });
      assert.deepEqual(result.conflicts.list, []);
      assert.equal(result.applied, true);
    } else await runScript(at, await scriptOf(at, transaction));
    assert.deepEqual(await state(at), before, way);
    if (way === 'script') return;
  }
}
