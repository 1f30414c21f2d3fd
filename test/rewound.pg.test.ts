/**
 * Histories that go back (invariant 15): a backup is restored, a standby that lagged takes over. It
 * is said before anything in the database is changed, and the log goes on when it is accepted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, after, describe, test } from 'node:test';
import pg from 'pg';
import { createTidings } from '../src/app/create-tidings.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { isTidingsError, type TidingsError } from '../src/errors/tidings-error.ts';
import { openSqliteLogReader } from '../src/log/sqlite/sqlite-log.ts';
import { verifySqliteLog } from '../src/log/sqlite/verify.ts';
import { ServerDirectory } from './server-directory.ts';
import { until } from './until.ts';

const { signal } = new AbortController();

/** A data directory of Tidings, and the server that its source is now. */
class Place implements AsyncDisposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'tidings-rewound-'));
  readonly told: { id: string; operation: string; key: unknown }[] = [];
  server: ServerDirectory;

  constructor(server: ServerDirectory) {
    this.server = server;
  }

  /** Runs Tidings while `work` goes on, until the log has all that is committed by then. */
  async captured(
    work: () => Promise<unknown>,
    accept: { readonly acceptGaps?: string[]; readonly acceptRewinds?: string[] } = {},
  ): Promise<void> {
    const sources = { main: { url: this.server.url, tables: ['public.*'] } };
    await using tidings = await createTidings(
      defineConfig({ dataDir: this.dataDir, sources }),
      accept,
    );
    await tidings.start();
    await work();
    const rows = await this.rows();
    await until(async () => {
      await using log = await this.log();
      const keys = new Set<string | null>();
      for (let from = log.floor; from < log.head;) {
        const page = await log.read({ from });
        for (const { key, offset } of page.records) {
          if (!log.forks().some((fork) => offset >= fork.abandoned && offset < fork.offset)) {
            keys.add(key);
          }
        }
        from = page.next;
      }
      return rows.every((id) => keys.has(String(id)) || this.lost.has(id));
    });
  }

  /** Rows that are lost for good, and noted as such. */
  readonly lost = new Set<number>();

  async rows(): Promise<readonly number[]> {
    const rows = await this.server.query<{ id: number }>('SELECT id FROM t ORDER BY id');
    return rows.map(({ id }) => id);
  }

  log(): ReturnType<typeof openSqliteLogReader> {
    return openSqliteLogReader({ directory: join(this.dataDir, 'log', 'main'), source: 'main' });
  }

  /** What a start is refused with; slot and publications are as before. */
  async refusal(accept: { readonly acceptGaps?: string[] } = {}): Promise<TidingsError> {
    const earlier = await this.made();
    const error = await this.captured(() => Promise.resolve(), accept).then(
      () => assert.fail('it was not refused'),
      (failure: unknown) => failure,
    );
    assert.ok(isTidingsError(error), String(error));
    assert.deepEqual(await this.made(), earlier, 'nothing in the database was changed');
    return error;
  }

  /** What Tidings has made in the database. */
  async made(): Promise<unknown> {
    return this.server.query(`SELECT
      (SELECT json_agg((slot_name, confirmed_flush_lsn, restart_lsn)) FROM pg_replication_slots) AS slots,
      (SELECT json_agg((pubname, xmin)) FROM pg_publication) AS publications,
      (SELECT json_agg((prrelid, xmin)) FROM pg_publication_rel) AS tables,
      (SELECT json_agg((evtname, xmin)) FROM pg_event_trigger) AS triggers`);
  }

  async verify(): Promise<void> {
    const directory = join(this.dataDir, 'log', 'main');
    assert.deepEqual((await verifySqliteLog(directory, 'main', { signal })).findings, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

const insert = (from: number, to: number): string =>
  `DO $$ BEGIN FOR id IN ${from}..${to} LOOP INSERT INTO t VALUES (id); COMMIT; END LOOP; END $$`;

test('a snapshot of the data directory is restored, on the same timeline and past the position', async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await ServerDirectory.create());
  const place = stack.use(new Place(server));
  await server.query('CREATE TABLE t (id int PRIMARY KEY)');
  await place.captured(() => server.query(insert(1, 5)));
  const copy = stack.use(await server.copy('snapshot'));
  await place.captured(() => server.query(insert(6, 10)));
  await server.stop();

  place.server = copy;
  await copy.start();
  await copy.query(`CREATE TABLE noise (x text); INSERT INTO noise SELECT repeat('x', 200) FROM generate_series(1, 5000)`);
  await copy.query(insert(101, 103));
  for (const accept of [{}, { acceptGaps: ['main'] }, {}]) {
    const error = await place.refusal(accept);
    assert.equal(error.code, 'SOURCE_REWOUND', error.message);
    assert.match(error.message, /changes in the log that do not exist there any more: 5, from offset 5/);
    assert.match(error.hint, /tidings start --accept-rewind main/);
  }

  await place.captured(() => copy.query(insert(104, 105)), { acceptRewinds: ['main'] });
  await place.captured(() => copy.query(insert(106, 107)));
  await using log = await place.log();
  assert.deepEqual(
    log.forks().map(({ abandoned, offset }) => [abandoned, offset]),
    [[5, 10]],
  );
  assert.deepEqual(await log.gaps(), []);
  await place.verify();
});
