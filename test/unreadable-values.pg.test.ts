/** `tidings start` over values whose bytes stand for no character: it goes on, and says where they are. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { freshDatabase } from './support/postgres.ts';
import { drain, project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

interface Shown {
  readonly operation: string;
  readonly key: string | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

test('the service goes on by itself, over a restart and over thousands of such transactions', async () => {
  await using database = await freshDatabase(18, 'WIN1252');
  const { client } = database;
  await client.query(`CREATE TABLE f (id int PRIMARY KEY, v text, w text);
    ALTER TABLE f REPLICA IDENTITY FULL`);
  using at = project(database.url);
  const run = (): { stop: () => Promise<string> } => {
    const child = start(['start', '--config', at.config]);
    const printed = child.stderr === null ? '' : text(child.stderr);
    return {
      stop: async () => {
        assert.equal(await drain(child), 0);
        return printed;
      },
    };
  };
  const head = (count: number): Promise<void> =>
    until(async () => (await at.status()).sources[0]?.log.head === count);

  const first = run();
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await client.query(`DO $$ BEGIN FOR i IN 1..1500 LOOP
    INSERT INTO f VALUES (i, CASE i % 3 WHEN 0 THEN chr(129) ELSE 'ü' END, '€'); COMMIT;
    END LOOP; END $$`);
  await head(1500);
  assert.equal((await at.status()).sources[0]?.captured?.reconnects, 0);
  const warned = await first.stop();
  assert.equal(warned.match(/SOURCE_VALUE_UNREADABLE/g)?.length, 1, warned);
  assert.doesNotMatch(warned, /lost its connection/);
  assert.match(warned, /column v of public\.f has a text with bytes that stand for no character/);

  await client.query(`INSERT INTO f VALUES (1501, 'ö', '€'), (1502, chr(129), '€')`);
  const second = run();
  await head(1502);
  await client.query(`UPDATE f SET v = 'ß' WHERE id = 1502`);
  await head(1503);
  await second.stop();

  const exported = await tidings(['log', 'export', '--config', at.config]);
  const changes = exported.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly data: Shown }).data);
  assert.equal(changes.length, 1503);
  const wrong = changes
    .slice(0, 1500)
    .filter(({ after }, index) =>
      (index + 1) % 3 === 0
        ? after === null || 'v' in after || after['w'] !== '€'
        : after?.['v'] !== 'ü',
    );
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    changes.slice(1500).map(({ after }) => after),
    [
      { id: 1501, v: 'ö', w: '€' },
      { id: 1502, w: '€' },
      { id: 1502, v: 'ß', w: '€' },
    ],
  );
  const verified = await tidings(['log', 'verify', '--config', at.config]);
  assert.equal(verified.code, 0, verified.stderr);
});
