/** A source that refuses capture is tried again for as long as the service runs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTidings } from '../src/app/create-tidings.ts';
import type { SourceStatusReport } from '../src/app/status/status.ts';
import type { Tidings } from '../src/app/tidings.ts';
import { isTidingsError } from '../src/errors/tidings-error.ts';
import { freshDatabase, type TestDatabase } from './support/postgres.ts';
import { until } from './support/until.ts';

interface Fixture extends AsyncDisposable {
  readonly shop: TestDatabase;
  readonly stock: TestDatabase;
  /** A url by which a role of its own reaches a database. */
  readonly urlOf: (database: TestDatabase, password?: string) => string;
  /** The role that captures, as `ALTER ROLE` says. */
  readonly alterRole: (what: string) => Promise<void>;
  readonly open: (sources: Readonly<Record<string, string>>) => Promise<Tidings>;
}

async function fixture(): Promise<Fixture> {
  await using stack = new AsyncDisposableStack();
  const shop = stack.use(await freshDatabase());
  const stock = stack.use(await freshDatabase());
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-refused-'));
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const role = `reader_${shop.name}`;
  const { client } = shop;
  await client.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'right'`);
  stack.defer(async () => {
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
  for (const database of [shop, stock]) {
    await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  }
  const owned = stack.move();
  return {
    shop,
    stock,
    urlOf: ({ url }, password = 'right') => {
      const changed = new URL(url);
      changed.username = role;
      changed.password = password;
      return changed.href;
    },
    alterRole: async (what) => void (await client.query(`ALTER ROLE ${role} ${what}`)),
    open: async (urls) => {
      const sources = Object.fromEntries(
        Object.entries(urls).map(([name, url]) => [name, { url }]),
      );
      return owned.use(await createTidings({ dataDir, sources }));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function reportOf(tidings: Tidings, name: string): Promise<SourceStatusReport> {
  const { sources } = await tidings.status();
  const found = sources.find((source) => source.name === name);
  assert.ok(found !== undefined);
  return found;
}

async function comesTo(tidings: Tidings, name: string, state: string): Promise<void> {
  await until(async () => (await reportOf(tidings, name)).state === state, 20_000, state);
}

test('a wrong password at the start: the others capture, and it does once it is mended', async () => {
  await using at = await fixture();
  const tidings = await at.open({ shop: at.urlOf(at.shop, 'wrong'), stock: at.stock.url });
  await tidings.start();
  await comesTo(tidings, 'stock', 'streaming');
  const refused = await reportOf(tidings, 'shop');
  assert.deepEqual([refused.state, refused.error?.code], ['refused', 'SOURCE_LOGIN_REFUSED']);
  await at.alterRole(`PASSWORD 'wrong'`);
  await comesTo(tidings, 'shop', 'streaming');
  await at.shop.client.query('INSERT INTO t VALUES (1)');
  await until(async () => (await reportOf(tidings, 'shop')).log.head === 1);
  assert.match(await tidings.metrics(), /tidings_capture_state\{source="shop",state="refused"\} 0/);
});

test('a login taken away while it streams: the service goes on, and nothing is lost', async () => {
  await using at = await fixture();
  const tidings = await at.open({ shop: at.urlOf(at.shop) });
  await tidings.start();
  await at.alterRole('NOLOGIN');
  await at.shop.client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE usename = 'reader_' || current_database()`,
  );
  await comesTo(tidings, 'shop', 'refused');
  await at.shop.client.query('INSERT INTO t VALUES (1)');
  await at.alterRole('LOGIN');
  await comesTo(tidings, 'shop', 'streaming');
  await until(async () => (await reportOf(tidings, 'shop')).log.head === 1);
});

test('when every source refuses at the start, the start has failed', async () => {
  await using at = await fixture();
  const urls = { shop: at.urlOf(at.shop, 'wrong'), stock: at.urlOf(at.stock, 'wrong') };
  const tidings = await at.open(urls);
  const isRefused = (error: unknown): boolean => isTidingsError(error, 'SOURCE_LOGIN_REFUSED');
  await assert.rejects(tidings.start(), isRefused);
  await assert.rejects(tidings.finished, isRefused);
  assert.equal((await reportOf(tidings, 'stock')).state, 'failed');
});

test('a database that is dropped and made anew is another one: refused, then failed', async () => {
  await using at = await fixture();
  const { name, client } = at.stock;
  const tidings = await at.open({ shop: at.shop.url, stock: at.stock.url });
  await tidings.start();
  await client.end();
  await at.shop.client.query(
    `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '${name}'`,
  );
  await until(async () => {
    const dropped = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
      WHERE database = '${name}'`;
    return await at.shop.client
      .query(dropped)
      .then(() => at.shop.client.query(`DROP DATABASE ${name} WITH (FORCE)`))
      .then(
        () => true,
        () => false,
      );
  });
  await comesTo(tidings, 'stock', 'refused');
  assert.match((await reportOf(tidings, 'stock')).error?.message ?? '', /does not exist/);
  await at.shop.client.query(`CREATE DATABASE ${name}`);
  await comesTo(tidings, 'stock', 'failed');
  assert.equal((await reportOf(tidings, 'stock')).error?.code, 'SOURCE_CHANGED');
  assert.equal((await reportOf(tidings, 'shop')).state, 'streaming');
});
