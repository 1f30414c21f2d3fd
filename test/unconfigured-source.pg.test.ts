/** A source that is taken out of the configuration is named, with the command that removes it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshDatabase } from './support/postgres.ts';
import { drain, project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

test('status, doctor and uninstall name it, and the command removes it', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  using at = project(url);
  const { dataDir } = at;
  const configOf = (name: string): string => {
    const path = join(at.directory, `${name}.json`);
    const sources = { [name]: { url, tables: ['public.*'] } };
    writeFileSync(path, JSON.stringify({ dataDir, sources }));
    return path;
  };
  const slots = async (): Promise<unknown> =>
    (
      await client.query<{ name: string }>(
        'SELECT slot_name AS name FROM pg_replication_slots WHERE database = current_database()',
      )
    ).rows;
  const child = start(['start', '--config', configOf('old')]);
  await until(async () => ((await slots()) as unknown[]).length === 1);
  await drain(child);

  const config = ['--config', configOf('main')];
  const command = `tidings uninstall --source old --url URL ${config.join(' ')}`;
  const status = await tidings(['status', ...config]);
  assert.match(status.stdout, /\n {2}old: not in the configuration, and its log is here\./);
  assert.ok(status.stdout.includes(`→ ${command}\n`), status.stdout);
  const doctor = await tidings(['doctor', ...config]);
  assert.match(doctor.stdout, / warn +source old +The configuration does not list it/);
  assert.ok(doctor.stdout.includes(`        ${command}   # URL:`), doctor.stdout);
  const all = await tidings(['uninstall', '--yes', ...config]);
  assert.ok(all.stderr.includes(`→ ${command}\n`), all.stderr);
  assert.equal(((await slots()) as unknown[]).length, 1, 'it stays');

  const words = command.replace('URL', url).split(' ').slice(1);
  const asked = await tidings(words);
  assert.equal(asked.code, 2, asked.stderr);
  assert.ok(!asked.stderr.includes(url), 'an address may hold a password');
  assert.match(asked.stderr, /`tidings uninstall --source old --url URL --yes --config /);
  const done = await tidings([...words, '--yes']);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^old: .*slot/m);
  assert.deepEqual(await slots(), []);
});
