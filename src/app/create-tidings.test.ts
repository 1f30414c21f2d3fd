import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConfigInput } from '../config/define-config.ts';
import { isTidingsError, type TidingsError } from '../errors/tidings-error.ts';
import { append, changeOf, tableNamed } from '../log/log.contract.ts';
import { listSegments } from '../log/sqlite/segment-files.ts';
import { openSqliteLog } from '../log/sqlite/sqlite-log.ts';
import { type Logger, SILENT } from '../observe/logger.ts';
import { SqliteState } from '../state/sqlite/sqlite-state.ts';
import { createTidings } from './create-tidings.ts';
import { openInspection } from './inspection/inspect.ts';

const URL = 'postgresql://nobody:secret@127.0.0.1:1/none';

test('a log whose state is gone is refused, not begun anew', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  const config = { dataDir, sources: { main: { url: URL } } };
  await (await createTidings(config))[Symbol.asyncDispose]();
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(dataDir, `state.sqlite${suffix}`), { force: true });
  }
  await assert.rejects(createTidings(config), (error) => isTidingsError(error, 'STATE_MISSING'));
  rmSync(dataDir, { recursive: true });
});

test('a state whose WAL is gone is refused, as long as nobody makes do with the rest', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'tidings create-'));
  const dataDir = join(parent, 'killed');
  const sources = { main: { url: URL } };
  {
    const running = { dataDir: join(parent, 'running'), sources };
    await using _tidings = await createTidings(running);
    await using state = SqliteState.open(join(running.dataDir, 'state.sqlite'));
    await state.addSubscriptions([
      {
        name: 'crm',
        source: 'main',
        cursor: 0,
        paused: null,
        createdAt: 1,
        definition: null,
        restsUntil: null,
      },
    ]);
    await state.checkpoint([{ name: 'crm', cursor: 9, put: [], remove: [], losses: [] }]);
    // What a SIGKILL leaves of a service, and then somebody removes a file of it.
    cpSync(running.dataDir, dataDir, { recursive: true });
  }
  rmSync(join(dataDir, 'state.sqlite-wal'));
  const config = { dataDir, sources };
  let hint = '';
  const refused = (error: unknown): boolean => {
    if (!isTidingsError(error, 'STATE_MISSING')) return false;
    assert.match(error.message, /state\.sqlite-wal/);
    hint = error.hint;
    return true;
  };
  await using inspection = await openInspection(config);
  const never = new AbortController().signal;
  await assert.rejects(inspection.trim({ before: 1 }, { force: false }, never), refused);
  await inspection.status(never); // Looking changes nothing.
  await assert.rejects(createTidings(config), refused);
  execFileSync('sh', ['-c', hint.slice(hint.indexOf('node -e'))]);
  await using tidings = await createTidings(config);
  const [crm] = (await tidings.status()).subscriptions;
  assert.deepEqual([crm?.name, crm?.cursor], ['crm', 0]);
  await tidings.drain();
  rmSync(parent, { recursive: true });
});

test('a log whose state is gone is not trimmed either', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  const config = { dataDir, sources: { main: { url: URL } } };
  await (await createTidings(config))[Symbol.asyncDispose]();
  rmSync(join(dataDir, 'state.sqlite'));
  await using inspection = await openInspection(config);
  await assert.rejects(
    inspection.trim({ before: 1 }, { force: false }, new AbortController().signal),
    (error) => isTidingsError(error, 'STATE_MISSING'),
  );
  await assert.rejects(createTidings(config), (error) => isTidingsError(error, 'STATE_MISSING'));
  rmSync(dataDir, { recursive: true });
});

test('a log that lacks its oldest files says so at each start, until that is noted', async () => {
  await using place = await loggedDirectory();
  const { config, log } = place;
  const [oldest, second] = listSegments(log);
  assert.ok(oldest !== undefined && second !== undefined);
  rmSync(oldest.path);
  const errors = await errorsAtStart(config);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['LOG_BEGINNING_LOST'],
  );
  assert.match(
    errors[0]?.message ?? '',
    new RegExp(`begins at offset ${second.first}.*offset 0 on`),
  );
  await using inspection = await openInspection(config);
  const never = new AbortController().signal;
  assert.equal((await inspection.verify({}, never)).findings.length, 1);
  assert.match(errors[0]?.hint ?? '', new RegExp(`--before ${second.first} --force`));
  await inspection.trim({ before: second.first }, { source: 'main', force: true }, never);
  assert.deepEqual(await errorsAtStart(config), []);
  assert.deepEqual((await inspection.verify({}, never)).findings, []);
});

