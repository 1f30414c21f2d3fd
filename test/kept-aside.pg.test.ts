/**
 * Records that are kept aside of a log whose segments retention has removed: who looks back sees them
 * or is told of them, and an undo that they are too little for says so and what is left.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import type { WireChange } from '../src/change/wire.ts';
import type { Looking, Shown } from '../src/app/looking/looking.ts';
import { openLooking } from '../src/app/looking/open-looking.ts';
import { openUndo, type UndoService } from '../src/app/undo.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { isTidingsError, type TidingsError } from '../src/errors/tidings-error.ts';
import type { Problem } from '../src/server/problem.ts';
import type { UndoRequest } from '../src/undo/undo-plan.ts';
import { type ServedApi, serveApi } from './support/api-fixture.ts';
import { freshDatabase, type TestDatabase } from './support/postgres.ts';
import { until } from './support/until.ts';

const TABLES = `CREATE TABLE orders (id int PRIMARY KEY, note text);
  ALTER TABLE orders REPLICA IDENTITY FULL;
  CREATE TABLE filler (id int PRIMARY KEY, body text)`;
/** Each row of `filler` takes some 100 kB of the log. */
const FILLED = 30;
const LONG_AGO = '2000-01-01T00:00:00Z';

suite('records that are kept aside', () => {
  const { signal } = new AbortController();
  const opened = new AsyncDisposableStack();
  let database: TestDatabase;
  let api: ServedApi;
  let looking: Looking;
  let undo: UndoService;
  let floor: number;
  /** Three rows of a transaction, of which one was not taken; an update of that row, not taken either. */
  let inserted: string;
  let updated: string;

  async function change(sql: string): Promise<string> {
    await database.client.query(`BEGIN; ${sql}`);
    const { rows } = await database.client.query<{ id: string }>(
      'SELECT (pg_current_xact_id()::text::numeric % 4294967296)::text AS id',
    );
    await database.client.query('COMMIT');
    return rows[0]?.id ?? '';
  }

  before(async () => {
    database = opened.use(await freshDatabase());
    await database.client.query(TABLES);
    const sources = { main: { url: database.url, tables: ['public.*'] } };
    api = opened.use(
      await serveApi({ sources, log: { segmentBytes: '1MB' } }, (tidings) => {
        const refuse = (row: { readonly id?: unknown }): void => {
          if (row.id === 3) throw new Error('not this one');
        };
        const handler = { maxAttempts: 1, insert: refuse, update: refuse };
        tidings.register('crm', 'public.orders', { from: 'floor', ...handler });
      }),
    );
    inserted = await change("INSERT INTO orders SELECT n, 'old' FROM generate_series(1, 3) n");
    updated = await change("UPDATE orders SET note = 'new' WHERE id = 3");
    for (let id = 0; id < FILLED; id += 1) {
      const body = randomBytes(50_000).toString('hex');
      await database.client.query('INSERT INTO filler VALUES ($1, $2)', [id, body]);
    }
    await change("UPDATE orders SET note = 'newest' WHERE id = 1");
    const known = 3 + 1 + FILLED + 1;
    await until(async () => {
      const { subscriptions } = await api.tidings.status();
      return subscriptions[0]?.cursor === known && subscriptions[0].parked === 2;
    }, 60_000);
    const [report] = await api.tidings.trimLog({ keepBytes: 1 });
    floor = report?.floor ?? 0;
    assert.ok(floor > 4 && floor < known, `the floor is ${floor}`);
    const config = defineConfig({ dataDir: api.dataDir, sources });
    looking = opened.use(await openLooking(config));
    undo = opened.use(openUndo(config));
  });

  after(() => opened.disposeAsync());

  const show = (target: string): Promise<Shown> => looking.show({ target }, signal);

  test('are shown by offset, change id and transaction; what is gone is not', async () => {
    for (const target of ['@2', '2']) {
      const shown = await show(target);
      assert.ok('change' in shown);
      assert.deepEqual([shown.change.offset, shown.isAside], [2, true]);
      assert.deepEqual(shown.change.after, { id: 3, note: 'old' });
    }
    const update = await show('@3');
    assert.ok('change' in update);
    assert.deepEqual(update.change.before, { id: 3, note: 'old' });
    const byId = await show(update.change.id);
    assert.deepEqual(byId, update);
    await assert.rejects(show('@1'), { code: 'SHOW_UNKNOWN' });
    await assert.rejects(show(update.change.id.replace(/:0$/, ':1')), { code: 'SHOW_UNKNOWN' });
    const still = await show(`@${floor}`);
    assert.ok('change' in still && !still.isAside);

    const [position] = update.change.id.split(/:\d+$/);
    for (const [target, kept, changes] of [
      [inserted, [2], 3],
      [updated, [3], 1],
      [position ?? '', [3], 1],
    ] as const) {
      const shown = await show(target);
      assert.ok('transaction' in shown);
      assert.deepEqual([shown.kept, shown.transaction.changes], [kept, changes]);
      const offsets: number[] = [];
      for await (const { offset } of shown.changes()) offsets.push(offset);
      assert.deepEqual(offsets, kept);
      const [count] = await shown.counts();
      assert.equal((count?.insert ?? 0) + (count?.update ?? 0), kept.length);
    }
  });

  test('are named by the history of their row, and by a search that begins before the floor', async () => {
    const notes = async (key: string): Promise<readonly string[]> =>
      (await looking.history({ table: 'orders', key }, signal)).notes;
    const about = `Of what was removed before offset ${floor}, changes of this row are kept aside for deliveries: offsets 2, 3. To see one: \`tidings show @2\``;
    assert.deepEqual(await notes('3'), [about]);
    assert.deepEqual(await notes('1'), []);
    const found = async (query: Parameters<Looking['find']>[0]): Promise<readonly string[]> =>
      (await looking.find(query, signal)).notes;
    const [note] = await found({});
    assert.match(note ?? '', /^Not searched is .*: offsets 2, 3\. To see one: `tidings show @2`$/);
    assert.match((await found({ since: { offset: 3 } }))[0] ?? '', /: offset 3\. /);
    assert.match((await found({ until: { offset: 3 } }))[0] ?? '', /: offset 2\. /);
    assert.match((await found({ tables: ['orders'] }))[0] ?? '', /offsets 2, 3/);
    assert.deepEqual(await found({ tables: ['filler'] }), []);
    assert.deepEqual(await found({ since: { offset: floor } }), []);
  });

  const KEPT =
    /^Offset (\d+) of log main was removed by retention; the oldest is \d+\. Of what is meant, (offsets? .*) (?:is|are) kept aside for deliveries\. That is too little for an undo: /;
  const REFUSED: readonly (readonly [() => UndoRequest, number, string | null])[] = [
    [() => ({ transaction: inserted }), 0, 'offset 2'],
    [() => ({ transaction: updated }), 3, 'offset 3'],
    [() => ({ since: 0, tables: ['public.*'] }), 0, 'offsets 2, 3'],
    [() => ({ since: LONG_AGO, tables: ['public.*'] }), 0, 'offsets 2, 3'],
    [() => ({ since: 3, until: floor, tables: ['public.*'] }), 3, 'offset 3'],
    [() => ({ since: 0, tables: ['orders'] }), 0, 'offsets 2, 3'],
    [() => ({ since: 0, tables: ['filler'] }), 0, null],
    [() => ({ since: 0, until: 2, tables: ['public.*'] }), 0, null],
  ];

  function assertNamed(message: string, hint: string, offset: number, kept: string | null): void {
    if (kept === null) {
      assert.doesNotMatch(message, /kept aside/);
      return;
    }
    const [, first, named] = KEPT.exec(message) ?? [];
    assert.equal(named, kept, message);
    if (offset !== 0) assert.equal(Number(first), offset);
    assert.match(hint, /`tidings show @[23]`/);
  }

  test('are named by an undo that they are too little for', async () => {
    for (const [request, offset, kept] of REFUSED) {
      const error = await undo.planUndo(request(), {}, signal).then(
        () => assert.fail('it was planned'),
        (thrown: unknown): TidingsError => {
          assert.ok(isTidingsError(thrown, 'LOG_PRUNED'), String(thrown));
          return thrown;
        },
      );
      assertNamed(error.message, error.hint, offset, kept);
    }
    const { rows } = await database.client.query("SELECT FROM orders WHERE note = 'new'");
    assert.equal(rows.length, 1, 'nothing was undone');
    const unknown = undo.planUndo({ transaction: '999999999' }, {}, signal);
    await assert.rejects(unknown, { code: 'UNDO_TRANSACTION_UNKNOWN' });
  });

  test('so also over HTTP, where the delivery still has its change', async () => {
    for (const [request, offset, kept] of REFUSED.slice(0, 3)) {
      const answered = await api.ask('POST', '/v1/undo/plans', { body: request() });
      const { code, detail, hint } = answered.json<Problem>();
      assert.deepEqual([answered.status, code], [410, 'LOG_PRUNED'], answered.text);
      assertNamed(detail, hint, offset, kept);
    }
    const answered = await api.ask('GET', '/v1/subscriptions/crm/deliveries/3/change');
    const { change: delivered } = answered.json<{ readonly change: WireChange }>();
    assert.deepEqual(delivered.data.after, { id: 3, note: 'new' });
  });

  test('and by a plan that was made before they were removed', async () => {
    const plan = await undo.planUndo({ since: floor, tables: ['public.*'] }, {}, signal);
    const earlier = { ...plan, request: { ...plan.request, since: 2 } };
    await assert.rejects(undo.applyUndo(earlier, {}, signal), (error) => {
      assert.ok(isTidingsError(error, 'LOG_PRUNED'));
      assertNamed(error.message, error.hint, 2, 'offsets 2, 3');
      return true;
    });
  });
});
