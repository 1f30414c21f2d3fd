import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, serviceThat, STATUS, tidings } from '../../test/support/fake-application.ts';
import type { Status } from '../app/status/status.ts';
import { TidingsError } from '../errors/tidings-error.ts';

test('start: says what it does, and drains when it is asked to end', async () => {
  const calls: string[] = [];
  const { code, out } = await tidings('tidings start --accept-gap main', (io) => {
    const parts = serviceThat(new Promise(() => undefined), calls);
    const status = (): Promise<Status> => {
      // Ctrl-C, a moment after it has started.
      setImmediate(() => io.interrupt());
      return Promise.resolve(STATUS);
    };
    return { ...parts, app: { ...parts.app, status } };
  });
  assert.equal(code, 0);
  assert.deepEqual(calls, ['create main', 'start', 'drain', 'close app']);
  assert.equal(
    out.replace(/Started in [^:]*:/, 'Started:'),
    `data          ${directory}/.tidings
source        main  postgresql://ann:***@db.example/shop  public.*
Started: main reconnecting at 00000000016B3748. Ctrl-C stops.
Stopping: what is in flight finishes first. Ctrl-C again ends at once.
Stopped.
`,
  );
});

test('start --json: a line when it has started, and one when it has stopped', async () => {
  const { code, out } = await tidings('tidings start --json', serviceThat(Promise.resolve()));
  assert.equal(code, 0);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { state: 'started', status: STATUS },
      { state: 'stopped', status: STATUS },
    ],
  );
});

test('start: ends with the error when the last source failed for good', async () => {
  const lost = new TidingsError('SLOT_MISSING', { source: 'main', slot: 'tidings_main' });
  const { code, err } = await tidings('tidings start --json', serviceThat(Promise.reject(lost)));
  assert.equal(code, 2);
  assert.equal((JSON.parse(err) as { error: { code: string } }).error.code, 'SLOT_MISSING');
});

test('without any database start runs its own, and the other commands find it', async () => {
  const options = { cwd: mkdtempSync(join(directory, 'own-')), env: {} };
  const early = await tidings('tidings status', {}, options);
  assert.equal(early.code, 64);
  assert.match(early.err, /^error CONFIG_NO_SOURCE: No database is configured\./);
  const calls: string[] = [];
  const started = await tidings('tidings start', serviceThat(Promise.resolve(), calls), options);
  assert.equal(started.code, 0);
  assert.deepEqual(calls, ['start own', 'create ', 'start', 'drain', 'close app', 'close own']);
  assert.match(started.out, /source +main +postgresql:\/\/own@localhost\/db/);
  const inspection = { status: () => Promise.resolve(STATUS) };
  assert.equal((await tidings('tidings status', { inspection }, options)).code, 0);
});
