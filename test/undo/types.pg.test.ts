/** Every type goes back byte for byte, whatever the database prefers to print. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createMatrix,
  fill,
  type MatrixColumn,
} from '../../src/source/postgres/values/type-matrix.contract.ts';
import { quoteIdentifier } from '../../src/source/postgres/quote.ts';
import type { UndoFixture } from './fixture.ts';
import { undoFixture } from './fixture.ts';

/** The bytes of COPY … BINARY; of the few types that have no binary form, the images. */
async function bytes(at: UndoFixture, columns: readonly MatrixColumn[]): Promise<string> {
  const { client, name } = at.database;
  const sendable = columns.filter(({ type }) => !/aclitem|gtsvector|snapshot_old/.test(type));
  const list = ['id', ...sendable.map((column) => quoteIdentifier(column.name))].join(', ');
  const file = `/tmp/${name}.copy`;
  await client.query(
    `COPY (SELECT ${list} FROM public.matrix ORDER BY id) TO '${file}' (FORMAT binary)`,
  );
  const { rows } = await client.query<{ hash: string; length: number }>(
    `SELECT md5(pg_read_binary_file('${file}')) AS hash, (pg_stat_file('${file}')).size::int AS length`,
  );
  // A program that ends before it has read its input fails now and then.
  await client.query(`COPY (SELECT '') TO PROGRAM 'cat > /dev/null; rm ${file}'`);
  assert.ok((rows[0]?.length ?? 0) > 10_000);
  return rows[0]?.hash ?? '';
}

async function different(at: UndoFixture): Promise<unknown> {
  const { rows } = await at.database.client.query(
    `SELECT COALESCE(m.id, o.id) AS id FROM public.matrix m FULL JOIN public.original o USING (id)
     WHERE m.id IS NULL OR o.id IS NULL OR NOT (m *= o)`,
  );
  return rows;
}

for (const major of [18, 14] as const) {
  test(`insert, update and delete of every type, undone, on PostgreSQL ${major}`, async () => {
    let columns: readonly MatrixColumn[] = [];
    await using at = await undoFixture('', {
      major,
      prepare: async (database) => {
        columns = await createMatrix(database, major);
      },
    });
    const { client } = at.database;
    const rows = await fill(at.database, columns);
    await client.query('CREATE TABLE public.original AS TABLE public.matrix');
    const before = await bytes(at, columns);
    const names = columns.map(({ name }) => quoteIdentifier(name));

    const updated = await at.change(
      `UPDATE public.matrix m SET (${names.join(', ')}) = (
         SELECT ${names.map((name) => `o.${name}`).join(', ')} FROM public.original o
         WHERE o.id = (m.id + 1) % ${rows})`,
    );
    assert.notEqual(await bytes(at, columns), before);
    const update = await at.apply({ transaction: updated });
    assert.deepEqual(update.conflicts.list, []);
    assert.equal(update.total, rows);
    assert.deepEqual(await different(at), []);
    assert.equal(await bytes(at, columns), before, 'update');

    const deleted = await at.change('DELETE FROM public.matrix');
    const result = await at.apply({ transaction: deleted });
    assert.deepEqual(result.conflicts.list, []);
    assert.equal(await bytes(at, columns), before, 'delete');

    const inserted = await at.change(
      `INSERT INTO public.matrix SELECT id + 1000, ${names.join(', ')} FROM public.original`,
    );
    const insert = await at.apply({ transaction: inserted });
    assert.deepEqual(insert.conflicts.list, []);
    assert.equal(insert.total, rows);
    assert.equal(await bytes(at, columns), before, 'insert');
    assert.deepEqual(await different(at), []);

    const plan = await at.plan({ transaction: insert.transaction ?? '' });
    assert.equal(plan.sample.length, 5);
  });
}
