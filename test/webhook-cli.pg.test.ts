/** Webhooks as an operator has them: the real commands, a real service, a real database. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { DeliveryReport, SubscriptionReport, TestReport } from '../src/app/administration.ts';
import type { Arrival } from '../src/cli/listen/arrival.ts';
import { freshDatabase, type TestDatabase } from './support/postgres.ts';
import {
  drain,
  type Finished,
  type Project,
  project,
  start,
  tidings,
} from './support/tidings-process.ts';
import { until } from './support/until.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A service that runs, and the commands for it. */
interface Running extends AsyncDisposable {
  readonly at: Project;
  readonly child: ReturnType<typeof start>;
  /** Runs a command to its end; fails unless it ends with this exit code. */
  readonly run: (line: string | readonly string[], code?: number) => Promise<Finished>;
  /** The same with `--json`: the document it printed. */
  readonly ask: <Type>(line: string, code?: number) => Promise<Type>;
}

async function service(database: TestDatabase): Promise<Running> {
  await database.client.query('CREATE TABLE accounts (id int PRIMARY KEY, email text)');
  const at = project(database.url, { tables: ['public.accounts'] });
  const written = JSON.parse(readFileSync(at.config, 'utf8')) as object;
  const webhooks = { allowAddresses: ['127.0.0.0/8'] };
  writeFileSync(at.config, JSON.stringify({ ...written, webhooks }));
  const child = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  const run: Running['run'] = async (line, code = 0) => {
    const words = typeof line === 'string' ? line.split(' ') : line;
    const ended = await tidings([...words, '--config', at.config], { cwd: at.directory });
    assert.equal(ended.code, code, `${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
    assert.doesNotMatch(ended.stderr, /\n\s+at /, 'no stack trace');
    assert.ok(!(ended.stdout + ended.stderr).includes(SECRET), 'no secret');
    return ended;
  };
  return {
    at,
    child,
    run,
    ask: async <Type>(line: string, code = 0) =>
      JSON.parse((await run(`${line} --json`, code)).stdout) as Type,
    async [Symbol.asyncDispose]() {
      if (child.signalCode === null) await drain(child);
      at[Symbol.dispose]();
    },
  };
}

/** `tidings listen`, as a witness of what arrives. */
interface Listener {
  readonly url: string;
  readonly port: string;
  readonly arrivals: readonly Arrival[];
  /** Keys of the rows that were taken, verified and no test. */
  taken(): readonly unknown[];
  end(): Promise<void>;
}

async function listener(...flags: readonly string[]): Promise<Listener> {
  const child = start(['listen', '--json', '--secret', SECRET, ...flags]);
  assert.ok(child.stdout !== null && child.stderr !== null);
  const arrivals: Arrival[] = [];
  createInterface(child.stdout).on('line', (line) => arrivals.push(JSON.parse(line) as Arrival));
  let notice = '';
  child.stderr.on('data', (chunk: Buffer) => (notice += chunk.toString()));
  await until(() => /Listening on http\S+,/.test(notice), 20_000, 'the receiver');
  const [, url = ''] = /Listening on (\S+),/.exec(notice) ?? [];
  return {
    url,
    port: new URL(url).port,
    arrivals,
    taken: () =>
      arrivals
        .filter(({ status, verified, test }) => status === 204 && verified && !test)
        .map(({ change }) => change?.data.key?.['id']),
    async end() {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      assert.deepEqual((await ended)[0], 0);
    },
  };
}

async function insert({ client }: TestDatabase, from: number, to: number): Promise<void> {
  await client.query(
    "INSERT INTO accounts SELECT n, 'a@b.example' FROM generate_series($1::int, $2::int) n",
    [from, to],
  );
}

/** What the database has is what was taken, each row once. */
async function assertAllTaken({ client }: TestDatabase, receiver: Listener): Promise<void> {
  const { rows } = await client.query<{ id: number }>('SELECT id FROM accounts ORDER BY id');
  await until(() => receiver.taken().length >= rows.length, 20_000, 'every row at the receiver');
  const sorted = receiver.taken().toSorted((left, right) => Number(left) - Number(right));
  assert.deepEqual(
    sorted,
    rows.map(({ id }) => id),
  );
}

test('a subscription is made, tried, paused, resumed, changed and deleted', async () => {
  await using database = await freshDatabase();
  await using running = await service(database);
  const { run, ask } = running;
  const receiver = await listener('--port', '0');
  assert.match((await run('subscriptions')).stdout, /There is no subscription yet/);
  const create = `subscriptions create crm --table public.accounts --url ${receiver.url} --secret ${SECRET}`;
  assert.match((await run(create)).stdout, /^Created crm: public\.accounts → http:\/\/127/);
  assert.match((await run(create, 2)).stderr, /^error SUBSCRIPTION_EXISTS/);

  const tested = await ask<TestReport>('trigger-test crm');
  assert.deepEqual([tested.outcome, tested.answer?.status], ['ack', 204]);
  assert.deepEqual(
    receiver.arrivals.map((arrival) => [arrival.test, arrival.verified]),
    [[true, true]],
  );

  await insert(database, 1, 20);
  await assertAllTaken(database, receiver);

  await run(['subscriptions', 'pause', 'crm', '--reason', 'moves house']);
  const paused = await ask<SubscriptionReport>('subscriptions show crm');
  assert.deepEqual([paused.state, paused.reason?.includes('moves house')], ['paused', true]);
  await insert(database, 21, 30);
  await run('subscriptions resume crm');
  await assertAllTaken(database, receiver);

  // What is not given stays, the secret too: the receiver still believes what comes.
  await run('subscriptions change crm --max-concurrency 3');
  const changed = await ask<SubscriptionReport>('subscriptions show crm');
  assert.equal(changed.definition?.delivery.maxConcurrency, 3);
  await insert(database, 31, 40);
  await assertAllTaken(database, receiver);
  assert.deepEqual(
    receiver.arrivals.filter(({ verified }) => !verified),
    [],
  );

  assert.match((await run('subscriptions delete crm', 2)).stderr, /^error NOT_CONFIRMED/);
  await run('subscriptions delete crm --yes');
  assert.deepEqual(await ask('subscriptions'), []);
  assert.match((await run('subscriptions show crm', 2)).stderr, /^error SUBSCRIPTION_UNKNOWN/);
  await receiver.end();
});

test('what was not taken is listed, shown, discarded, retried and replayed', async () => {
  await using database = await freshDatabase();
  await using running = await service(database);
  const { run, ask, at } = running;
  const broken = await listener('--port', '0', '--status', '500');
  // Nothing is attempted again by itself while the test looks at it.
  const delivery = { maxAttempts: 2, backoff: { first: '1h', max: '1h' } };
  const to = { webhook: { url: broken.url, secret: SECRET } };
  writeFileSync(
    join(at.directory, 'crm.json'),
    JSON.stringify({ tables: ['public.accounts'], to, delivery }),
  );
  await run('subscriptions create crm --file crm.json');
  const deliveries = async (flags = ''): Promise<readonly DeliveryReport[]> =>
    (await run(`deliveries crm --json${flags}`)).stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as DeliveryReport);
  const states = async (): Promise<readonly string[]> =>
    (await deliveries()).map(({ state }) => state);
  const all = (count: number, state: string): readonly string[] =>
    Array.from({ length: count }, () => state);

  await insert(database, 1, 5);
  await until(async () => (await states()).join() === all(5, 'retrying').join());
  assert.match((await run('deliveries crm')).stdout, /accounts +1 +retrying.*HTTP 500/);
  await run('deliveries retry crm --all');
  await until(async () => (await states()).join() === all(5, 'parked').join());

  const [first, second, ...rest] = await deliveries(' --state parked');
  assert.ok(first !== undefined && second !== undefined && rest.length === 3);
  const shown = await ask<{ delivery: DeliveryReport; change: Arrival['change'] }>(
    `deliveries show crm ${first.offset}`,
  );
  assert.deepEqual([shown.delivery.attempts, shown.delivery.lastError?.status], [2, 500]);
  assert.equal(shown.change?.id, broken.arrivals[0]?.id);
  await run(['deliveries', 'discard', 'crm', String(first.offset), '--reason', 'by hand']);
  const [discarded] = await deliveries(' --state discarded');
  assert.equal(discarded?.discarded?.reason, 'by hand');

  await broken.end();
  const mended = await listener('--port', broken.port);
  await run('deliveries replay crm --parked');
  await until(async () => (await states()).length === 0);
  assert.deepEqual(new Set(mended.taken()), new Set([2, 3, 4, 5]));
  assert.equal(mended.taken().length, 4);
  // One that was given up is delivered all the same when somebody asks for it.
  await run(`deliveries replay crm ${first.offset}`);
  await assertAllTaken(database, mended);
  assert.match((await run('deliveries retry crm 999999', 2)).stderr, /^error EXCEPTION_UNKNOWN/);
  await mended.end();
});

test('without a service, and after one was killed, commands say how to start it', async () => {
  await using database = await freshDatabase();
  await using running = await service(database);
  const killed = once(running.child, 'exit');
  running.child.kill('SIGKILL');
  await killed;
  const { stderr } = await running.run('subscriptions', 1);
  assert.match(
    stderr,
    /^error SERVICE_NOT_RUNNING: .*\n→ Start it: `tidings start --config .*tidings\.config\.json`\./,
  );
});
