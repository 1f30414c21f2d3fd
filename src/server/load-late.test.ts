import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { serveApi } from '../../test/support/api-fixture.ts';

/** Modules of Fastify that are in this process, which runs this file alone. */
function loaded(): number {
  const { cache } = createRequire(import.meta.url);
  return Object.keys(cache).filter((path) => /node_modules\/fastify\//.test(path)).length;
}

test('an API that nobody calls costs no memory: only a question beyond its health loads it', async () => {
  await using api = await serveApi();
  assert.equal((await api.ask('GET', '/healthz')).status, 200);
  assert.equal(loaded(), 0);
  assert.equal((await api.ask('GET', '/v1/status')).status, 200);
  assert.notEqual(loaded(), 0);
});
