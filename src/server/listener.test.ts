import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ENDS } from '../../test/support/until.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { SILENT } from '../observe/logger.ts';
import { Listener, type ListenOptions } from './listener.ts';

function listen(options: Partial<ListenOptions> = {}): Promise<Listener> {
  return Listener.listen({
    host: '127.0.0.1',
    port: 0,
    logger: SILENT,
    load: () => Promise.resolve((_request, response) => void response.end('loaded')),
    quick: () => false,
    ...options,
  });
}

const text = async (url: string): Promise<string> => await (await fetch(url)).text();

test('a port that is taken, an address of nobody: errors that say what to do', ENDS, async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await assert.rejects(listen({ port }), (error) => {
    assert.ok(isTidingsError(error, 'HTTP_LISTEN_FAILED'));
    assert.match(error.message, new RegExp(`127.0.0.1:${port}: another program listens there`));
    assert.match(error.hint, /http\.port/);
    return true;
  });
  other.close();
  await assert.rejects(listen({ host: '192.0.2.1' }), (error) => {
    assert.ok(isTidingsError(error, 'HTTP_LISTEN_FAILED'));
    assert.match(error.hint, /http\.host/);
    return true;
  });
});

test('nothing is loaded before it is needed, and once', ENDS, async () => {
  let loads = 0;
  const listener = await listen({
    load: () => {
      loads += 1;
      return Promise.resolve((_request, response) => void response.end('loaded'));
    },
    quick: ({ url }, response) => {
      if (url !== '/quick') return false;
      response.end('quick');
      return true;
    },
  });
  assert.equal(await text(`${listener.url}/quick`), 'quick');
  assert.equal(loads, 0);
  const answers = await Promise.all([text(listener.url), text(listener.url), text(listener.url)]);
  assert.deepEqual(answers, ['loaded', 'loaded', 'loaded']);
  assert.equal(loads, 1);
  // From then on what is loaded answers everything alike.
  assert.equal(await text(`${listener.url}/quick`), 'loaded');
  await listener.close();
});

test('a load that failed is tried again with the next request', ENDS, async () => {
  let broken = true;
  const loaded: RequestListener = (_request, response) => void response.end('loaded');
  const listener = await listen({
    load: () => (broken ? Promise.reject(new Error('no memory')) : Promise.resolve(loaded)),
  });
  assert.equal((await fetch(listener.url)).status, 500);
  broken = false;
  assert.equal(await text(listener.url), 'loaded');
  await listener.close();
});

test('closing lets what was asked be answered, and ends idle connections', ENDS, async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const listener = await listen({
    load: () =>
      Promise.resolve(async (_request, response) => {
        asked.resolve();
        await answer.promise;
        response.end('late');
      }),
  });
  const { port } = new URL(listener.url);
  const idle = connect(Number(port), '127.0.0.1');
  await once(idle, 'connect');
  const late = fetch(listener.url);
  await asked.promise;
  const closing = listener.close();
  idle.resume();
  await once(idle, 'close');
  await assert.rejects(fetch(listener.url));
  answer.resolve();
  const response = await late;
  assert.equal(response.headers.get('connection'), 'close');
  assert.equal(await response.text(), 'late');
  await closing;
});

test('its address is one that this machine can call', ENDS, async () => {
  for (const host of ['0.0.0.0', '::1', 'localhost']) {
    const listener = await listen({ host });
    assert.match(listener.url, /^http:\/\/(127\.0\.0\.1|\[::1\]):\d+$/);
    assert.equal(await text(listener.url), 'loaded');
    await listener.close();
  }
});
