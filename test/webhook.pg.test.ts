/**
 * Webhooks of a whole service on a real database: what was committed arrives, whatever the receivers
 * beside it do (invariant 8), and what a receiver refuses for good is parked, shown and replayed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseWire } from '../src/change/wire.ts';
import type { ConfigInput } from '../src/config/define-config.ts';
import { createTidings } from '../src/server/create-tidings.ts';
import type { Tidings } from '../src/app/tidings.ts';
import { freshDatabase, type TestDatabase } from './support/postgres.ts';
import { until } from './support/until.ts';
import { SECRET, WebhookReceiver } from './support/webhook-receiver.ts';

type Subscriptions = NonNullable<ConfigInput['subscriptions']>;

const SCHEMA = 'CREATE TABLE accounts (id int PRIMARY KEY, balance numeric(20, 2))';

interface Running extends AsyncDisposable {
  readonly tidings: Tidings;
}

async function run(database: TestDatabase, subscriptions: Subscriptions): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-webhook-'));
  const tidings = await createTidings({
    dataDir: join(directory, 'data'),
    sources: { main: { url: database.url, tables: ['public.accounts'] } },
    subscriptions,
    webhooks: { allowAddresses: ['127.0.0.0/8'] },
  });
  await tidings.start();
  return {
    tidings,
    async [Symbol.asyncDispose]() {
      await tidings.drain();
      rmSync(directory, { recursive: true });
    },
  };
}

function to(receiver: WebhookReceiver, delivery: object = {}): Subscriptions[string] {
  const webhook = { url: receiver.url, secret: SECRET };
  return { tables: ['public.accounts'], to: { webhook }, delivery };
}

/** Rows as the receiver was told of them, in the order of arrival. */
function toldRows(receiver: WebhookReceiver): readonly unknown[] {
  return receiver.requests.map(({ body }) => parseWire(body).after);
}

test('a receiver that hangs and one that fails delay no other', async () => {
  await using database = await freshDatabase();
  await using well = await WebhookReceiver.listen();
  await using hanging = await WebhookReceiver.listen();
  await using failing = await WebhookReceiver.listen();
  hanging.answer = () => undefined;
  failing.answer = (response) => void response.writeHead(500).end('broken');
  await database.client.query(SCHEMA);
  await using running = await run(database, {
    hanging: to(hanging, { timeout: '60s' }),
    failing: to(failing),
    well: to(well),
  });
  await database.client.query(
    'INSERT INTO accounts SELECT n, n + 0.05 FROM generate_series(1, 500) n',
  );
  // Far less than the deadline of the one that hangs.
  await until(() => well.requests.length === 500, 20_000);
  const { rows } = await database.client.query('SELECT to_jsonb(accounts) AS row FROM accounts');
  const byId = (one: unknown, other: unknown): number => idOf(one) - idOf(other);
  assert.deepEqual(
    [...toldRows(well)].sort(byId).map((row) => Number((row as { balance: string }).balance)),
    rows.map(({ row }) => row.balance as number),
  );
  const statuses = (await running.tidings.status()).subscriptions;
  assert.equal(statuses.find(({ name }) => name === 'hanging')?.inFlight, 16);
  // It is drained without its receiver: the attempts are cut short.
  hanging.connections.destroy();
});

function idOf(row: unknown): number {
  return Number((row as { readonly id: unknown }).id);
}

test('endless failure parks and shows; a replay delivers, under the same ids', async () => {
  await using database = await freshDatabase();
  await using receiver = await WebhookReceiver.listen();
  receiver.answer = (response) => void response.writeHead(422).end('no such customer: 7');
  await database.client.query(SCHEMA);
  await using running = await run(database, {
    crm: to(receiver, { maxAttempts: 3, backoff: { first: 10, factor: 1, max: 10 } }),
  });
  const { tidings } = running;
  await database.client.query('INSERT INTO accounts SELECT n, n FROM generate_series(1, 25) n');
  await until(
    async () => (await tidings.deliveries({ states: ['parked'] })).deliveries.length === 25,
  );
  assert.equal(receiver.requests.length, 75);
  const [parked] = (await tidings.deliveries()).deliveries;
  assert.deepEqual(
    [parked?.attempts, parked?.lastError?.status, parked?.lastError?.excerpt],
    [3, 422, 'no such customer: 7'],
  );
  const ids = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
  assert.equal(ids.size, 25);

  receiver.answer = (response) => void response.writeHead(204).end();
  await tidings.replay('crm', { parked: true });
  await until(() => receiver.requests.length === 100);
  const again = receiver.requests.slice(75).map(({ headers }) => headers['webhook-id']);
  assert.deepEqual(new Set(again), ids);
  await until(async () => (await tidings.deliveries()).deliveries.length === 0);
});

test('one made while the service runs is there after a restart, with its place', async () => {
  await using database = await freshDatabase();
  await using receiver = await WebhookReceiver.listen();
  await database.client.query(SCHEMA);
  const directory = mkdtempSync(join(tmpdir(), 'tidings-webhook-'));
  const config: ConfigInput = {
    dataDir: join(directory, 'data'),
    sources: { main: { url: database.url, tables: ['public.accounts'] } },
    webhooks: { allowAddresses: ['127.0.0.0/8'] },
  };
  {
    await using tidings = await createTidings(config);
    await tidings.start();
    const made = await tidings.createSubscription('crm', to(receiver));
    assert.deepEqual([made.origin, made.protected], ['api', false]);
    assert.doesNotMatch(JSON.stringify(made), /whsec_/);
    await database.client.query('INSERT INTO accounts VALUES (1, 10)');
    await until(() => receiver.requests.length === 1);
  }
  await database.client.query('INSERT INTO accounts VALUES (2, 20)');
  await using tidings = await createTidings(config);
  await tidings.start();
  await until(() => receiver.requests.length === 2);
  assert.deepEqual(toldRows(receiver), [
    { id: 1, balance: '10.00' },
    { id: 2, balance: '20.00' },
  ]);
  const report = await tidings.testDelivery('crm');
  assert.deepEqual([report.outcome, report.answer?.status], ['ack', 204]);
  assert.match(report.request.headers['webhook-id'] ?? '', /^test_/);
  await tidings.deleteSubscription('crm');
  assert.deepEqual(await tidings.subscriptions(), []);
  await tidings.drain();
  rmSync(directory, { recursive: true });
});
