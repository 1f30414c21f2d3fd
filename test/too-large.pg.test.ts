/**
 * A value that no text can hold, from a real server into a service of its own: what capturing it takes
 * of memory, and that undo and looking back name its change, table and column, and the way on.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { FoundReport, TableQuery } from '../src/app/looking/looking.ts';
import { openLooking } from '../src/app/looking/open-looking.ts';
import { openUndo } from '../src/app/undo.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { isTidingsError, type TidingsError } from '../src/errors/tidings-error.ts';
import { openSqliteLogReader, type SqliteLogReader } from '../src/log/sqlite/sqlite-log.ts';
import { readControlFile } from '../src/server/control-file.ts';
import type { Problem } from '../src/server/problem.ts';
import { freshDatabase, type TestDatabase } from './support/postgres.ts';
import { drain, type Project, project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

/** A `bytea`; its text has two characters for each byte, and two more. */
const BYTES = 269_000_000;
const TEXT = 2 * BYTES + 2;
/** Memory that capturing a value takes, in texts of it, as docs/guide/postgresql.md states it. */
const FACTOR = 3.5;
const LATE = 120_000;

const TABLES = `CREATE TABLE files (id int PRIMARY KEY, note text, body bytea);
  ALTER TABLE files REPLICA IDENTITY FULL;
  CREATE TABLE notes (id int PRIMARY KEY, note text);
  ALTER TABLE notes REPLICA IDENTITY FULL`;

