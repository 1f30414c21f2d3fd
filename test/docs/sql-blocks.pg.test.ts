/** SQL of the pages is SQL: the server parses it, and runs none of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase } from '../support/postgres.ts';
import { blocks } from './pages.ts';

/** All of it is parsed before anything runs, and what runs first ends it. */
function unrun(sql: string): string {
  // In this language these two are not those of a transaction.
  const statements = sql.replaceAll(/^(?:BEGIN|COMMIT);$/gm, '');
  return `DO $unrun$ BEGIN\nRETURN;\n${statements}\nEND $unrun$`;
}

test('SQL in blocks is parsed', async () => {
  await using database = await freshDatabase();
  const all = blocks('sql');
  assert.ok(all.length > 3);
  for (const { place, text } of all) {
    await assert.doesNotReject(database.client.query(unrun(text)), place);
  }
  await assert.rejects(database.client.query(unrun('GRANT a TOO b;')), /syntax error/);
  await database.client.query(unrun('CREATE TABLE made (a int);'));
  const { rows } = await database.client.query("SELECT to_regclass('made') AS made");
  assert.deepEqual(rows, [{ made: null }]);
});
