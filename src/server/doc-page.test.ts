import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveApi } from '../../test/support/api-fixture.ts';
import { CATALOGUE } from '../errors/catalogue.ts';

test('the service gives out every page that its answers and its description name', async () => {
  await using api = await serveApi();
  const { text: description } = await api.ask('GET', '/openapi.json');
  const hints = Object.values(CATALOGUE).map(({ hint }) => hint);
  const named = [description, ...hints].flatMap(
    (text) => text.match(/\bdocs\/[\w/-]+\.\w+/g) ?? [],
  );
  const pages = new Set(named);
  assert.ok(pages.size > 5);
  for (const page of pages) {
    const { status, headers, text } = await api.ask('GET', `/${page}`, { token: null });
    assert.equal(status, 200, page);
    assert.equal(headers['content-type'], 'text/markdown; charset=utf-8');
    assert.match(text, /^# /m, page);
  }
});

test('and nothing else', async () => {
  await using api = await serveApi();
  for (const path of [
    '/docs/guide/none.md',
    '/docs/none/undo.md',
    '/docs/guide/..%2freference%2ferrors.md',
    '/docs/guide/..%2f..%2fREADME.md',
    '/docs/..%2f/README.md',
    '/docs/..%2f/package.json',
    '/docs/reference/openapi.json',
    '/docs/guide/undo.md%00',
    '/docs/guide/',
    '/docs/guide',
  ]) {
    const { status, json } = await api.ask('GET', path);
    assert.deepEqual([status, json<{ code: string }>().code], [404, 'ROUTE_UNKNOWN'], path);
  }
  const { status } = await api.ask('POST', '/docs/guide/undo.md', { body: {} });
  assert.equal(status, 405);
});
