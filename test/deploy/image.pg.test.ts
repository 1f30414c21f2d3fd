/** What the image starts, without Docker: its entry point, health check, user and read-only root. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { once } from 'node:events';
import { needs } from '../support/needs.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { canContain, layOutImage, startContainer } from './container.ts';
import { readImage } from './dockerfile.ts';

const image = readImage();

/** As the Compose file hands them over. */
const ENV = {
  DATABASE_URL_FILE: '/run/secrets/database_url',
  TIDINGS_HTTP_HOST: '0.0.0.0',
  // Others may run on this machine.
  TIDINGS_HTTP_PORT: '0',
  TIDINGS_HTTP_TOKEN_FILE: '/run/secrets/tidings_token',
};

test('the image captures, is healthy, writes nowhere else and stops when told', async (context) => {
  const allowed = canContain();
  if (!needs(context, allowed, 'namespaces on Linux', 'sudo npm test -- test/deploy')) return;
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE notes (id int PRIMARY KEY, note text)');
  using files = layOutImage(image, {
    [ENV.DATABASE_URL_FILE]: `${database.url}\n`,
    [ENV.TIDINGS_HTTP_TOKEN_FILE]: 'a-token-of-the-tests\n',
  });

  // What is missing is said, and ends it.
  await using lacking = await startContainer(files, { DATABASE_URL_FILE: '/run/secrets/none' });
  await until(() => lacking.process.exitCode !== null);
  assert.equal(lacking.process.exitCode, 64);
  assert.match(lacking.output.text, /SECRET_FILE_UNREADABLE/);

  await using container = await startContainer(files, ENV);
  const { output } = container;

  // Docker's own words: unhealthy counts once this time is over.
  const patience = Number.parseInt(image.healthOptions['start-period'] ?? '', 10) * 1000;
  await until(
    async () => (await container.exec(image.healthcheck)).code === 0,
    patience,
    output.text,
  );
  const tidings = image.entrypoint;
  await until(async () => (await container.exec([...tidings, 'health', '--ready'])).code === 0);

  await database.client.query("INSERT INTO notes VALUES (1, 'read from a container')");
  const tail = ['tail', '--from', 'floor', '--no-follow', '--json'];
  await until(async () =>
    (await container.exec([...tidings, ...tail])).stdout.includes('from a container'),
  );

  const look = `
    const { writeFileSync } = require('node:fs');
    const tried = ['/app/x', '/config/x', '/data/x', '/tmp/x', '/x'].map((path) => {
      try { writeFileSync(path, ''); return path; } catch (error) { return error.code; }
    });
    const status = require('node:fs').readFileSync('/proc/1/status', 'utf8');
    const first = ['Uid', 'Gid', 'CapEff', 'NoNewPrivs'].map((name) =>
      new RegExp('^' + name + ':\\\\s+(\\\\w+)', 'm').exec(status)[1]);
    console.log(JSON.stringify({ tried, first }));`;
  const { stdout } = await container.exec(['node', '-e', look]);
  assert.deepEqual(JSON.parse(stdout), {
    tried: ['EROFS', 'EROFS', '/data/x', '/tmp/x', 'EROFS'],
    first: [...image.user.split(':'), '0000000000000000', '1'],
  });

  // Docker sends the signal to the first process, which gets none that it does not ask for.
  process.kill(container.pid, 'SIGTERM');
  const [code] = (await once(container.process, 'exit')) as [number | null];
  assert.equal(code, 0, output.text);
  assert.match(output.text, /Stopped\./);
});
