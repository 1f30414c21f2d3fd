/**
 * Histories that go back (invariant 15): a backup is restored, a standby that lagged takes over. It
 * is said before anything in the database is changed, and the log goes on when it is accepted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTidings } from '../src/app/create-tidings.ts';
import { openInspection } from '../src/app/inspection/inspect.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { isTidingsError, type TidingsError } from '../src/errors/tidings-error.ts';
import type { RewindRow } from '../src/index.ts';
import type { LogRecord } from '../src/log/log.ts';
import { openSqliteLogReader } from '../src/log/sqlite/sqlite-log.ts';
import { verifySqliteLog } from '../src/log/sqlite/verify.ts';
import type { CheckResult } from '../src/observe/check-result.ts';
import { ServerDirectory } from './support/server-directory.ts';
import { until } from './support/until.ts';

const { signal } = new AbortController();

/** A data directory of Tidings, and the server that its source is now. */
class Place implements AsyncDisposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'tidings-rewound-'));
  /** What subscribers were told: of table `t`, and of histories that went back. */
  readonly told: number[] = [];
  readonly rewinds: RewindRow[] = [];
  server: ServerDirectory;

  constructor(server: ServerDirectory) {
    this.server = server;
  }

  config(): ReturnType<typeof defineConfig> {
    const sources = { main: { url: this.server.url, tables: ['public.*'] } };
    return defineConfig({ dataDir: this.dataDir, sources });
  }

  /** Runs Tidings while `work` goes on, until the log has all that is committed by then, and it is told. */
  async captured(
    work: () => Promise<unknown>,
    accept: { readonly acceptGaps?: string[]; readonly acceptRewinds?: string[] } = {},
  ): Promise<void> {
    await using tidings = await createTidings(this.config(), accept);
    tidings.register('t', 'public.t', {
      from: 'floor',
      insert: (_row, { offset }) => void this.told.push(offset),
      rewind: (row) => void this.rewinds.push(row),
    });
    await tidings.start();
    await work();
    const rows = await this.rows();
    await until(async () => {
      await using log = await this.log();
      const keys = new Set<string | null>();
      let last: LogRecord | undefined;
      for (let from = log.floor; from < log.head;) {
        const page = await log.read({ from });
        last = page.records.at(-1) ?? last;
        for (const { key, offset } of page.records) {
          if (!log.forks().some((fork) => offset >= fork.abandoned && offset < fork.offset)) {
            keys.add(key);
          }
        }
        from = page.next;
      }
      // Told as well: when Tidings has ended nobody is told any more.
      const isTold = last?.table.name !== 't' || this.told.includes(last.offset);
      return isTold && rows.every((id) => keys.has(String(id)) || this.lost.has(id));
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
    await using inspection = await openInspection(this.config());
    const [, checks] = await inspection.check(signal);
    const history = checks?.checks.find(({ name }) => name === 'history');
    assert.deepEqual([history?.status, history?.message], ['failed', error.message], 'doctor');
    assert.deepEqual(await this.made(), earlier, 'nothing in the database was changed');
    return error;
  }

  /** What `doctor` says of standbys. */
  async standbyChecks(): Promise<readonly CheckResult[]> {
    await using inspection = await openInspection(this.config());
    const [, source] = await inspection.check(signal);
    return source?.checks.filter(({ name }) => /standbys|failover/.test(name)) ?? [];
  }

  /**
   * What Tidings has made in the database. A slot that is read may forget WAL which nobody can ask
   * for any more (`restart_lsn`); what it has confirmed stays.
   */
  async made(): Promise<unknown> {
    return this.server.query(`SELECT
      (SELECT json_agg((slot_name, confirmed_flush_lsn)) FROM pg_replication_slots) AS slots,
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

/** Who subscribes now, from the log's beginning on, is told nothing that was abandoned. */
async function laterSubscriptions(place: Place, head: number): Promise<void> {
  await using tidings = await createTidings(place.config());
  const told: number[] = [];
  const others: string[] = [];
  tidings.register('late', 'public.t', {
    from: 'floor',
    insert: (_row, { offset }) => void told.push(offset),
  });
  tidings.register('other', 'public.nothing', {
    from: 'floor',
    insert: () => assert.fail('it has no change'),
    rewind: (_row, { id }) => void others.push(id),
  });
  await tidings.start();
  await until(() => told.includes(head - 1));
  const offsets = Array.from({ length: head }, (_, offset) => offset);
  assert.deepEqual(
    told.toSorted((a, b) => a - b),
    offsets.filter((offset) => offset < 5 || offset > 10),
  );
  await until(() => others.length > 0);
  assert.deepEqual(others, ['main:r0001.:0']);
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
  await copy.query(
    `CREATE SCHEMA other; CREATE TABLE other.noise (x text); INSERT INTO other.noise SELECT repeat('x', 200) FROM generate_series(1, 5000)`,
  );
  await copy.query(insert(101, 103));
  for (const accept of [{}, { acceptGaps: ['main'] }, {}]) {
    const error = await place.refusal(accept);
    assert.equal(error.code, 'SOURCE_REWOUND', error.message);
    assert.match(
      error.message,
      /changes in the log that do not exist there any more: 5, from offset 5/,
    );
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
  await until(() => place.told.includes(log.head - 1));
  const [rewind, ...more] = place.rewinds;
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...rewind, reason: '' },
    { abandoned_from: 5, abandoned_before: 10, history_lost: false, reason: '' },
  );
  await laterSubscriptions(place, log.head);
  await place.verify();
});

test('a base backup is restored to a moment, on a new timeline and without the slot', async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await ServerDirectory.create());
  const place = stack.use(new Place(server));
  await server.query('CREATE TABLE t (id int PRIMARY KEY)');
  await place.captured(() => server.query(insert(1, 5)));
  const copy = stack.use(await server.copy('backup'));
  await place.captured(() => server.query(insert(6, 8)));
  const [target] = await server.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
  await place.captured(() => server.query(insert(9, 12)));
  await server.query('SELECT pg_switch_wal()');
  await server.stop();
  copy.takeWal(server);

  copy.configure({
    restore_command: 'false',
    recovery_target_lsn: target?.lsn ?? '',
    recovery_target_action: 'promote',
  });
  copy.write('recovery.signal', '');
  place.server = copy;
  await copy.start();
  await copy.primary();
  await copy.query(insert(101, 104));
  for (const accept of [{}, { acceptGaps: ['main'] }]) {
    const error = await place.refusal(accept);
    assert.equal(error.code, 'SOURCE_REWOUND', error.message);
    assert.match(error.message, /its timeline 2 left timeline 1 there/);
    assert.match(error.message, /there any more: 4, from offset 8 on; and what .* cannot be had/);
  }

  for (const id of [101, 102, 103, 104]) place.lost.add(id);
  await place.captured(() => copy.query(insert(105, 106)), { acceptRewinds: ['main'] });
  await place.captured(() => copy.query(insert(107, 107)));
  await using log = await place.log();
  const [fork] = log.forks();
  assert.deepEqual([fork?.abandoned, fork?.offset], [8, 12]);
  const [gap] = await log.gaps();
  assert.deepEqual([gap?.from, gap?.offset], [fork?.to, 13]);
  await place.verify();
});

test('a standby that lagged is promoted', async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await ServerDirectory.create());
  const place = stack.use(new Place(server));
  await server.query('CREATE TABLE t (id int PRIMARY KEY)');
  await place.captured(() => server.query(insert(1, 5)));
  const standby = stack.use(await server.copy('backup'));
  await server.query(`SELECT pg_create_physical_replication_slot('standby', true)`);
  server.followedBy(standby, { primary_slot_name: 'standby', hot_standby_feedback: 'on' });
  await standby.start();
  const [warning] = await place.standbyChecks();
  assert.equal(warning?.status, 'warning');
  assert.match(warning?.sql ?? '', /SET synchronized_standby_slots = 'standby'; SELECT/);
  // The slot comes over; then the standby falls behind.
  await place.captured(async () => {
    await standby.slotSynchronized(server);
    await server.query(insert(6, 10));
  });
  await standby.reached(server);
  await standby.stop();
  await place.captured(() => server.query(insert(11, 30)));
  await server.stop();

  place.server = standby;
  await standby.start();
  await standby.query('SELECT pg_promote()');
  await standby.primary();
  await standby.query(insert(101, 130));
  for (const accept of [{}, { acceptGaps: ['main'] }, {}]) {
    const error = await place.refusal(accept);
    assert.equal(error.code, 'SOURCE_REWOUND', error.message);
    assert.match(error.message, /there any more: 20, from offset 10/);
  }
  await place.captured(() => standby.query(insert(131, 131)), { acceptRewinds: ['main'] });
  await place.captured(() => standby.query(insert(132, 132)));
  await using log = await place.log();
  assert.deepEqual(
    log.forks().map(({ abandoned, offset }) => [abandoned, offset]),
    [[10, 30]],
  );
  assert.deepEqual(await log.gaps(), [], 'the slot that came over has all of the new history');
  await place.verify();
});

test('a standby that everything waited for is promoted: nothing is lost, nothing is refused', async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await ServerDirectory.create({ synchronized_standby_slots: 'standby' }));
  const place = stack.use(new Place(server));
  await server.query('CREATE TABLE t (id int PRIMARY KEY)');
  await server.query(`SELECT pg_create_physical_replication_slot('standby', true)`);
  // Once it is promoted, nobody streams from a slot of that name there.
  const standby = stack.use(await server.copy('backup', {}));
  server.followedBy(standby, { primary_slot_name: 'standby', hot_standby_feedback: 'on' });
  await standby.start();
  await place.captured(async () => {
    await server.query(insert(1, 20));
    await standby.slotSynchronized(server);
    await server.query(insert(21, 40));
    assert.deepEqual(
      (await place.standbyChecks()).map(({ status }) => status),
      ['ok'],
    );
  });
  await standby.stop();
  const [waiting] = await place.standbyChecks();
  assert.equal(waiting?.status, 'failed', 'nothing is captured while it is away');
  await standby.start();
  await server.kill();

  place.server = standby;
  await standby.query('SELECT pg_promote()');
  await standby.primary();
  await standby.query(insert(41, 60));
  await place.captured(() => standby.query(insert(61, 65)));
  await using log = await place.log();
  assert.equal(log.head, 65);
  assert.deepEqual([log.forks(), await log.gaps()], [[], []]);
  await place.verify();
});

test('a server that crashed knows less of what was acknowledged, and its history goes on', async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await ServerDirectory.create());
  const place = stack.use(new Place(server));
  await server.query('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE noise (x text)');
  await place.captured(async () => {
    await server.query('CHECKPOINT');
    await server.query(insert(1, 20));
    await server.query('DELETE FROM t WHERE id = 3; TRUNCATE noise');
    await server.query(insert(21, 25));
  });
  // What a server writes down of a slot is some moments old, so the slot can be behind the log now.
  await server.kill();
  await server.start();
  await place.captured(() => server.query(insert(26, 30)));
  await using log = await place.log();
  assert.equal(log.head, 31 + 1);
  assert.deepEqual(log.forks(), []);
  await place.verify();
});
