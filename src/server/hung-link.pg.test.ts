/** A link to the database that is there and brings nothing: who steers subscriptions is answered. */
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { type Answered, serveApi } from '../../test/support/api-fixture.ts';
import { freshDatabase } from '../../test/support/postgres.ts';
import { ENDS, until } from '../../test/support/until.ts';
import type { SubscriptionReport } from '../app/administration.ts';

/** Hands everything on to a server until it hangs; then nothing passes, and nobody is told. */
class Link implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server;
  #hung = false;

  constructor(onward: URL) {
    this.#server = createServer((socket) => {
      const upstream = connect(Number(onward.port), onward.hostname);
      for (const end of [socket, upstream]) {
        this.#sockets.add(end);
        end.on('error', () => end.destroy());
      }
      if (this.#hung) return;
      socket.pipe(upstream).pipe(socket);
    });
  }

  /** The address of the database by way of the link. */
  async open(url: string): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const behind = new URL(url);
    behind.hostname = '127.0.0.1';
    behind.port = String(address.port);
    return behind.href;
  }

  hang(): void {
    this.#hung = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const MISSPELT = {
  tables: ['public.acounts'],
  to: { webhook: { url: 'https://crm.example/in', secret: `whsec_${'A'.repeat(43)}=` } },
};

test('pause, resume, rewind, and who shows, makes or changes one', ENDS, async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE accounts (id int PRIMARY KEY)');
  await using link = new Link(new URL(database.url));
  const sources = { main: { url: await link.open(database.url), tables: ['public.accounts'] } };
  await using api = await serveApi({ sources }, (tidings) => {
    tidings.register('mail', 'public.acounts', { insert: () => undefined });
  });
  await until(async () => (await api.ask('GET', '/readyz')).status === 200);
  const report = (answered: Answered, status = 200): SubscriptionReport => {
    assert.equal(answered.status, status, answered.text);
    return answered.json<SubscriptionReport>();
  };
  const at = '/v1/subscriptions';
  const made = await api.ask('POST', at, { body: { name: 'crm', ...MISSPELT } });
  assert.equal(report(made, 201).warnings.length, 1);
  assert.equal(report(await api.ask('GET', `${at}/mail`)).warnings.length, 1);

  link.hang();
  const post = async (what: string, body?: object): Promise<SubscriptionReport> =>
    report(
      await api.ask('POST', `${at}/mail/${what}`, { body, signal: AbortSignal.timeout(20_000) }),
    );
  assert.equal((await post('pause', { reason: 'maintenance' })).reason, 'maintenance');
  assert.notEqual((await post('resume')).state, 'paused');
  assert.deepEqual((await post('rewind', { to: 'floor' })).warnings, []);
  // One waits for the link, the others for the one.
  const [shown, changed, created] = await Promise.all([
    api.ask('GET', `${at}/mail`),
    api.ask('PUT', `${at}/crm`, { body: MISSPELT }),
    api.ask('POST', at, { body: { name: 'other', ...MISSPELT } }),
  ]);
  for (const each of [report(shown), report(changed), report(created, 201)]) {
    assert.deepEqual(each.warnings, []);
  }
  const gone = AbortSignal.abort();
  assert.deepEqual((await api.tidings.subscription('mail', { signal: gone })).warnings, []);
  link.cut();
});
