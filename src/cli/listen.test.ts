import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { CHANGE } from '../../test/support/fake-log.ts';
import { type RecordedIo, recordedIo } from '../../test/support/recorded-io.ts';
import { until } from '../../test/support/until.ts';
import { TEST_TYPE, toWire } from '../change/wire.ts';
import type { Arrival } from './listen/arrival.ts';
import { run } from './run.ts';
import { newSecret } from './webhook-secret.ts';

const SECRET = newSecret();
const BODY = JSON.stringify(toWire(CHANGE));
const LINE =
  '2020-01-02 03:04:05.678     123  update    public.accounts  id=7  email: ann@example.com → "a b@example.com"  note: null → "x\\ny"';

interface Listening extends AsyncDisposable {
  readonly io: RecordedIo;
  readonly url: string;
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** As Ctrl-C; the exit code. */
  end(): Promise<number>;
}

/** Starts the command on a free port; `--json` has its notice on standard error. */
async function listen(flags: readonly string[] = []): Promise<Listening> {
  const io = recordedIo({ env: { TIDINGS_WEBHOOK_SECRET: SECRET } });
  const ended = run(['listen', '--port', '0', ...flags], io);
  const notice = (): string => io.written.out + io.written.err;
  await until(() => notice().includes('Listening on'));
  const [, url = ''] = /Listening on (\S+),/.exec(notice()) ?? [];
  const end = async (): Promise<number> => {
    io.interrupt();
    return await ended;
  };
  return {
    io,
    url,
    post: async (body, headers = sign(body)) =>
      await fetch(`${url}/any`, { method: 'POST', body, headers }),
    end,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
}

function sign(body: string, secret = SECRET, id = CHANGE.id): Record<string, string> {
  const now = new Date();
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, now, body),
    'tidings-attempt': '1',
  };
}

/** What was printed after the notice. */
function lines({ io }: Listening): readonly string[] {
  return io.written.out.slice(io.written.out.indexOf('--secret')).trimEnd().split('\n').slice(1);
}

suite('what comes', () => {
  test('is a line each, like tail; repetitions and further attempts are marked', async () => {
    await using listening = await listen();
    assert.equal((await listening.post(BODY)).status, 204);
    assert.equal(
      (await listening.post(BODY, { ...sign(BODY), 'tidings-attempt': '3' })).status,
      204,
    );
    assert.equal(await listening.end(), 0);
    assert.deepEqual(lines(listening), [
      `204  ${LINE}`,
      `204  again  attempt 3  ${LINE}`,
      'Received 2 requests: 1 again, 0 of them tests, 0 refused.',
    ]);
  });

  test('is marked when it is a test', async () => {
    await using listening = await listen();
    const body = JSON.stringify({ ...toWire(CHANGE), type: TEST_TYPE, id: 'test_1' });
    assert.equal((await listening.post(body, sign(body, SECRET, 'test_1'))).status, 204);
    assert.deepEqual(lines(listening), [`204  test  ${LINE}`]);
  });

  test('as JSON: one document per request, and nothing else on standard output', async () => {
    await using listening = await listen(['--json']);
    await listening.post(BODY);
    await listening.post(BODY, {});
    await listening.end();
    const arrivals = listening.io.written.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Arrival);
    assert.deepEqual(arrivals[0], {
      id: CHANGE.id,
      attempt: 1,
      change: toWire(CHANGE),
      verified: true,
      again: false,
      test: false,
      status: 204,
      problem: null,
    });
    assert.deepEqual(
      [arrivals[1]?.verified, arrivals[1]?.status, arrivals.length],
      [false, 401, 2],
    );
  });
});

suite('what is not signed with the secret', () => {
  test('is refused with the reason, to the sender too', async () => {
    await using listening = await listen();
    const refused = await listening.post(BODY, sign(BODY, newSecret()));
    assert.equal(refused.status, 401);
    const reason =
      'its signature does not fit: it was signed with another secret, or changed on its way';
    assert.equal(await refused.text(), `${reason}\n`);
    await listening.end();
    assert.deepEqual(lines(listening), [
      `401  not verified  ${reason}`,
      'Received 1 request: 0 again, 0 of them tests, 1 refused.',
    ]);
  });

  test('is taken with --no-verify, and marked', async () => {
    await using listening = await listen(['--no-verify', '--status', '200']);
    assert.equal((await listening.post(BODY, {})).status, 200);
    assert.match(
      lines(listening).join('\n'),
      /^200 {2}not verified {2}2020-01-02.*\n {5}it has no/,
    );
  });

  test('takes no memory beyond its limit', async () => {
    await using listening = await listen();
    const refused = await listening.post('x'.repeat(10_000_001));
    assert.equal(refused.status, 413);
    assert.equal((await listening.post('x'.repeat(10_000_000), {})).status, 401);
    assert.equal((await fetch(listening.url)).status, 405);
    assert.equal((await listening.post('{"type": "tidings.test.v1"}')).status, 400);
    assert.equal((await listening.post('null')).status, 400);
    assert.equal((await listening.post(BODY)).status, 204);
  });
});

test('--fail-first, --status and --delay: a receiver in trouble', async () => {
  await using listening = await listen(['--fail-first', '2', '--status', '202', '--delay', '1ms']);
  const statuses: number[] = [];
  for (let at = 0; at < 4; at++) statuses.push((await listening.post(BODY)).status);
  assert.deepEqual(statuses, [500, 500, 202, 202]);
  assert.match(lines(listening)[0] ?? '', /^500 {2}2020-01-02/);
  assert.match(lines(listening).at(-1) ?? '', /^202 {2}again/);
});

test('Ctrl-C does not wait for an answer that is delayed', async () => {
  await using listening = await listen(['--delay', '1h']);
  const answer = listening.post(BODY).catch((error: unknown) => error);
  await until(() => lines(listening).length === 1);
  assert.equal(await listening.end(), 0);
  await answer;
});

suite('without a secret', () => {
  test('it makes one, and prints the configuration to paste', async () => {
    const io = recordedIo();
    const ended = run(['listen', '--port', '0'], io);
    await until(() => io.written.out.includes('tidings subscriptions create'));
    const [, secret = ''] = /secret: '(whsec_[^']+)'/.exec(io.written.out) ?? [];
    const [url = ''] = /http:\/\/127[^,]+/.exec(io.written.out) ?? [];
    const headers = sign(BODY, secret);
    assert.equal((await fetch(url, { method: 'POST', body: BODY, headers })).status, 204);
    assert.ok(io.written.out.includes("webhooks: { allowAddresses: ['127.0.0.0/8'"));
    io.interrupt();
    assert.equal(await ended, 0);
  });

  test('it listens on this machine alone', async () => {
    const io = recordedIo();
    assert.equal(await run(['listen', '--port', '0', '--host', '0.0.0.0'], io), 64);
    assert.match(io.written.err, /^error LISTEN_SECRET_REQUIRED/);
  });

  test('one that was given is not printed', async () => {
    await using listening = await listen();
    assert.doesNotMatch(listening.io.written.out, /whsec_[A-Za-z0-9]/);
  });
});

test('a port that is taken is a clear error', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const io = recordedIo();
  assert.equal(await run(['listen', '--port', String(port)], io), 1);
  assert.match(
    io.written.err,
    new RegExp(`^error LISTEN_FAILED: Nothing can listen on 127.0.0.1:${port}: another program`),
  );
  taken.close();
  for (const flags of ['--port 70000', '--status 99', '--delay soon', '--secret whsec_x']) {
    assert.equal(await run(['listen', ...flags.split(' ')], recordedIo()), 64, flags);
  }
});
