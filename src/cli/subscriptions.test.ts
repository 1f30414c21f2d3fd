import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Answer, fakeApi, problem, SUBSCRIPTION } from '../../test/support/fake-api.ts';
import type { SubscriptionReport } from '../app/administration.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tidings-subscriptions-'));
after(() => rmSync(cwd, { recursive: true }));

const CRM = '/v1/subscriptions/crm';
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const REMEMBERED: SubscriptionReport = {
  ...SUBSCRIPTION,
  name: 'old',
  origin: 'none',
  state: 'stopped',
  definition: null,
  createdAt: null,
  lastError: null,
  replays: [],
  parked: 0,
  retrying: 0,
};
const PAUSED: SubscriptionReport = {
  ...REMEMBERED,
  name: 'mail',
  origin: 'configuration',
  state: 'paused',
  reason: 'its endpoint answered 410',
};

suite('list and show', () => {
  test('a line each, and what wants attention with the command for it', async () => {
    await using api = await fakeApi({
      'GET /v1/subscriptions': () => ({ subscriptions: [SUBSCRIPTION, PAUSED, REMEMBERED] }),
    });
    const { code, out } = await api.tidings('subscriptions');
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n'), [
      'NAME  MADE BY        STATE    TABLES           TO                   LAG  RETRYING  PARKED',
      'crm   api            live     public.accounts  https://crm.example   34         1       3',
      'mail  configuration  paused   –                –                     34         0       0',
      'old   –              stopped  –                –                     34         0       0',
      '  crm: WEBHOOK_STATUS: no\\u001b[2J luck (2020-11-20 08:00:00.000)',
      '  → tidings deliveries crm',
      '  mail: paused: its endpoint answered 410',
      '  → tidings subscriptions resume mail',
      '  old: nobody registers it, and the log keeps what it has not read.',
      '  → tidings subscriptions delete old',
      '',
    ]);
    const asJson = await api.tidings('subscriptions list --json');
    assert.deepEqual(JSON.parse(asJson.out), [SUBSCRIPTION, PAUSED, REMEMBERED]);
  });

  test('none yet: how to make one', async () => {
    await using api = await fakeApi({ 'GET /v1/subscriptions': () => ({ subscriptions: [] }) });
    assert.match((await api.tidings('subscriptions')).out, /tidings subscriptions create NAME/);
  });

  test('show: everything about one', async () => {
    await using api = await fakeApi({ [`GET ${CRM}`]: () => SUBSCRIPTION });
    const { out } = await api.tidings('subscriptions show crm');
    assert.deepEqual(out.split('\n').slice(0, 15), [
      'name         crm',
      'made by      the API or the command line, at 2020-11-19 08:00:00.000',
      'state        live',
      'source       main',
      'tables       public.accounts',
      'operations   insert, update',
      'where        after.balance > 100',
      'to           https://crm.example/in/s3cret-path',
      'headers      authorization',
      'at once      16, at most 20 per second',
      'attempts     16 of 10s, waits of 5s to 8h',
      'place        offset 1,200, 34 records behind the head',
      'deliveries   2 in flight, 1 retrying, 0 blocked, 3 parked',
      'replaying    100 to 200',
      '  crm: WEBHOOK_STATUS: no\\u001b[2J luck (2020-11-20 08:00:00.000)',
    ]);
  });
});

