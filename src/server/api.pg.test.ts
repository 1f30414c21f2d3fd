import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { type Answered, type ServedApi, serveApi } from '../../test/support/api-fixture.ts';
import { freshDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';
import type {
  ChangesPage,
  DeliveryPage,
  DeliveryReport,
  SubscriptionReport,
} from '../app/administration.ts';
import type { ConfigInput } from '../config/define-config.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { Problem } from './problem.ts';

const TABLE =
  'CREATE TABLE accounts (id int PRIMARY KEY, email text, balance numeric);' +
  'ALTER TABLE accounts REPLICA IDENTITY FULL';

function insert(database: TestDatabase, from: number, to: number): Promise<unknown> {
  return database.client.query(
    "INSERT INTO accounts SELECT n, 'a@b.example', n * 100 FROM generate_series($1::int, $2::int) n",
    [from, to],
  );
}

async function serve(
  database: TestDatabase,
  prepare?: (tidings: ServedApi['tidings']) => void,
  config: ConfigInput = {},
): Promise<ServedApi> {
  await database.client.query(TABLE);
  const sources = { main: { url: database.url, tables: ['public.accounts'] } };
  const api = await serveApi({ sources, ...config }, prepare);
  await until(async () => (await api.ask('GET', '/readyz')).status === 200);
  return api;
}

function assertCode(answered: Answered, status: number, code: ErrorCode): Problem {
  const problem = answered.json<Problem>();
  assert.deepEqual([answered.status, problem.code], [status, code], answered.text);
  return problem;
}

const offsets = ({ changes }: ChangesPage): readonly number[] =>
  changes.map(({ data }) => data.offset);

suite('changes', () => {
  const changes = async (api: ServedApi, query = ''): Promise<ChangesPage> => {
    const answered = await api.ask('GET', `/v1/changes${query}`);
    assert.equal(answered.status, 200, answered.text);
    return answered.json<ChangesPage>();
  };

  /**
   * All that a query wants, page by page: one may end before its limit, so that a search does not hold
   * up everything else.
   */
  const toHead = async (api: ServedApi, query: string): Promise<ChangesPage> => {
    const found: ChangesPage['changes'][number][] = [];
    let next = '';
    for (;;) {
      const page = await changes(api, `?${query}${next}`);
      found.push(...page.changes);
      if (page.after >= page.head - 1) return { ...page, changes: found };
      next = `&after=${page.after}`;
    }
  };

  test('are read page by page, each once, up to the head', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database);
    await insert(database, 1, 25);
    await until(async () => (await changes(api)).changes.length === 25);
    const { rows } = await database.client.query<{ id: number }>('SELECT id FROM accounts');
    const ids: unknown[] = [];
    let query = '?limit=10';
    for (const expected of [10, 10, 5, 0]) {
      const page = await changes(api, query);
      assert.equal(page.changes.length, expected);
      ids.push(...page.changes.map(({ data }) => data.key?.['id']));
      assert.ok(page.after < page.head && page.floor <= page.after);
      query = `?limit=10&after=${page.after}`;
    }
    assert.deepEqual(
      ids,
      rows.map(({ id }) => id),
    );
  });

  test('are filtered as in subscriptions, and `after` moves past what was left out', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database);
    await insert(database, 1, 20);
    await database.client.query("UPDATE accounts SET email = 'new' WHERE id = 20");
    await database.client.query('DELETE FROM accounts WHERE id = 20');
    const all = async (query = 'limit=1000'): Promise<ChangesPage> => toHead(api, query);
    await until(async () => (await all()).changes.length === 22);
    const where = await all(`where=${encodeURIComponent('after.balance > 1800')}`);
    assert.deepEqual(
      where.changes.map(({ data }) => data.after?.['balance']),
      ['1900', '2000', '2000'],
    );
    assert.equal(where.after, where.head - 1);
    const operations = await all('operations=update,delete');
    assert.deepEqual(
      operations.changes.map(({ data }) => data.operation),
      ['update', 'delete'],
    );
    assert.equal((await all('columns=balance&operations=update')).changes.length, 0);
    assert.equal((await all('tables=public.other')).changes.length, 0);
    assert.equal((await all('tables=public.other,public.acc*')).changes.length, 22);
    assertCode(await api.ask('GET', '/v1/changes?where=after.'), 422, 'FILTER_INVALID');
    assertCode(await api.ask('GET', '/v1/changes?tables=a.b.c'), 422, 'TABLE_PATTERN_INVALID');
    assertCode(await api.ask('GET', '/v1/changes?source=other'), 404, 'SOURCE_UNKNOWN');
  });

  test('are waited for: at once when there is one, else until there is one', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database);
    const { after } = await changes(api);
    const waiting = changes(api, `?wait=60s&after=${after}`);
    await insert(database, 1, 1);
    const first = await waiting;
    assert.equal(first.changes.length, 1);
    assert.deepEqual(offsets(await changes(api, '?wait=60s')), offsets(first));
    const filtered = changes(api, `?wait=60s&after=${first.after}&operations=delete`);
    await insert(database, 2, 5);
    await database.client.query('DELETE FROM accounts WHERE id = 1');
    assert.deepEqual(
      (await filtered).changes.map(({ data }) => data.operation),
      ['delete'],
    );
  });

  test('none, when the time is over', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database);
    const began = performance.now();
    const page = await changes(api, '?wait=300ms');
    assert.deepEqual(page.changes, []);
    assert.ok(performance.now() - began >= 290);
  });

  test('a poll whose client has gone, and one that the drain finds, hold nothing up', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database);
    const gone = new AbortController();
    const lost = api.ask('GET', '/v1/changes?wait=60s', { signal: gone.signal });
    const poll = api.ask('GET', '/v1/changes?wait=60s');
    // Only what is logged tells that a request has come in: another is answered after it.
    await api.ask('GET', '/v1/status');
    gone.abort();
    await assert.rejects(lost);
    await until(() => api.lines.some((line) => line.includes('"path":"/v1/changes"')));
    const began = performance.now();
    await api.tidings.drain();
    assert.ok(performance.now() - began < 4_000);
    const ended = await poll;
    assert.equal(ended.status, 200, ended.text);
    assert.deepEqual(ended.json<ChangesPage>().changes, []);
    assert.deepEqual(
      api.lines.filter((line) => line.startsWith('error')),
      [],
    );
  });

  test('beyond the head, and below the floor: errors that say where both are', async () => {
    await using database = await freshDatabase();
    const log = { segmentBytes: '1MB' } as const;
    await using earlier = await serve(database, undefined, { log });
    assertCode(await earlier.ask('GET', '/v1/changes?after=1000000'), 400, 'OFFSET_UNKNOWN');
    // A segment ends between transactions; and what repeats itself would be stored in a few bytes.
    for (let id = 1; id <= 40; id += 1) {
      const text = randomBytes(96_000).toString('hex');
      await database.client.query('INSERT INTO accounts VALUES ($1, $2, 1)', [id, text]);
    }
    await until(async () => (await changes(earlier)).head >= 40);
    await earlier.tidings.drain();
    // Retention looks for old segments at the start.
    const { dataDir } = earlier;
    const retention = { maxBytes: '2MB' } as const;
    const sources = { main: { url: database.url, tables: ['public.accounts'] } };
    await using api = await serveApi({ dataDir, sources, log: { ...log, retention } });
    await until(async () => (await changes(api)).floor > 1);
    const { floor, head } = await changes(api);
    const problem = assertCode(await api.ask('GET', '/v1/changes?after=0'), 410, 'LOG_PRUNED');
    assert.deepEqual([problem.floor, problem.head], [floor, head]);
    assert.equal((await changes(api, `?after=${floor}`)).changes[0]?.data.offset, floor + 1);
    assert.equal((await changes(api)).changes[0]?.data.offset, floor);
    assertCode(
      await api.ask('POST', '/v1/subscriptions', {
        body: { name: 'late', ...DEFINITION, from: 0 },
      }),
      410,
      'LOG_PRUNED',
    );
  });
});

