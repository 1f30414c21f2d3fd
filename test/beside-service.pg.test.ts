/** Commands beside a running service need its data directory, and nothing that its environment had. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshDatabase } from './support/postgres.ts';
import { drain, project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

const CONFIG = `import { defineConfig } from 'tidings';

export default defineConfig({
  dataDir: 'data',
  sources: { main: { url: process.env.DATABASE_URL, tables: ['public.*'] } },
  subscriptions: {
    crm: {
      tables: ['public.accounts'],
      to: { webhook: { url: process.env.CRM_URL, secret: process.env.CRM_SECRET } },
    },
  },
});
`;

const COMMANDS = [
  'subscriptions',
  'subscriptions show crm',
  'deliveries',
  'status',
  'tail --from floor --no-follow',
  'log verify',
  'log export',
  'find --table public.accounts',
  'show @0',
  'history accounts 1',
] as const;

test('beside a service that got its address and secrets from the environment', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE accounts (id int PRIMARY KEY)');
  using at = project(database.url);
  const cwd = at.directory;
  writeFileSync(join(cwd, 'shop.ts'), CONFIG);
  writeFileSync(join(cwd, 'package.json'), '{"type": "commonjs"}');
  const secrets = {
    DATABASE_URL: database.url,
    CRM_URL: 'http://127.0.0.1:9/',
    CRM_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  };
  const child = start(['start', '--config', 'shop.ts'], { cwd, env: secrets });
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await database.client.query('INSERT INTO accounts VALUES (1)');
  await until(async () => (await at.status()).sources[0]?.log.head === 1);

  // With the service's configuration, and with nothing but its data directory.
  const ways = [
    { cwd, where: ['--config', 'shop.ts'] },
    { cwd: at.dataDir, where: ['--data-dir', '.'] },
  ];
  for (const command of COMMANDS) {
    const ended = await Promise.all(
      ways.map((way) => tidings([...command.split(' '), ...way.where], { cwd: way.cwd })),
    );
    for (const { code, stdout, stderr } of ended) {
      assert.equal(code, 0, `${command}\n${stdout}${stderr}`);
      if (command.startsWith('tail')) assert.match(stdout, /insert +public\.accounts +id=1/);
    }
  }
  await drain(child);

  // What needs a value asks for it, and says how it is given.
  const started = await tidings(['start', '--config', 'shop.ts'], { cwd });
  assert.equal(started.code, 64);
  assert.match(
    started.stderr,
    /3 problems:\n.*sources\.main\.url\.\n.*webhook\.url\.\n.*webhook\.secret\./,
  );
  const plan = await tidings(
    ['undo', '--table', 'public.accounts', '--since', '0', '--config', 'shop.ts'],
    { cwd },
  );
  assert.match(
    plan.stderr,
    /^error CONFIG_VALUE_MISSING: .*sources\.main\.url\.\n→ .*\.env beside/,
  );
  const doctor = await tidings(['doctor', '--config', 'shop.ts'], { cwd });
  assert.equal(doctor.code, 1);
  assert.match(
    doctor.stdout,
    /FAIL +address +The configuration has no value for sources\.main\.url/,
  );
  assert.match(doctor.stdout, /FAIL +crm +The configuration has no value for .*webhook\.url/);
  writeFileSync(join(cwd, '.env'), `DATABASE_URL=${database.url}\n`);
  const mended = await tidings(['doctor', '--config', 'shop.ts'], { cwd });
  assert.match(mended.stdout, /DATABASE_URL +Set in \.env\.\n/);
  assert.doesNotMatch(mended.stdout, /sources\.main\.url/);
});
