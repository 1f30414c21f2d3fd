import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';

async function ask(url: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, string>>(sql);
    return Object.values(rows[0] ?? {})[0] ?? '';
  } finally {
    await client.end();
  }
}

test('starts, keeps its rows over a restart, and is gone after disposal', async () => {
  // 0700: as root, this is also the case of a folder that the server's user cannot enter.
  const directory = mkdtempSync(join(tmpdir(), 'tidings-embedded-'));
  let url = '';
  {
    await using server = await startEmbeddedPostgres({ directory });
    url = server.url;
    assert.equal(await ask(url, 'SHOW wal_level'), 'logical');
    assert.match(await ask(url, 'SHOW server_version'), /^18\./);
    await ask(url, 'CREATE TABLE kept AS SELECT 42::text AS answer');
  }
  await assert.rejects(ask(url, 'SELECT 1'), 'a disposed server does not answer');
  {
    await using server = await startEmbeddedPostgres({ directory });
    assert.equal(server.url, url, 'port and password are remembered');
    assert.equal(await ask(server.url, 'SELECT answer FROM kept'), '42');
  }
  await removeEmbeddedPostgres(directory);
  await assert.rejects(stat(directory));
});

test('takes over the server that a killed process left behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-embedded-'));
  const left = await startEmbeddedPostgres({ directory });
  {
    await using server = await startEmbeddedPostgres({ directory });
    assert.equal(server.pid, left.pid);
  }
  await assert.rejects(ask(left.url, 'SELECT 1'));
  await removeEmbeddedPostgres(directory);
});

test('refuses a wrong password', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-embedded-'));
  {
    await using server = await startEmbeddedPostgres({ directory });
    const url = new URL(server.url);
    url.password = 'wrong';
    await assert.rejects(ask(url.href, 'SELECT 1'), /password authentication failed/);
  }
  await removeEmbeddedPostgres(directory);
  await rm(directory, { recursive: true, force: true });
});