const WEBHOOK = { url: 'https://receiver.invalid/in', secret: `whsec_${'A'.repeat(43)}=` };
const DEFINITION = { tables: ['public.accounts'], to: { webhook: WEBHOOK } };

suite('subscriptions', () => {
  const register = (tidings: ServedApi['tidings']): void => {
    tidings.register('mail', 'public.accounts', { insert: () => undefined });
  };

  test('are made, shown, changed and deleted', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database);
    const made = await api.ask('POST', '/v1/subscriptions', {
      body: { name: 'crm', ...DEFINITION, where: 'after.balance > 100' },
    });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.headers.location, '/v1/subscriptions/crm');
    const report = made.json<SubscriptionReport>();
    assert.equal(report.origin, 'api');
    assert.equal(report.protected, false);
    assert.equal(report.definition?.where, 'after.balance > 100');
    assert.doesNotMatch(made.text, /whsec_/);
    const one = await api.ask('GET', '/v1/subscriptions/crm');
    assert.equal(one.json<SubscriptionReport>().name, 'crm');
    const all = await api.ask('GET', '/v1/subscriptions');
    const names = all.json<{ subscriptions: SubscriptionReport[] }>().subscriptions;
    assert.deepEqual(
      names.map(({ name }) => name),
      ['crm'],
    );
    const changed = await api.ask('PUT', '/v1/subscriptions/crm', { body: DEFINITION });
    assert.equal(changed.json<SubscriptionReport>().definition?.where, null, changed.text);
    const again = await api.ask('POST', '/v1/subscriptions', {
      body: { name: 'crm', ...DEFINITION },
    });
    assertCode(again, 409, 'SUBSCRIPTION_EXISTS');
    const gone = await api.ask('DELETE', '/v1/subscriptions/crm');
    assert.deepEqual([gone.status, gone.text], [204, '']);
    assertCode(await api.ask('GET', '/v1/subscriptions/crm'), 404, 'SUBSCRIPTION_UNKNOWN');
    assertCode(await api.ask('DELETE', '/v1/subscriptions/crm'), 404, 'SUBSCRIPTION_UNKNOWN');
    const missing = await api.ask('PUT', '/v1/subscriptions/crm', { body: DEFINITION });
    assertCode(missing, 404, 'SUBSCRIPTION_UNKNOWN');
  });

  test('definitions that are wrong are refused with the option that is', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database);
    const create = (body: object): Promise<Answered> =>
      api.ask('POST', '/v1/subscriptions', { body: { name: 'crm', ...DEFINITION, ...body } });
    const misspelt = assertCode(await create({ tabels: ['a.b'] }), 422, 'CONFIG_UNKNOWN_KEY');
    assert.match(misspelt.hint, /tables/);
    assertCode(await create({ where: 'after.' }), 422, 'FILTER_INVALID');
    assertCode(await create({ operations: ['upsert'] }), 422, 'CONFIG_INVALID');
    for (const body of [
      { to: {} },
      { to: { handler: './x.ts' } },
      { tables: null },
      { to: null },
    ]) {
      const { code } = (await create(body)).json<Problem>();
      assert.match(code, /^(CONFIG_|ENDPOINT_NOT_ALLOWED)/);
    }
    assert.match((await create({ name: 'Größe' })).json<Problem>().code, /^CONFIG_/);
    assertCode(await create({ name: 7 }), 400, 'REQUEST_INVALID');
    const list = await api.ask('GET', '/v1/subscriptions');
    assert.deepEqual(list.json(), { subscriptions: [] });
  });

  test('of the program are shown, moved, and otherwise protected', async () => {
    await using database = await freshDatabase();
    await using api = await serve(database, register);
    const { json } = await api.ask('GET', '/v1/subscriptions/mail');
    const report = json<SubscriptionReport>();
    assert.deepEqual([report.origin, report.protected], ['program', true]);
    const put = await api.ask('PUT', '/v1/subscriptions/mail', { body: DEFINITION });
    assertCode(put, 409, 'SUBSCRIPTION_PROTECTED');
    const gone = await api.ask('DELETE', '/v1/subscriptions/mail');
    assertCode(gone, 409, 'SUBSCRIPTION_PROTECTED');
  });

  test('pause, resume and rewind; asking twice is fine', async () => {
    await using database = await freshDatabase();
    const ids: unknown[] = [];
    await using api = await serve(database, (tidings) => {
      tidings.register('mail', 'public.accounts', { insert: ({ id }) => void ids.push(id) });
    });
    const post = async (what: string, body?: object): Promise<SubscriptionReport> => {
      const answered = await api.ask('POST', `/v1/subscriptions/mail/${what}`, { body });
      assert.equal(answered.status, 200, answered.text);
      return answered.json<SubscriptionReport>();
    };
    for (const _time of [1, 2]) {
      const { state, reason } = await post('pause', { reason: 'maintenance' });
      assert.deepEqual([state, reason], ['paused', 'maintenance']);
    }
    await insert(database, 1, 3);
    for (const _time of [1, 2]) assert.notEqual((await post('resume')).state, 'paused');
    await until(() => ids.length === 3);
    await post('rewind', { to: 'floor' });
    await until(() => ids.length === 6);
    assert.deepEqual(ids, [1, 2, 3, 1, 2, 3]);
    await post('rewind', { to: new Date(Date.now() + 60_000).toISOString() });
    const unknown = await api.ask('POST', '/v1/subscriptions/mail/rewind', {
      body: { to: 10 ** 9 },
    });
    assertCode(unknown, 400, 'OFFSET_UNKNOWN');
    const nobody = await api.ask('POST', '/v1/subscriptions/nobody/pause');
    assertCode(nobody, 404, 'SUBSCRIPTION_UNKNOWN');
  });
});