suite('create', () => {
  const routes = { 'POST /v1/subscriptions': () => SUBSCRIPTION };

  test('from flags; a secret is made and shown once', async () => {
    await using api = await fakeApi(routes);
    const words =
      'subscriptions create crm --table a.* --table !a.b --operation insert --column email --from 120 --url https://crm.example/in --max-concurrency 4 --rate 0.5 --timeout 10s --max-attempts 3';
    const { code, out, err } = await api.tidings([
      ...words.split(' '),
      '--where',
      'after.n > 1',
      '--header',
      'authorization: Bearer x:y',
    ]);
    assert.equal(code, 0, err);
    const [secret = ''] = /whsec_\S+/.exec(out) ?? [];
    assert.equal(Buffer.from(secret.slice(6), 'base64').length, 32);
    assert.deepEqual(api.requests[0]?.body, {
      name: 'crm',
      tables: ['a.*', '!a.b'],
      operations: ['insert'],
      columns: ['email'],
      where: 'after.n > 1',
      from: 120,
      to: {
        webhook: {
          url: 'https://crm.example/in',
          secret,
          headers: { authorization: 'Bearer x:y' },
        },
      },
      delivery: { maxConcurrency: 4, rate: 0.5, timeout: '10s', maxAttempts: 3 },
    });
    assert.match(out, /^Created crm: public\.accounts → https:\/\/crm\.example, from offset 1200/);
    assert.match(out, /\nTry it: tidings trigger-test crm\n$/);
  });

  test('with a secret of one’s own, which is not shown', async () => {
    await using api = await fakeApi(routes);
    const line = 'subscriptions create crm --table a.b --url https://x.example';
    const ended = await api.tidings(line, { env: { TIDINGS_WEBHOOK_SECRET: SECRET } });
    assert.doesNotMatch(ended.out + ended.err, /whsec_/);
    const two = await api.tidings(`${line} --json --secret ${SECRET} --secret ${SECRET}AA==`);
    assert.match(two.err, /^\{"error":\{"code":"USAGE","message":"--secret .* has to be base64/);
    assert.doesNotMatch(two.err, new RegExp(SECRET.slice(6, 20)));
    const { body } = api.requests[0] as { body: { to: { webhook: { secret: unknown } } } };
    assert.equal(body.to.webhook.secret, SECRET);
    assert.equal(api.requests.length, 1);
  });

  test('from a file, over which flags win', async () => {
    await using api = await fakeApi(routes);
    const webhook = { url: 'https://a.example', secret: SECRET };
    writeFileSync(
      join(cwd, 'crm.json'),
      JSON.stringify({ tables: ['a.b'], to: { webhook }, delivery: { rate: 5, timeout: '5s' } }),
    );
    const line = 'subscriptions create crm --file crm.json --url https://b.example --rate 7';
    assert.equal((await api.tidings(line, { cwd })).code, 0);
    assert.deepEqual(api.requests[0]?.body, {
      name: 'crm',
      tables: ['a.b'],
      to: { webhook: { url: 'https://b.example', secret: SECRET } },
      delivery: { rate: 7, timeout: '5s' },
    });
    writeFileSync(join(cwd, 'bad.json'), '{ "tables": ["a"], }');
    const bad = await api.tidings('subscriptions create crm --file bad.json', { cwd });
    assert.match(bad.err, /^error CONFIG_SYNTAX: bad\.json is not valid JSON at line 1, column 20/);
    writeFileSync(join(cwd, 'list.json'), '[]');
    const list = await api.tidings('subscriptions create crm --file list.json', { cwd });
    assert.equal(list.code, 64);
    const none = await api.tidings('subscriptions create crm --file none.json', { cwd });
    assert.match(none.err, /^error SYSTEM_ERROR: /);
  });

  test('refuses what cannot be', async () => {
    await using api = await fakeApi(routes);
    const cases: readonly (readonly [string, RegExp])[] = [
      ['--table a.b', /--url https:\/\/receiver\.example\/in is missing/],
      ['--url https://x.example', /--table 'public\.\*' is missing/],
      ['--table a.b --url https://x --rate 0', /Write attempts per second/],
      ['--table a.b --url https://x --timeout soon', /Write a duration/],
      ['--table a.b --url https://x --header geheim', /--header has to be written as/],
    ];
    for (const [flags, expected] of cases) {
      const { code, err } = await api.tidings(`subscriptions create crm ${flags}`);
      assert.equal(code, 64);
      assert.match(err, expected);
    }
    assert.equal(api.requests.length, 0);
  });
});

suite('create and change', () => {
  test('what is refused points at the help of the command that was typed', async () => {
    await using api = await fakeApi({});
    for (const command of ['create', 'change']) {
      for (const flags of ['--secret whsec_aaaa', '--header geheim', '--file list.json']) {
        writeFileSync(join(cwd, 'list.json'), '[]');
        const line = `subscriptions ${command} crm ${flags}`;
        const { code, err } = await api.tidings(line, { cwd });
        assert.equal(code, 64, line);
        assert.ok(err.includes(`\`tidings subscriptions ${command} --help\``), err);
      }
    }
  });
});

suite('change', () => {
  const KNOWN = {
    source: 'main',
    tables: ['public.accounts'],
    operations: ['insert', 'update'],
    where: 'after.balance > 100',
    to: { webhook: { url: 'https://crm.example/in/s3cret-path' } },
    delivery: {
      maxConcurrency: 16,
      rate: 20,
      timeout: '10s',
      maxAttempts: 16,
      backoff: { first: '5s', factor: 4, max: '8h', jitter: 0.3 },
    },
  };
  const routes = { [`GET ${CRM}`]: () => SUBSCRIPTION, [`PUT ${CRM}`]: () => SUBSCRIPTION };

  test('keeps what is not given; secret and headers by leaving them out', async () => {
    await using api = await fakeApi(routes);
    const line = 'subscriptions change crm --url https://b.example --max-concurrency 4';
    const { code, out, err } = await api.tidings(line);
    assert.equal(code, 0);
    assert.match(out, /^Changed crm\.\nname/);
    assert.equal(err, '');
    assert.deepEqual(api.requests[1]?.body, {
      ...KNOWN,
      to: { webhook: { url: 'https://b.example' } },
      delivery: { ...KNOWN.delivery, maxConcurrency: 4 },
    });
  });

  test('says which headers another origin does not get', async () => {
    const { definition } = SUBSCRIPTION;
    assert.ok(definition !== null);
    const to = { webhook: { url: 'https://b.example', headers: [] } };
    const moved = { ...SUBSCRIPTION, definition: { ...definition, to } };
    await using api = await fakeApi({ ...routes, [`PUT ${CRM}`]: () => moved });
    const line = 'subscriptions change crm --url https://b.example';
    const { err } = await api.tidings(line);
    assert.match(err, /^No longer sent: authorization \(.* --header\)\n$/);
    assert.equal((await api.tidings(`${line} --no-header`)).err, '');
  });

  test('drops what is no more', async () => {
    await using api = await fakeApi(routes);
    const flags = '--no-where --no-operation --no-rate --no-header --column email';
    assert.equal((await api.tidings(`subscriptions change crm ${flags}`)).code, 0);
    const { operations: _all, where: _any, ...kept } = KNOWN;
    const { rate: _unlimited, ...delivery } = KNOWN.delivery;
    assert.deepEqual(api.requests[1]?.body, {
      ...kept,
      columns: ['email'],
      to: { webhook: { ...KNOWN.to.webhook, headers: {} } },
      delivery,
    });
  });

  test('needs something to change', async () => {
    await using api = await fakeApi(routes);
    const { code, err } = await api.tidings('subscriptions change crm');
    assert.equal(code, 64);
    assert.match(err, /Say what to change/);
    assert.equal(api.requests.length, 0);
  });
});

test('pause, resume, rewind: what is asked for, and what comes next', async () => {
  await using api = await fakeApi({
    [`POST ${CRM}/pause`]: () => SUBSCRIPTION,
    [`POST ${CRM}/resume`]: () => SUBSCRIPTION,
    [`POST ${CRM}/rewind`]: () => SUBSCRIPTION,
  });
  const pause = await api.tidings(['subscriptions', 'pause', 'crm', '--reason', 'moves house']);
  assert.equal(pause.out, 'Paused crm. It goes on with: tidings subscriptions resume crm\n');
  await api.tidings('subscriptions pause crm');
  const resume = await api.tidings('subscriptions resume crm');
  assert.match(resume.out, /^Resumed crm at offset 1,200, 34 behind the head\./);
  await api.tidings('subscriptions rewind crm --to floor');
  await api.tidings('subscriptions rewind crm --to 2026-11-21T08:00:00Z');
  assert.deepEqual(
    api.requests.map(({ body }) => body),
    [
      { reason: 'moves house' },
      undefined,
      undefined,
      { to: 'floor' },
      { to: '2026-11-21T08:00:00.000Z' },
    ],
  );
});

test('replay: everything parked, or a range', async () => {
  await using api = await fakeApi({
    [`POST ${CRM}/replay`]: () =>
      new Answer(202, JSON.stringify({ kind: 'range', from: 120, to: 130 }), {
        'content-type': 'application/json',
      }),
  });
  const parked = await api.tidings('subscriptions replay crm --parked');
  assert.match(parked.out, /^Delivers everything that is parked to crm once more\. /);
  const range = await api.tidings('subscriptions replay crm --from 120 --to 130');
  assert.match(range.out, /^Delivers what it gets of the offsets 120 to 129 to crm once more\. /);
  assert.deepEqual(
    api.requests.map(({ body }) => body),
    [{ parked: true }, { from: 120, to: 130 }],
  );
  await using none = await fakeApi({
    [`POST ${CRM}/replay`]: () => ({ kind: 'parked', from: 0, to: 0 }),
  });
  assert.equal(
    (await none.tidings('subscriptions replay crm --parked')).out,
    'Nothing is parked, so nothing is delivered to crm.\n',
  );
  assert.equal(
    (await none.tidings('subscriptions replay crm --from 7')).out,
    'Nothing lies in that range, so nothing is delivered to crm.\n',
  );
  for (const flags of ['', ' --to 5', ' --parked --from 5', ' --parked --to 5']) {
    const { code, err } = await api.tidings(`subscriptions replay crm${flags}`);
    assert.equal(code, 64, flags);
    assert.match(err, /--from/);
  }
  assert.equal(api.requests.length, 2);
});

test('delete: nothing goes that nobody confirmed', async () => {
  await using api = await fakeApi({
    [`GET ${CRM}`]: () => SUBSCRIPTION,
    [`DELETE ${CRM}`]: () => new Answer(204),
    'DELETE /v1/subscriptions/mail': () => problem(409, 'SUBSCRIPTION_PROTECTED'),
    'GET /v1/subscriptions/nonsuch': () => problem(404, 'SUBSCRIPTION_UNKNOWN'),
  });
  // Whether to confirm it is no question for one that is not there.
  assert.match((await api.tidings('subscriptions delete nonsuch')).err, /SUBSCRIPTION_UNKNOWN/);
  const deletions = (): number =>
    api.requests.filter(({ route }) => route.startsWith('DELETE')).length;
  const alone = await api.tidings('subscriptions delete crm');
  assert.equal(alone.code, 2);
  assert.match(alone.err, /NOT_CONFIRMED.*\n→ .*`tidings subscriptions delete crm --yes`/);
  const no = await api.tidings('subscriptions delete crm', { answers: ['no'] });
  assert.equal(no.code, 2);
  assert.deepEqual(no.io.questions, [
    'It has not had 34 records, and 4 deliveries not done go with it. Delete crm? Type yes: ',
  ]);
  assert.equal(deletions(), 0);
  const yes = await api.tidings('subscriptions delete crm', { answers: ['yes'] });
  assert.equal(yes.out, 'Deleted crm. What is left: tidings subscriptions\n');
  const asJson = await api.tidings('subscriptions delete crm --yes --json');
  assert.equal(asJson.out, '{"deleted":"crm"}\n');
  assert.equal(deletions(), 2);
  assert.match(
    (await api.tidings('subscriptions delete mail --yes')).err,
    /SUBSCRIPTION_PROTECTED/,
  );
});

test('a mistyped command is found, and the options of the list in its help', async () => {
  await using api = await fakeApi({});
  const mistyped = await api.tidings('subscriptions pasue crm');
  assert.equal(
    mistyped.err,
    "error USAGE: Unknown command 'pasue'. Did you mean pause?\n→ `tidings subscriptions --help` shows how it is used.\n",
  );
  const option = await api.tidings('subscriptions --jsn');
  assert.match(option.err, /Did you mean --json\?\n→ `tidings subscriptions list --help`/);
});
