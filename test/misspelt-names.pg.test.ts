/** Names of tables and columns that the database does not have are told wherever one writes them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import type { SubscriptionReport } from '../src/app/administration.ts';
import { createTidings } from '../src/index.ts';
import { createLogger } from '../src/observe/pino-logger.ts';
import { freshDatabase } from './support/postgres.ts';
import { drain, project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

const MEANT = /There is no table public\.custmers now\. Did you mean public\.customers\?/;

test('doctor, start, the API, the command line, and commands that look back', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE customers (id int PRIMARY KEY, email text)');
  await client.query('CREATE TABLE audit (id int PRIMARY KEY)');
  await client.query('CREATE VIEW recent AS SELECT * FROM customers');
  using at = project(database.url, {
    tables: ['public.*', '!public.audit', '!public.adit'],
    subscriptions: {
      crm: { tables: ['public.custmers'], to: { handler: './crm.mjs' } },
      views: { tables: ['public.recent', 'public.audit'], to: { handler: './crm.mjs' } },
      fine: { tables: ['public.*'], columns: ['email'], to: { handler: './crm.mjs' } },
    },
  });
  writeFileSync(join(at.directory, 'crm.mjs'), 'export default { insert() {} };');
  const config = ['--config', at.config];

  const doctor = await tidings(['doctor', ...config]);
  assert.equal(doctor.code, 0, doctor.stdout);
  assert.match(doctor.stdout, new RegExp(`warn +crm +${MEANT.source}\n +If that is not intended`));
  assert.match(doctor.stdout, /warn +views +public\.recent is a view/);
  assert.match(doctor.stdout, /warn +views +public\.audit is not captured/);
  assert.match(doctor.stdout, /warn +table names +!public\.adit leaves out nothing/);
  assert.doesNotMatch(doctor.stdout, /warn +fine/);

  const child = start(['start', ...config]);
  const said = buffer(child.stderr ?? process.stdin);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await client.query("INSERT INTO customers VALUES (1, 'a')");
  await until(async () => (await at.status()).sources[0]?.log.head === 1);

  const made = await tidings([
    ...'subscriptions create api --table public.custmers --url https://crm.example/in'.split(' '),
    '--json',
    ...config,
  ]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, new RegExp(`^warning: ${MEANT.source}\n`));
  const { subscription } = JSON.parse(made.stdout) as { subscription: SubscriptionReport };
  assert.equal(subscription.warnings.length, 1);
  const shown = await tidings(['subscriptions', 'show', 'api', '--json', ...config]);
  const again = JSON.parse(shown.stdout) as SubscriptionReport;
  assert.deepEqual(again.warnings, subscription.warnings, 'also for who asks later');
  assert.equal(shown.stderr, made.stderr);
  const changed = await tidings([
    ...'subscriptions change api --table public.customers --column emial'.split(' '),
    ...config,
  ]);
  assert.match(
    changed.stderr,
    /^warning: No table of it has a column emial\. Did you mean email\?/,
  );

  const refused: readonly (readonly [line: string, code: string])[] = [
    ['history public.custmers 1', 'TABLE_NOT_LOGGED'],
    ['history custmers 1', 'TABLE_NOT_LOGGED'],
    ['find --table public.custmers', 'TABLE_NOT_LOGGED'],
    ['tail --table public.custmers --from floor --no-follow', 'TABLE_NOT_LOGGED'],
    ['tail --table custmers', 'TABLE_NOT_LOGGED'],
    ['log export --table custmers', 'TABLE_NOT_LOGGED'],
    ['undo --table public.custmers --since 0', 'UNDO_NO_TABLE'],
    ['undo --table public.Customers --since 0', 'UNDO_NO_TABLE'],
    ['table public.custmers --as-of 0', 'AS_OF_NO_TABLE'],
  ];
  const ended = await Promise.all(
    refused.map(([line]) => tidings([...line.split(' '), ...config])),
  );
  for (const [place, [line, code]] of refused.entries()) {
    const { stderr } = ended[place] ?? { stderr: '' };
    assert.equal(ended[place]?.code, 2, `${line}: ${stderr}`);
    assert.match(stderr, new RegExp(`^error ${code}: .* Did you mean (public\\.)?customers\\?`));
  }
  // By its name alone, as for the commands that look back; and what is no pattern is no defect.
  for (const line of ['tail --table customers --from floor --no-follow --json', 'log export']) {
    const one = await tidings([...line.split(' '), '--table', 'customers', ...config]);
    assert.equal(one.code, 0, one.stderr);
    assert.match(one.stdout, /"subject":"public\.customers"/, line);
  }
  for (const pattern of ['!customers', 'a.b.c']) {
    const one = await tidings(['tail', '--no-follow', '--table', pattern, ...config]);
    assert.match(one.stderr, /^error TABLE_PATTERN_INVALID: /);
    assert.equal(one.code, 64);
  }
  const tail = start(['tail', '--table', 'public.custmers', ...config]);
  const [warning] = (await once(tail.stderr ?? process.stdin, 'data')) as [Buffer];
  assert.match(String(warning), /^warning: .*Did you mean public\.customers\?/);
  await drain(tail);

  await drain(child);
  assert.match(String(await said), new RegExp(`"subscription":"crm".*${MEANT.source}`));
});

test('register: what is registered before the start and after it', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE customers (id int PRIMARY KEY)');
  using at = project(database.url);
  const lines: string[] = [];
  const logger = createLogger({
    level: 'warn',
    pretty: false,
    colour: false,
    write: (line) => lines.push(line),
  });
  const sources = { main: { url: database.url, tables: ['public.*'] } };
  await using service = await createTidings({ dataDir: at.dataDir, sources }, { logger });
  const handler = { insert: () => Promise.resolve() };
  service.register('before', 'public.custmers', handler);
  await service.start();
  service.register('after', 'public.Customers', handler);
  for (const name of ['before', 'after']) {
    await until(() =>
      Promise.resolve(
        lines.some(
          (line) => line.includes(`"${name}"`) && line.includes('Did you mean public.customers?'),
        ),
      ),
    );
  }
});

test('a pattern of the source is told of at the source, once, and not at each subscription', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE customers (id int PRIMARY KEY, email text)');
  await database.client.query('CREATE TABLE orders (id int PRIMARY KEY)');
  using at = project(database.url, {
    tables: ['public.custmers', 'public.orders'],
    subscriptions: {
      crm: { tables: ['public.customers'], columns: ['email'], to: { handler: './crm.mjs' } },
      all: { tables: ['public.*'], to: { handler: './crm.mjs' } },
      typo: { tables: ['public.ordres'], to: { handler: './crm.mjs' } },
    },
  });
  writeFileSync(join(at.directory, 'crm.mjs'), 'export default { insert() {} };');
  const doctor = await tidings(['doctor', '--config', at.config]);
  const warned = doctor.stdout
    .split('\n')
    .filter((line) => /There is no|not captured|means no/.test(line));
  assert.equal(warned.length, 2, doctor.stdout);
  assert.match(String(warned[0]), new RegExp(`table names +${MEANT.source}`));
  assert.match(String(warned[1]), /typo +There is no table public\.ordres now/);

  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const logger = createLogger({ level: 'warn', pretty: false, colour: false, write });
  const sources = { main: { url: database.url, tables: ['public.custmers', 'public.orders'] } };
  await using service = await createTidings({ dataDir: at.dataDir, sources }, { logger });
  service.register('crm', 'public.customers', { insert: () => Promise.resolve() });
  service.register('typo', 'public.ordres', { insert: () => Promise.resolve() });
  await service.start();
  await until(() => Promise.resolve(lines.some((line) => line.includes('"typo"'))));
  const names = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    names.map(({ message, option, subscription }) => [message, option ?? subscription]),
    [
      [
        'There is no table public.custmers now. Did you mean public.customers?',
        'sources.main.tables',
      ],
      ['There is no table public.ordres now. Did you mean public.orders?', 'typo'],
    ],
  );
  // Who asks for one gets all that keeps it from being told of anything.
  const { warnings } = await service.subscription('crm');
  assert.deepEqual(warnings, [
    "public.customers is not captured: the source's tables leave it out.",
  ]);
});
