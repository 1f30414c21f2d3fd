import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Answer, DELIVERY, fakeApi, problem } from '../../test/support/fake-api.ts';
import { CHANGE } from '../../test/support/fake-log.ts';
import type { DeliveryReport } from '../app/administration.ts';
import { toWire } from '../change/wire.ts';

const CRM = '/v1/subscriptions/crm';
const RETRYING: DeliveryReport = {
  ...DELIVERY,
  offset: 124,
  state: 'retrying',
  attempts: 2,
  nextAttemptAt: '2020-01-01T00:00:00.000Z',
  lastError: {
    ...DELIVERY.lastError,
    code: 'X',
    message: 'no\nroute',
    stack: null,
    status: null,
    excerpt: null,
  },
};
const DISCARDED: DeliveryReport = {
  ...DELIVERY,
  offset: 125,
  key: null,
  state: 'discarded',
  discarded: { reason: 'test data', at: '2020-11-20T08:00:00.000Z' },
};

/** As many as this, in pages as they are asked for; `after` is the offset of the last. */
function pagesOf(count: number, state: DeliveryReport['state'] = 'parked') {
  return ({ query }: { readonly query: Readonly<Record<string, string>> }) => {
    const from = Number(query['after'] ?? 0);
    const to = Math.min(count, from + Number(query['limit']));
    const deliveries = Array.from({ length: to - from }, (_, at) => ({
      ...DELIVERY,
      state,
      offset: from + at + 1,
    }));
    return { deliveries, next: to < count ? String(to) : null };
  };
}

suite('list', () => {
  test('a table that says what is wrong', async () => {
    await using api = await fakeApi({
      'GET /v1/deliveries': () => ({ deliveries: [DELIVERY, RETRYING, DISCARDED], next: null }),
    });
    const { out } = await api.tidings('deliveries');
    assert.deepEqual(out.split('\n'), [
      'SUBSCRIPTION  OFFSET  TABLE            KEY  STATE      ATTEMPTS  NEXT  LAST ERROR',
      'crm              123  public.accounts  7    parked           16  –     HTTP 503: The endpoint answered 503.',
      'crm              124  public.accounts  7    retrying          2  now   X: no route',
      'crm              125  public.accounts  –    discarded        16  –     test data',
      'Details of one: tidings deliveries show crm 123',
      '',
    ]);
    await api.tidings('deliveries list crm --state parked,retrying --after there');
    assert.deepEqual(
      api.requests.map(({ query }) => query),
      [
        { limit: '500' },
        { subscription: 'crm', state: 'parked,retrying', after: 'there', limit: '500' },
      ],
    );
  });

  test('thousands come page by page, under one heading', async () => {
    await using api = await fakeApi({ 'GET /v1/deliveries': pagesOf(2_345) });
    const { out } = await api.tidings('deliveries crm');
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.filter((line) => line.includes('OFFSET')).length, 1);
    assert.deepEqual(
      lines.slice(1, -1).map((line) => Number(line.trim().split(/\s+/)[0])),
      Array.from({ length: 2_345 }, (_, at) => at + 1),
    );
    assert.equal(api.requests.length, 5);
    const asJson = await api.tidings('deliveries crm --json');
    assert.equal(asJson.out.trimEnd().split('\n').length, 2_345);
    assert.deepEqual(JSON.parse(asJson.out.split('\n')[7] ?? ''), { ...DELIVERY, offset: 8 });
  });

  for (const columns of [80, 120]) {
    test(`keeps to a terminal of ${columns} columns`, async () => {
      const long = {
        ...DELIVERY,
        subscription: 'customers-of-the-north',
        offset: 12_345_678,
        table: 'accounting.invoice_positions',
        key: 'b7a1f0c2-2f7e-4c39-9f0a-6a2f1f1c7b11',
      };
      await using api = await fakeApi({
        'GET /v1/deliveries': () => ({ deliveries: [long, RETRYING, DISCARDED], next: null }),
      });
      const { out } = await api.tidings('deliveries', { terminal: true, colour: false, columns });
      const widths = out.split('\n').map((line) => line.length);
      assert.ok(Math.max(...widths) <= columns, out);
      assert.match(out, /parked/);
    });
  }

  test('--limit stops, and says how to go on', async () => {
    await using api = await fakeApi({ 'GET /v1/deliveries': pagesOf(2_345) });
    const { out, err } = await api.tidings('deliveries crm --json --limit 600');
    assert.equal(out.trimEnd().split('\n').length, 600);
    assert.equal(err, 'There are more: tidings deliveries crm --limit 600 --after 600\n');
    assert.deepEqual(
      api.requests.map(({ query }) => query['limit']),
      ['500', '100'],
    );
  });

  test('nothing there is good news; a wrong state is refused with those there are', async () => {
    await using api = await fakeApi({ 'GET /v1/deliveries': pagesOf(0) });
    assert.equal((await api.tidings('deliveries')).out, 'Nothing waits and nothing is parked.\n');
    assert.equal((await api.tidings('deliveries --state parked')).out, 'No delivery is parked.\n');
    const { code, err } = await api.tidings('deliveries --state parkd');
    assert.equal(code, 64);
    assert.match(err, /Did you mean parked\? Write some of retrying, blocked, parked, discarded\./);
  });
});

