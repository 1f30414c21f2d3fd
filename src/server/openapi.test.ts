import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { serveApi } from '../../test/support/api-fixture.ts';
import { describeApi } from './describe-api.ts';

test('the description passes the recommended rules', async () => {
  const source = JSON.stringify(await describeApi());
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  const lines = problems.map(({ ruleId, message, location }) =>
    [ruleId, message, location[0]?.pointer].join(' '),
  );
  assert.deepEqual(lines, []);
});

test('a running service answers the description that the reference has, and names itself', async () => {
  await using api = await serveApi();
  const { status, text } = await api.ask('GET', '/openapi.json');
  assert.equal(status, 200);
  const { servers, ...described } = JSON.parse(text) as { servers: { url: string }[] };
  const { servers: _, ...reference } = JSON.parse(JSON.stringify(await describeApi())) as {
    servers: unknown;
  };
  assert.deepEqual(described, reference);
  assert.deepEqual(
    servers.map(({ url }) => url),
    [api.url, '.'],
  );
  // As a client reads the second one (RFC 3986), whatever proxy it came through.
  const behind = new URL(servers[1]?.url ?? '', 'https://ops.example/tidings/openapi.json');
  assert.equal(behind.href, 'https://ops.example/tidings/');
});

test('the description of a running service passes the recommended rules too', async () => {
  await using api = await serveApi();
  const { text: source } = await api.ask('GET', '/openapi.json');
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  assert.deepEqual(
    problems.map(({ ruleId }) => ruleId),
    [],
  );
});
