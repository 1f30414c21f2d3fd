/** A database is known by its number: renamed it goes on, and another one of its name is refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import pg from 'pg';
import { createTidings } from '../src/app/create-tidings.ts';
import { openUndo } from '../src/app/undo.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { isTidingsError } from '../src/errors/tidings-error.ts';
import { openSqliteLogReader } from '../src/log/sqlite/sqlite-log.ts';
import { freshDatabase } from './support/postgres.ts';
import { until } from './support/until.ts';

const { signal } = new AbortController();

test('renamed, exchanged, and written down by its name alone', async () => {
  await using stack = new AsyncDisposableStack();
  const shop = stack.use(await freshDatabase());
  const other = stack.use(await freshDatabase());
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-renamed-'));
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const admin = new pg.Client({ connectionString: named(shop.url, 'postgres') });
  await admin.connect();
  stack.defer(() => admin.end());
  const table = 'CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY FULL';
  for (const database of [shop, other]) {
    await database.client.query(table);
    await database.client.end();
  }
  const at = { dataDir, url: shop.url };
  const first = await captured(at, 1);

  // As an earlier version wrote it down.
  const identity = storedIdentity(dataDir);
  assert.match(identity, new RegExp(`^postgresql:\\d+#\\d+ ${shop.name}$`));
  const earlier = identity.replace(/#\d+ /, '/');
  storedIdentity(dataDir, earlier);
  await planned(at, first);
  await captured(at, 2);
  assert.equal(storedIdentity(dataDir), identity, 'its number was written down');

  // Under another name, while its own leads to another database: both ways, and back at the end.
  const between = `${shop.name}_between`;
  const exchange = async (): Promise<void> => {
    await rename(admin, shop.name, between);
    await rename(admin, other.name, shop.name);
    await rename(admin, between, other.name);
  };
  await exchange();
  stack.defer(exchange);
  const isChanged = (error: unknown): boolean => isTidingsError(error, 'SOURCE_CHANGED');
  await assert.rejects(captured(at, 3), isChanged);
  await assert.rejects(planned(at, first), isChanged);
  // A name alone is not enough where the slot has gone with the database: nothing is written down.
  storedIdentity(dataDir, earlier);
  await assert.rejects(captured(at, 3), isChanged);
  await assert.rejects(captured(at, 3, { acceptGap: true }), isChanged);
  await assert.rejects(planned(at, first), isChanged);
  assert.equal(storedIdentity(dataDir), earlier);
  storedIdentity(dataDir, identity);
  const renamed = { dataDir, url: other.url };
  await captured(renamed, 3);
  await planned(renamed, first);
  assert.equal(storedIdentity(dataDir), identity.replace(shop.name, other.name));
});

interface At {
  readonly dataDir: string;
  readonly url: string;
}

function configOf({ dataDir, url }: At): ReturnType<typeof defineConfig> {
  return defineConfig({ dataDir, sources: { main: { url, tables: ['public.*'] } } });
}

/** Writes a row while capture runs. @returns its transaction. */
async function captured(
  at: At,
  id: number,
  { acceptGap = false }: { readonly acceptGap?: boolean } = {},
): Promise<string> {
  const acceptGaps = acceptGap ? ['main'] : [];
  await using tidings = await createTidings(configOf(at), { acceptGaps });
  await tidings.start();
  await until(async () => (await tidings.status()).sources[0]?.state === 'streaming');
  const client = new pg.Client({ connectionString: at.url });
  await client.connect();
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO t VALUES (${id}) RETURNING (pg_current_xact_id()::text::numeric % 4294967296)::text AS id`,
  );
  await client.end();
  const [row] = rows;
  const directory = join(at.dataDir, 'log', 'main');
  await using log = await openSqliteLogReader({ directory, source: 'main' });
  await until(async () => {
    await log.refresh();
    return (await log.transactionsById(row?.id ?? '')).length > 0;
  });
  return row?.id ?? '';
}

async function planned(at: At, transaction: string): Promise<void> {
  await using undo = openUndo(configOf(at));
  const plan = await undo.planUndo({ transaction }, {}, signal);
  assert.deepEqual([plan.conflicts.total, plan.total], [0, 1]);
}

function storedIdentity(dataDir: string, identity?: string): string {
  const state = new DatabaseSync(join(dataDir, 'state.sqlite'));
  try {
    if (identity !== undefined) state.prepare('UPDATE sources SET identity = ?').run(identity);
    return String(state.prepare('SELECT identity FROM sources').get()?.['identity']);
  } finally {
    state.close();
  }
}

function named(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

/** Sessions that have just been closed keep the database busy for a moment. */
async function rename(admin: pg.Client, from: string, to: string): Promise<void> {
  await until(() =>
    admin.query(`ALTER DATABASE ${from} RENAME TO ${to}`).then(
      () => true,
      (error: { code?: string }) => {
        if (error.code !== '55006') throw error;
        return false;
      },
    ),
  );
}