suite('show', () => {
  const answers = {
    [`GET ${CRM}/deliveries/123`]: () => DELIVERY,
  };

  test('what the endpoint said, the change, and what can be done', async () => {
    await using api = await fakeApi({
      ...answers,
      [`GET ${CRM}/deliveries/123/change`]: () => ({ change: toWire(CHANGE) }),
    });
    const { out } = await api.tidings('deliveries show crm 123');
    assert.deepEqual(out.split('\n'), [
      'delivery  offset 123 to crm',
      'row       public.accounts 7',
      'state     parked',
      'attempts  16, the first failed at 2020-11-19 08:00:00.000',
      'error     WEBHOOK_STATUS: The endpoint answered 503.',
      'answer    HTTP 503',
      '  <h1>Sorry\\u001b[2J</h1>',
      '2020-01-02 03:04:05.678     123  update    public.accounts  id=7  email: ann@example.com → "a b@example.com"  note: null → "x\\ny"',
      'Deliver it again: tidings deliveries replay crm 123',
      'Give it up: tidings deliveries discard crm 123 --reason TEXT',
      '',
    ]);
    const asJson = await api.tidings('deliveries show crm 123 --json');
    assert.deepEqual(JSON.parse(asJson.out), { delivery: DELIVERY, change: toWire(CHANGE) });
  });

  test('where a handler threw', async () => {
    const stack = 'at insert (file:///h.ts:3:9)\nat deliver (file:///d.ts:1:1)';
    const lastError = {
      code: 'HANDLER_FAILED',
      message: 'no row',
      status: null,
      excerpt: null,
      stack,
    };
    await using api = await fakeApi({
      [`GET ${CRM}/deliveries/123`]: () => ({ ...DELIVERY, lastError }),
      [`GET ${CRM}/deliveries/123/change`]: () => ({ change: null }),
    });
    const { out } = await api.tidings('deliveries show crm 123');
    assert.match(
      out,
      /error +HANDLER_FAILED: no row\n {2}at insert \(file:\/\/\/h\.ts:3:9\)\n {2}at deliver/,
    );
  });

  test('a change that retention has removed is no reason not to show the rest', async () => {
    await using api = await fakeApi({
      ...answers,
      [`GET ${CRM}/deliveries/123/change`]: () => ({ change: null }),
    });
    const { code, out } = await api.tidings('deliveries show crm 123');
    assert.equal(code, 0);
    assert.match(out, /\nIts change is not in the log any more\.\n/);
  });
});

suite('decisions', () => {
  test('about one: errors are told', async () => {
    await using api = await fakeApi({
      [`POST ${CRM}/deliveries/5/retry`]: () => new Answer(202),
      [`POST ${CRM}/deliveries/6/retry`]: () => problem(409, 'DELIVERY_IN_FLIGHT'),
      [`POST ${CRM}/deliveries/5/discard`]: () => new Answer(204),
    });
    const retried = await api.tidings('deliveries retry crm 5');
    assert.equal(retried.out, 'Asked for 1 attempt. What becomes of it: tidings deliveries crm\n');
    const { code, err } = await api.tidings('deliveries retry crm 6');
    assert.equal(code, 2);
    assert.match(err, /^error DELIVERY_IN_FLIGHT/);
    const words = ['deliveries', 'discard', 'crm', '5', '--reason', 'sent by hand'];
    const discarded = await api.tidings(words);
    assert.match(discarded.out, /^Gave up 1 delivery\. /);
    assert.deepEqual(api.requests.at(-1)?.body, { reason: 'sent by hand' });
  });

  test('about all: what was overtaken is skipped, anything else ends it', async () => {
    const overtaken = new Map([
      [700, 'EXCEPTION_UNKNOWN'],
      [701, 'DELIVERY_IN_FLIGHT'],
    ]);
    const offsets = Array.from({ length: 1_100 }, (_, at) => at + 1);
    const routes = (verb: string): [string, () => unknown][] =>
      offsets.map((offset) => {
        const answer = (code = overtaken.get(offset)): unknown =>
          code === undefined ? new Answer(204) : problem(409, code);
        return [`POST ${CRM}/deliveries/${offset}/${verb}`, () => answer()];
      });
    await using api = await fakeApi({
      'GET /v1/deliveries': pagesOf(1_100),
      ...Object.fromEntries([...routes('retry'), ...routes('discard')]),
    });
    const retry = await api.tidings('deliveries retry crm --all --json');
    assert.equal(retry.out, '{"retried":1098,"skipped":2}\n');
    assert.equal(api.requests[0]?.query['state'], 'retrying');
    const discard = await api.tidings('deliveries discard crm --all-parked --reason gone');
    assert.match(discard.out, /^Gave up 1,098 deliveries\. /);
    overtaken.set(3, 'STATE_FAILED');
    const failed = await api.tidings('deliveries discard crm --all-parked --reason gone');
    assert.match(failed.err, /^error STATE_FAILED/);
  });

  test('need to be clear', async () => {
    await using api = await fakeApi({});
    for (const line of [
      'retry crm',
      'retry crm 5 --all',
      'discard crm --reason x',
      'discard crm 5 --all-parked --reason x',
      'discard crm 5',
      'replay crm',
      'replay crm 5 --parked',
      'replay crm --to 5',
      'retry crm five',
    ]) {
      assert.equal((await api.tidings(`deliveries ${line}`)).code, 64, line);
    }
    assert.equal(api.requests.length, 0);
  });

  test('replay: one, everything parked, a range', async () => {
    await using api = await fakeApi({
      [`POST ${CRM}/replay`]: () => ({ kind: 'range', from: 5, to: 6 }),
    });
    const one = await api.tidings('deliveries replay crm 5');
    assert.match(one.out, /^Delivers offset 5 to crm once more\. /);
    await api.tidings('deliveries replay crm --parked');
    const range = await api.tidings('deliveries replay crm --from floor --to 6 --json');
    assert.deepEqual(JSON.parse(range.out), { kind: 'range', from: 5, to: 6 });
    assert.deepEqual(
      api.requests.map(({ body }) => body),
      [{ offset: 5 }, { parked: true }, { from: 'floor', to: 6 }],
    );
  });
});