test('a log that ends before what a subscription has had is refused', async () => {
  await using place = await loggedDirectory();
  const { config, log, dataDir } = place;
  const newest = listSegments(log).at(-1);
  assert.ok(newest !== undefined);
  const never = new AbortController().signal;
  await using inspection = await openInspection(config);
  assert.deepEqual((await inspection.verify({}, never)).findings, []);
  rmSync(newest.path);
  const refused = (error: unknown): boolean => {
    assert.ok(isTidingsError(error, 'LOG_END_LOST'), String(error));
    assert.match(error.message, new RegExp(`before offset ${newest.first}, .* crm `));
    return true;
  };
  await assert.rejects(createTidings(config), refused);
  assert.match((await inspection.verify({}, never)).findings[0]?.message ?? '', /newest files/);
  // The folder of the log: then it would begin at 0 again.
  rmSync(join(dataDir, 'log'), { recursive: true });
  await assert.rejects(createTidings(config), { code: 'LOG_END_LOST' });
  const forgotten = await openStateOf(dataDir);
  await forgotten.removeSubscription('crm');
  await forgotten[Symbol.asyncDispose]();
  await (await createTidings(config))[Symbol.asyncDispose]();
});

test('a log whose WAL is gone after a SIGKILL ends before what a subscription has had', async () => {
  await using place = await loggedDirectory();
  const { config, log: directory } = place;
  const killed = `${directory}.killed`;
  let head = 0;
  {
    await using log = await openSqliteLog({ directory, source: 'main' });
    append(log, 1_000, [changeOf(log.writer.defineTable(tableNamed('accounts')), '1')]);
    await log.writer.flush();
    head = log.head;
    cpSync(directory, killed, { recursive: true });
  }
  rmSync(directory, { recursive: true });
  renameSync(killed, directory);
  const state = await openStateOf(place.dataDir);
  const cursor = { put: [], remove: [], losses: [] };
  await state.checkpoint([{ name: 'crm', cursor: head, ...cursor }]);
  await state[Symbol.asyncDispose]();
  const wal = `${listSegments(directory).at(-1)?.path}-wal`;
  rmSync(wal);
  await assert.rejects(createTidings(config), { code: 'LOG_END_LOST' });
});

test('the state can be read by its owner alone', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  await using tidings = await createTidings({ dataDir, sources: { main: { url: URL } } });
  assert.equal(statSync(join(dataDir, 'state.sqlite')).mode & 0o077, 0);
  await tidings.drain();
  rmSync(dataDir, { recursive: true });
});

test('a configuration without a source is refused', async () => {
  await assert.rejects(createTidings({}), (error) => isTidingsError(error, 'CONFIG_NO_SOURCE'));
});

test('a drained service still says how it ended', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  const tidings = await createTidings({ dataDir, sources: { main: { url: URL } } });
  tidings.register('one', 'public.t', { insert: () => undefined });
  await tidings.drain();
  const status = await tidings.status();
  assert.equal(status.sources[0]?.state, 'stopped');
  assert.deepEqual(
    status.subscriptions.map(({ name }) => name),
    ['one'],
  );
  rmSync(dataDir, { recursive: true });
});

/** A data directory with a log of several segments, which a subscription has read to its end. */
async function loggedDirectory(): Promise<
  AsyncDisposable & { readonly dataDir: string; readonly log: string; readonly config: ConfigInput }
> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  const directory = join(dataDir, 'log', 'main');
  let head = 0;
  {
    await using log = await openSqliteLog({ directory, source: 'main', segmentBytes: 60_000 });
    const table = log.writer.defineTable(tableNamed('accounts'));
    for (let number = 1; (await log.size()).segments < 3; number++) {
      append(log, number, [changeOf(table, String(number), 'x'.repeat(10_000))]);
      await log.writer.flush();
    }
    head = log.head;
  }
  const state = await openStateOf(dataDir);
  await state.addSubscriptions([
    {
      name: 'crm',
      source: 'main',
      cursor: head,
      paused: null,
      createdAt: 1,
      definition: null,
      restsUntil: null,
    },
  ]);
  await state[Symbol.asyncDispose]();
  return {
    dataDir,
    log: directory,
    config: { dataDir, sources: { main: { url: URL } } },
    [Symbol.asyncDispose]: async () => rmSync(dataDir, { recursive: true }),
  };
}

async function openStateOf(dataDir: string): Promise<SqliteState> {
  return await Promise.resolve(SqliteState.open(join(dataDir, 'state.sqlite')));
}

/** The errors that a service logs when it is put together. */
async function errorsAtStart(config: ConfigInput): Promise<readonly TidingsError[]> {
  const errors: TidingsError[] = [];
  const logger: Logger = {
    ...SILENT,
    with: () => logger,
    error: (_message, fields) => {
      if (isTidingsError(fields?.['error'])) errors.push(fields['error']);
    },
  };
  await (await createTidings(config, { logger }))[Symbol.asyncDispose]();
  return errors;
}