suite('deliveries', () => {
  const path = (offset: number, what = ''): string =>
    `/v1/subscriptions/mail/deliveries/${offset}${what}`;

  const failing = async (
    database: TestDatabase,
    mended: { now: boolean },
    ids: unknown[],
  ): Promise<ServedApi> => {
    const api = await serve(database, (tidings) => {
      tidings.register('mail', 'public.accounts', {
        maxAttempts: 1,
        insert: async ({ id }) => {
          await Promise.resolve();
          if (!mended.now) throw new Error('mailbox full');
          ids.push(id);
        },
      });
    });
    await insert(database, 1, 7);
    await until(async () => (await api.tidings.subscription('mail')).parked === 7);
    return api;
  };

  test('that are parked are listed in pages and shown with their last error', async () => {
    await using database = await freshDatabase();
    await using api = await failing(database, { now: false }, []);
    const found: DeliveryReport[] = [];
    let after = '';
    for (;;) {
      const { json } = await api.ask('GET', `/v1/deliveries?state=parked&limit=3${after}`);
      const page = json<DeliveryPage>();
      found.push(...page.deliveries);
      if (page.next === null) break;
      assert.equal(page.deliveries.length, 3);
      after = `&after=${encodeURIComponent(page.next)}`;
    }
    assert.equal(new Set(found.map(({ offset }) => offset)).size, 7);
    const [first] = found;
    assert.ok(first !== undefined);
    assert.match(first.lastError?.message ?? '', /mailbox full/);
    assert.deepEqual((await api.ask('GET', path(first.offset))).json(), first);
    const none = await api.ask('GET', '/v1/deliveries?subscription=mail&state=retrying');
    assert.deepEqual(none.json<DeliveryPage>().deliveries, []);
    assertCode(await api.ask('GET', path(10 ** 6)), 404, 'EXCEPTION_UNKNOWN');
    const nobody = '/v1/subscriptions/nobody/deliveries/1';
    assertCode(await api.ask('GET', nobody), 404, 'SUBSCRIPTION_UNKNOWN');
  });

  test('are replayed one by one and all together, and discarded for a reason', async () => {
    await using database = await freshDatabase();
    const mended = { now: false };
    const ids: unknown[] = [];
    await using api = await failing(database, mended, ids);
    const { json } = await api.ask('GET', '/v1/deliveries');
    const [first, second] = json<DeliveryPage>().deliveries;
    assert.ok(first !== undefined && second !== undefined);
    assertCode(await api.ask('POST', path(first.offset, '/discard')), 400, 'REQUEST_INVALID');
    const discard = await api.ask('POST', path(first.offset, '/discard'), {
      body: { reason: 'a test account' },
    });
    assert.deepEqual([discard.status, discard.text], [204, '']);
    const discarded = await api.ask('GET', '/v1/deliveries?state=discarded');
    assert.equal(discarded.json<DeliveryPage>().deliveries[0]?.discarded?.reason, 'a test account');
    mended.now = true;
    const one = await api.ask('POST', path(second.offset, '/replay'));
    assert.equal(one.status, 202, one.text);
    await until(() => ids.length === 1);
    const all = await api.ask('POST', '/v1/subscriptions/mail/replay', { body: { parked: true } });
    assert.equal(all.status, 202, all.text);
    await until(() => ids.length === 6);
    await until(async () => (await api.tidings.subscription('mail')).parked === 0);
    const range = await api.ask('POST', '/v1/subscriptions/mail/replay', {
      body: { from: 'floor', to: 'head' },
    });
    assert.equal(range.status, 202, range.text);
    await until(() => ids.length === 13);
  });
});
