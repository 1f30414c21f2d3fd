/** The commands as a user types them, beside a service in a process of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase } from '../support/postgres.ts';
import { drain, project, start, tidings } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';

test(
  'a DELETE without its WHERE is found, shown, and what it removed is looked at',
  { timeout: 60_000 },
  async () => {
    await using database = await freshDatabase();
    const { client } = database;
    await client.query(
      `CREATE TABLE account (id int PRIMARY KEY, email text); ALTER TABLE account REPLICA IDENTITY FULL;
     INSERT INTO account SELECT g, 'user' || g || '@example.com' FROM generate_series(1, 159) g`,
    );
    using own = project(database.url);
    const service = start(['start', '--config', own.config]);
    const run = async (...args: string[]): ReturnType<typeof tidings> =>
      await tidings([...args, '--config', own.config]);
    await until(
      async () => (await run('status', '--json')).stdout.includes('"state":"streaming"'),
      30_000,
    );
    await client.query(`UPDATE account SET email = 'ann@example.com' WHERE id = 7`);
    await client.query(
      `BEGIN; SELECT pg_logical_emit_message(true, 'tidings', '{"actor": "bob"}'); DELETE FROM account; COMMIT`,
    );

    let found = await run('find', '--min-rows', '100');
    await until(async () => {
      found = await run('find', '--min-rows', '100');
      return found.stdout !== '';
    });
    assert.match(found.stdout, /^\S+ +\d+ +public\.account: 159 deleted +by bob\n$/);
    const [, id = ''] = /→ tidings show (\d+)/.exec(found.stderr) ?? [];

    const shown = await run('show', id, '--json');
    const { transaction, tables } = JSON.parse(shown.stdout) as {
      transaction: { first: number; changes: number };
      tables: object[];
    };
    assert.equal(transaction.changes, 159);
    assert.deepEqual(tables, [
      { table: 'public.account', tool: null, insert: 0, update: 0, delete: 159, truncate: 0 },
    ]);

    const history = await run('history', 'account', '7');
    assert.match(history.stdout, /email: user7@example\.com → ann@example\.com/);
    assert.match(history.stdout, /was {2}id=7 email=ann@example\.com/);

    const table = ['table', 'account', '--as-of', String(transaction.first), '--format', 'csv'];
    const expected = Array.from({ length: 159 }, (_, n) =>
      n === 6 ? '7,ann@example.com' : `${n + 1},user${n + 1}@example.com`,
    ).sort();
    const lines = (text: string): string[] => text.trimEnd().split('\n').slice(1).sort();
    assert.deepEqual(lines((await run(...table)).stdout), expected);

    assert.equal(await drain(service), 0);
    const stopped = await run(...table);
    assert.deepEqual([stopped.code, lines(stopped.stdout)], [0, expected], stopped.stderr);
    await client.query(`INSERT INTO account VALUES (1, 'later')`);
    const behind = await run(...table, '--json');
    assert.equal(behind.code, 2);
    assert.match(behind.stderr, /LOG_BEHIND/);
    const unknown = await run('show', '4294967295');
    assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
  },
);
