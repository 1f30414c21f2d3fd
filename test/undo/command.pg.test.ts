/** `tidings undo` as a person uses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UndoPlan, UndoResult } from '../../src/undo/undo-plan.ts';
import { freshDatabase } from '../support/postgres.ts';
import { drain, project, start, tidings } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';

test('the 13:45 story: see it, do it, take it back; also when the service has stopped', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(`
    CREATE TABLE accounts (id int PRIMARY KEY, email text, balance numeric(12,2));
    ALTER TABLE accounts REPLICA IDENTITY FULL`);
  using at = project(database.url);
  const undo = (...args: string[]): ReturnType<typeof tidings> =>
    tidings(['undo', '--config', at.config, ...args]);
  const service = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await client.query(
    `INSERT INTO accounts SELECT g, 'holder' || g || '@mail.example', g FROM generate_series(1, 159) g`,
  );
  const { rows } = await client.query<{ id: string }>(
    `WITH gone AS (DELETE FROM accounts RETURNING 1) SELECT pg_current_xact_id()::text AS id, count(*) FROM gone`,
  );
  const transaction = rows[0]?.id ?? '';
  await until(async () => (await at.status()).sources[0]?.log.head === 318);

  const plan = await undo('--transaction', transaction);
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(plan.stdout, /Undo of transaction \d+.*159 changes/);
  assert.match(plan.stdout, /public\.accounts +159 +- +- +-/);
  assert.match(
    plan.stdout,
    /\+ public\.accounts id=1 {2}email=holder1@mail\.example balance=1\.00/,
  );
  const next = new RegExp(`tidings undo --transaction ${transaction} .*--apply`).exec(plan.stdout);
  assert.ok(next, plan.stdout);
  const all = await undo('--transaction', transaction, '--all', '--json');
  assert.equal(all.stdout.trim().split('\n').length, 160);

  const done = await undo('--transaction', transaction, '--apply', '--by', 'ann');
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /Undone: 159 rows in one transaction/);
  const undone = /tidings undo --transaction (\d+)/.exec(done.stdout)?.[1] ?? '';
  const count = async (): Promise<unknown> =>
    (await client.query('SELECT count(*)::int AS n FROM accounts')).rows;
  assert.deepEqual(await count(), [{ n: 159 }]);
  await until(async () => (await at.status()).sources[0]?.log.head === 477);
  assert.equal(await drain(service), 0);

  await client.query('UPDATE accounts SET balance = 0 WHERE id = 7');
  const refused = await undo('--transaction', undone, '--apply');
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(
    refused.stdout,
    /Refused: nothing was changed[\s\S]*accounts id=7 was changed later/,
  );
  assert.match(refused.stdout, /--on-conflict skip/);
  const skipped = await undo('--transaction', undone, '--apply', '--on-conflict', 'skip', '--json');
  assert.equal(skipped.code, 0, skipped.stderr);
  const result = JSON.parse(skipped.stdout) as UndoResult;
  assert.deepEqual([result.total, result.skipped], [158, 1]);
  assert.deepEqual(await count(), [{ n: 1 }]);

  const reversed = await undo('--table', 'public.accounts', '--since', '200', '--until', '100');
  assert.match(reversed.stderr, /UNDO_REQUEST_INVALID.*`until` lies before `since`/);
  const ahead = await undo('--table', 'public.accounts', '--since', '9000');
  assert.match(ahead.stderr, /AS_OF_AHEAD/);
  const early = await undo('--table', 'public.accounts', '--to', '1h');
  assert.match(early.stderr, /AS_OF_TOO_EARLY[\s\S]*of an undo `--to 0`/);
  const since = await undo('--table', 'accounts', '--since', '1h', '--json');
  const behind = JSON.parse(since.stdout) as UndoPlan;
  assert.deepEqual(behind.request.tables, ['public.accounts'], 'by its name alone');
  assert.match(behind.warnings.join(), /Capture does not run/);
});

test('what is not clear is refused with what to do', async () => {
  await using database = await freshDatabase();
  using at = project(database.url);
  const cases: readonly (readonly [readonly string[], RegExp, number])[] = [
    [[], /UNDO_REQUEST_INVALID.*no transaction and no time/, 64],
    [['--transaction', '1', '--since', '5m'], /transaction and since do not go together/, 64],
    [['--since', '5m'], /no table was given/, 64],
    [['--transaction', '1', '--on-conflict', 'maybe'], /Write one of refuse, skip/, 64],
    [['--transaction', '1'], /UNDO_LOG_MISSING/, 2],
  ];
  for (const [args, expected, code] of cases) {
    const { stderr, code: ended } = await tidings(['undo', '--config', at.config, ...args]);
    assert.match(stderr, expected);
    assert.match(stderr, /→ /);
    assert.equal(ended, code, stderr);
  }
});
