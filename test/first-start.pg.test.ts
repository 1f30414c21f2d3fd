/** A database that is not there yet when Tidings is started for the first time. */
import assert from 'node:assert/strict';
import { connect, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { createTidings } from '../src/app/create-tidings.ts';
import { freshDatabase } from './support/postgres.ts';
import { project } from './support/tidings-process.ts';
import { until } from './support/until.ts';

/** Listens on a port of 127.0.0.1; port 0 is any. */
async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

/** Hands every connection on to the server behind the address. */
function forwarder(url: URL): Server {
  return createServer((socket) => {
    const upstream = connect(Number(url.port), url.hostname);
    // The other side of a connection that was cut has nothing to tell either.
    for (const end of [socket, upstream]) end.on('error', () => end.destroy());
    socket.pipe(upstream).pipe(socket);
  });
}

test('a start waits for a database it has never seen: what follows is captured', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY)');
  const real = new URL(database.url);
  const behind = new URL(database.url);
  const placeholder = createServer();
  behind.hostname = '127.0.0.1';
  behind.port = String(await listen(placeholder, 0));
  await new Promise((resolve) => placeholder.close(resolve));
  using at = project(behind.href);
  await using tidings = await createTidings({
    dataDir: at.dataDir,
    sources: { main: { url: behind.href, tables: ['public.t'] } },
  });
  const told: unknown[] = [];
  tidings.register('witness', 'public.t', { insert: ({ id }) => void told.push(id) });
  let hasStarted = false;
  const started = tidings.start().then(() => (hasStarted = true));
  await until(async () => (await tidings.status()).sources[0]?.state === 'reconnecting');
  assert.equal(hasStarted, false);

  await using server = forwarder(real);
  await listen(server, Number(behind.port));
  await started;
  await database.client.query('INSERT INTO t VALUES (1)');
  await until(() => told.length > 0);
  assert.deepEqual(told, [1]);
  await tidings.drain();
});

test('a start that waits ends when the service does', async () => {
  using at = project('postgresql://nobody@127.0.0.1:1/none');
  await using tidings = await createTidings({
    dataDir: at.dataDir,
    sources: { main: { url: 'postgresql://nobody@127.0.0.1:1/none' } },
  });
  const started = tidings.start();
  await until(async () => (await tidings.status()).sources[0]?.state === 'reconnecting');
  await tidings.drain();
  await started;
  assert.equal((await tidings.status()).sources[0]?.state, 'stopped');
});