/** The most memory that a process has had, bytes; null where the system does not tell. */
function peakMemory({ pid }: ChildProcess): number | null {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return null;
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

suite('a value that is too large for a text', () => {
  const { signal } = new AbortController();
  const opened = new AsyncDisposableStack();
  let database: TestDatabase;
  let place: Project;
  let service: ChildProcess;
  let log: SqliteLogReader;
  let inserted: string;
  let deleted: string;
  let peaks: readonly [before: number | null, after: number | null];

  async function change(sql: string): Promise<string> {
    await database.client.query(`BEGIN; ${sql}`);
    const { rows } = await database.client.query<{ id: string }>(
      'SELECT (pg_current_xact_id()::text::numeric % 4294967296)::text AS id',
    );
    await database.client.query('COMMIT');
    return rows[0]?.id ?? '';
  }

  const logged = (head: number): Promise<void> =>
    until(async () => {
      await log.refresh();
      return log.head === head;
    }, LATE);

  before(async () => {
    database = opened.use(await freshDatabase());
    await database.client.query(TABLES);
    place = opened.use(project(database.url));
    service = start(['start', '--config', place.config]);
    opened.defer(async () => void (await drain(service)));
    const directory = join(place.dataDir, 'log', 'main');
    await until(() => existsSync(directory), LATE);
    await until(async () => (await place.status()).sources[0]?.state === 'streaming', LATE);
    log = opened.use(await openSqliteLogReader({ directory, source: 'main' }));
    await change("INSERT INTO files VALUES (1, 'small', 'x'); INSERT INTO notes VALUES (1, 'x')");
    await logged(2);
    const first = peakMemory(service);
    inserted =
      await change(`INSERT INTO files VALUES (2, 'large', decode(repeat('ab', ${BYTES}), 'hex'));
        INSERT INTO notes VALUES (2, 'x')`);
    await logged(4);
    peaks = [first, peakMemory(service)];
  });

  after(() => opened.disposeAsync());

  test('capturing it takes no more memory than is stated', (context) => {
    const [small, large] = peaks;
    if (small === null || large === null) {
      context.skip('this system does not tell what a process has used');
      return;
    }
    const factor = (large - small) / TEXT;
    context.diagnostic(`${Math.round(large / 1e6)} MB, ${factor.toFixed(2)} times the text`);
    assert.ok(factor < FACTOR, `${factor} times the text`);
  });

  const config = (): ReturnType<typeof defineConfig> =>
    defineConfig({
      dataDir: place.dataDir,
      sources: { main: { url: database.url, tables: ['public.*'] } },
    });

  async function refused(attempt: Promise<unknown>): Promise<TidingsError> {
    try {
      await attempt;
    } catch (error) {
      assert.ok(isTidingsError(error), String(error));
      return error;
    }
    return assert.fail('it was not refused');
  }

  const NAMED = /public\.files \(offset [24]\) cannot be undone: column body .* 538000002 bytes/;

  async function rows(query: Omit<TableQuery, 'table'>): Promise<readonly unknown[]> {
    await using looking = await openLooking(config());
    await using view = await looking.table({ ...query, table: 'public.files' }, signal);
    const found: unknown[] = [];
    for await (const row of view.rows) found.push(view.toJson(row));
    return found;
  }

  const KNOWN = [
    { id: 1, note: 'small' },
    { id: 2, note: 'large' },
  ];
  const columns = ['id', 'note'];

  test('a table as it was names the table that has it now, and is shown without the column', async () => {
    // The row was not there then; it is read all the same.
    const then = { asOf: { offset: 2 } };
    const error = await refused(rows(then));
    assert.equal(error.code, 'SNAPSHOT_TOO_LARGE', error.message);
    const [, sql = ''] = /`(.*)`/.exec(error.hint) ?? [];
    const found = await database.client.query<{ name: string; bytes: number }>(sql);
    assert.deepEqual(
      found.rows.map(({ name, bytes }) => [name, bytes]),
      [['body', TEXT]],
    );
    assert.deepEqual(await rows({ ...then, columns }), KNOWN.slice(0, 1));
    assert.equal((await rows({ ...then, keys: ['1'] })).length, 1);
  });

  test('and names the change that had it', async () => {
    deleted = await change('DELETE FROM files WHERE id = 2');
    await logged(5);
    const then = { asOf: { offset: 4 } };
    const error = await refused(rows(then));
    assert.equal(error.code, 'AS_OF_TOO_LARGE', error.message);
    assert.match(
      error.message,
      /public\.files at offset 4 has a value in column body .* 538000002/,
    );
    assert.match(error.hint, /--columns id,note\. /);
    assert.deepEqual(await rows({ ...then, columns }), KNOWN);
    assert.deepEqual(await rows({ ...then, columns, keys: ['2'] }), KNOWN.slice(1));
  });

  test('an undo and a redo name it, and go without its table', async () => {
    await using undo = openUndo(config());
    for (const transaction of [inserted, deleted]) {
      const error = await refused(undo.planUndo({ transaction }, {}, signal));
      assert.equal(error.code, 'UNDO_VALUE_TOO_LARGE', error.message);
      assert.match(error.message, NAMED);
    }
    const range = { since: 2, tables: ['public.*'] };
    assert.match((await refused(undo.planUndo(range, {}, signal))).message, NAMED);
    const tables = ['*.*', '!public.files'];
    const { changes, conflicts } = await undo.planUndo(
      { transaction: inserted, tables },
      {},
      signal,
    );
    assert.deepEqual([changes, conflicts.total], [1, 0]);
  });

  test('so does the service over HTTP, which goes on', async () => {
    const control = readControlFile(place.dataDir);
    assert.ok(control !== null);
    const answer = await fetch(`${control.url}/v1/undo/plans`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${control.token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ transaction: deleted }),
    });
    const { code, detail } = (await answer.json()) as Problem;
    assert.deepEqual([answer.status, code], [409, 'UNDO_VALUE_TOO_LARGE']);
    assert.match(detail, NAMED);
    assert.equal(service.exitCode, null);
  });

  test('history, show and find name it and go on', async () => {
    const at = ['--config', place.config];
    const history = await tidings(['history', 'files', '2', ...at]);
    assert.equal(history.code, 0, history.stderr);
    assert.match(
      history.stderr,
      /passed over, VALUE_TOO_LARGE: Change \S+ of public\.files .* column body/,
    );
    const all = await tidings(['show', inserted, '--all', ...at]);
    assert.deepEqual([all.code, all.stdout.split('public.notes').length], [0, 2], all.stderr);
    const one = await tidings(['show', '@2', ...at]);
    assert.match(one.stderr, /VALUE_TOO_LARGE: Change \S+ of public\.files .* column body/);
    const found = await tidings(['find', '--key', '2', '--table', 'files', '--json', ...at]);
    const reports = found.stdout.trimEnd().split('\n');
    const ids = reports.map((line) => (JSON.parse(line) as FoundReport).transaction.id);
    assert.deepEqual(ids, [deleted, inserted], found.stderr);
  });
});
