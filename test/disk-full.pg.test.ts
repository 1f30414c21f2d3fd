/**
 * When the disk is full capture pauses, acknowledges nothing, shows it, and goes on by itself when
 * there is room; nothing is lost. The disk is a real one: a small tmpfs, which only root may mount.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTidings } from '../src/app/create-tidings.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { openSqliteLogReader } from '../src/log/sqlite/sqlite-log.ts';
import { needs } from './support/needs.ts';
import { freshDatabase } from './support/postgres.ts';
import { until } from './support/until.ts';

const SIZE_MEGABYTES = 24;

test(
  'a full disk pauses capture, and room lets it go on',
  { timeout: 120_000 },
  async (context) => {
    if (!needs(context, process.getuid?.() === 0, 'root, to mount a small tmpfs', 'sudo npm test'))
      return;
    const disk = mkdtempSync(join(tmpdir(), 'tidings-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MEGABYTES}m`, 'tmpfs', disk]);
    try {
      await fillAndFree(disk);
    } finally {
      execFileSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    }
  },
);

async function fillAndFree(disk: string): Promise<void> {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(
    `CREATE TABLE t (id int PRIMARY KEY, filler text);
     CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id);
     CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p_2 PARTITION OF p DEFAULT`,
  );
  let calls = 0;
  await using tidings = await createTidings(
    defineConfig({
      dataDir: join(disk, 'data'),
      sources: { main: { url: database.url, tables: ['public.t', 'public.p'] } },
      // Not the reserve but the disk itself is to run out.
      log: { minFreeBytes: 0 },
    }),
  );
  tidings.register('count', 'public.t', { insert: () => void (calls += 1) });
  await tidings.start();
  await client.query(`INSERT INTO t VALUES (1, '')`);
  await until(() => calls === 1);

  const ballast = join(disk, 'ballast');
  writeFileSync(ballast, Buffer.alloc((SIZE_MEGABYTES - 6) * 2 ** 20));
  const rows = 30_000;
  // The first mark comes with what there is no room for, the second when there is none at all.
  await client.query(
    `BEGIN; INSERT INTO t SELECT g, repeat(md5(g::text), 10) FROM generate_series(2, ${rows}) g;
     ALTER TABLE p DETACH PARTITION p_1; COMMIT`,
  );
  const state = async (): Promise<string | undefined> => (await tidings.status()).sources[0]?.state;
  await until(async () => (await state()) === 'disk full', 60_000);
  await client.query('ALTER TABLE p DETACH PARTITION p_2');
  const position = (await tidings.status()).sources[0]?.position;
  const { rows: slots } = await client.query<{ flushed: string }>(
    `SELECT lpad(to_hex((confirmed_flush_lsn - '0/0')::bigint), 16, '0') AS flushed
     FROM pg_replication_slots WHERE database = current_database()`,
  );
  assert.ok(
    (slots[0]?.flushed.toUpperCase() ?? 'F') <= (position ?? ''),
    'nothing beyond the log was acknowledged (invariant 1)',
  );
  assert.equal(
    (await tidings.status()).sources[0]?.log.head,
    1,
    'no part of the transaction is visible',
  );

  rmSync(ballast);
  await until(() => calls === rows, 60_000);
  assert.equal(await state(), 'streaming');
  const { rows: counted } = await client.query<{ count: string }>('SELECT count(*) FROM t');
  assert.equal(String(calls), counted[0]?.count);
  await client.query(`INSERT INTO t VALUES (0, '')`);
  await until(() => calls === rows + 1);
  await using log = await openSqliteLogReader({
    directory: join(disk, 'data', 'log', 'main'),
    source: 'main',
  });
  const detached = log.marks().filter(({ kind }) => kind === 'detached');
  assert.deepEqual(
    detached.map(({ partition, offset }) => `${partition?.name} ${offset}`),
    [`p_1 ${rows}`, `p_2 ${rows}`],
  );
}

test('capture pauses before the reserve is used up', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  const directory = mkdtempSync(join(tmpdir(), 'tidings-reserve-'));
  {
    await using tidings = await createTidings(
      defineConfig({
        dataDir: directory,
        sources: { main: { url: database.url, tables: ['public.t'] } },
        log: { minFreeBytes: '1000TB' },
      }),
    );
    const started = tidings.start();
    await until(async () => (await tidings.status()).sources[0]?.state === 'disk full');
    const error = (await tidings.status()).sources[0]?.error;
    assert.equal(error?.code, 'LOG_FULL');
    await tidings.drain();
    await started;
  }
  rmSync(directory, { recursive: true });
});
