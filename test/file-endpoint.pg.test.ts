/** A file as an endpoint of a whole service on a real database: what was committed is in it, whole. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { test } from 'node:test';
import { parseWire } from '../src/change/wire.ts';
import { freshDatabase } from './support/postgres.ts';
import { drain, project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

const SUBSCRIPTIONS = {
  archive: {
    tables: ['public.t'],
    to: { file: { path: 'out/changes.ndjson' } },
    delivery: { maxAttempts: 1 },
  },
};

test('changes are lines of a file, also after SIGKILL and a full disk', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE t (id int PRIMARY KEY)');
  using at = project(database.url, { subscriptions: SUBSCRIPTIONS });
  const file = join(at.directory, 'out', 'changes.ndjson');
  const ids = (): readonly number[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => Number(parseWire(line).after?.['id']))
      : [];
  const first = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await client.query('INSERT INTO t SELECT generate_series(1, 500)');
  await until(() => ids().length > 0);
  const killed = once(first, 'exit');
  first.kill('SIGKILL');
  await killed;

  await client.query('INSERT INTO t SELECT generate_series(501, 600)');
  const second = start(['start', '--config', at.config]);
  await until(() => ids().includes(600));
  const told = ids();
  assert.deepEqual(
    [...new Set(told)],
    Array.from({ length: 600 }, (_, index) => index + 1),
    'nothing is missing, and first attempts are in the order of the log',
  );

  unlinkSync(file);
  symlinkSync('/dev/full', file);
  await client.query('INSERT INTO t VALUES (601)');
  await until(async () => (await at.status()).subscriptions[0]?.lastError?.code === 'ENOSPC');
  unlinkSync(file);
  await until(() => ids().includes(601));
  const [archive] = (await at.status()).subscriptions;
  assert.equal(archive?.parked, 0, 'a full disk parks nothing, though one attempt is all there is');
  await drain(second);
});

test('what is configured wrong is said: two writers of one file, a folder of somebody else', async () => {
  await using database = await freshDatabase();
  const file = { tables: ['public.t'], to: { file: { path: 'changes.ndjson' } } };
  const other = { ...file, to: { file: { path: 'out/../changes.ndjson' } } };
  using twice = project(database.url, { subscriptions: { one: file, other } });
  const refused = await tidings(['doctor', '--config', twice.config]);
  assert.equal(refused.code, 64);
  assert.match(
    refused.stderr,
    /subscriptions\.other\.to\.file writes the same file as subscriptions\.one/,
  );
  using early = project(database.url, {
    subscriptions: { one: { ...file, to: { file: { path: 'a', rotate: { every: '5s' } } } } },
  });
  const { stderr } = await tidings(['doctor', '--config', early.config]);
  assert.match(stderr, /rotate\.every has to be at least 1m/);
});
