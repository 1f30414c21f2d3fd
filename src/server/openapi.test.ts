import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { serveApi } from '../../test/api-fixture.ts';
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

test('a running service answers the description that the reference has', async () => {
  await using api = await serveApi();
  const { status, text } = await api.ask('GET', '/openapi.json');
  assert.equal(status, 200);
  assert.equal(text, JSON.stringify(await describeApi()));
});
