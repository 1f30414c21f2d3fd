import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { Config } from './define-config.ts';
import { noSource, requireOfWebhook, requireTokens, requireUrl, requireValues } from './needed.ts';
import { resolveConfig } from './resolve-config.ts';

const URL = 'postgresql://ann@db/shop';
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

function configured(url: unknown, webhook: object): Config {
  return resolveConfig({
    sources: { main: { url } },
    subscriptions: { crm: { tables: ['public.a'], to: { webhook } } },
  });
}

function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(isTidingsError(error));
    return `${error.code}: ${error.message}`;
  }
  return 'accepted';
}

test('what is not set, or empty, is asked for by who needs it, with all that is missing', () => {
  for (const unset of [undefined, '']) {
    const config = configured(unset, { url: unset, secret: unset });
    assert.equal(config.sources['main']?.url, undefined);
    assert.equal(
      complaint(() => requireValues(config, 'program')),
      `CONFIG_PROBLEMS: The configuration has 3 problems:
  - The configuration has no value for sources.main.url.
  - The configuration has no value for subscriptions.crm.to.webhook.url.
  - The configuration has no value for subscriptions.crm.to.webhook.secret.`,
    );
    assert.equal(
      complaint(() => requireUrl(config, 'main')),
      'CONFIG_VALUE_MISSING: The configuration has no value for sources.main.url.',
    );
    assert.deepEqual(resolveConfig(config), config, 'it resolves to itself');
  }
});

test('a token that is not set is asked for by the service, and nobody else needs it', () => {
  for (const unset of [undefined, '']) {
    const tokens = { ops: { token: unset, rights: ['read'] } };
    const config = resolveConfig({ sources: { main: { url: URL } }, http: { tokens } });
    const missing =
      'CONFIG_VALUE_MISSING: The configuration has no value for http.tokens.ops.token.';
    assert.equal(
      complaint(() => requireValues(config, 'program')),
      missing,
    );
    assert.equal(
      complaint(() => requireTokens(config.http, 'command')),
      missing,
    );
    assert.deepEqual(resolveConfig(config), config, 'it resolves to itself');
  }
  requireTokens(undefined, 'command');
});

test('each value is asked for alone', () => {
  const webhook = { url: 'https://crm.example/in', secret: SECRET };
  const config = configured(undefined, webhook);
  assert.match(
    complaint(() => requireUrl(config, 'main')),
    /^CONFIG_VALUE_MISSING/,
  );
  assert.match(
    complaint(() => requireUrl(config, 'shop')),
    /^SOURCE_UNKNOWN/,
  );
  assert.equal(
    requireOfWebhook('crm', 'url', { value: webhook.url, reader: 'command' }),
    webhook.url,
  );
  assert.equal(
    complaint(() => requireOfWebhook('crm', 'secret', { value: undefined, reader: 'command' })),
    'CONFIG_VALUE_MISSING: The configuration has no value for subscriptions.crm.to.webhook.secret.',
  );
  assert.equal(
    complaint(() => requireValues(configured(URL, webhook), 'program')),
    'accepted',
  );
});

test('what to do about it fits who reads it: a program has no .env of ours and no command', () => {
  const hint = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      if (isTidingsError(error)) return error.hint;
    }
    return '';
  };
  const config = configured(undefined, { url: 'https://crm.example/in', secret: SECRET });
  assert.match(
    hint(() => requireValues(config, 'command')),
    /file \.env beside/,
  );
  assert.match(
    hint(() => requireUrl(config, 'main')),
    /file \.env beside/,
  );
  const inProgram = hint(() => requireValues(config, 'program'));
  assert.match(inProgram, /DATABASE_URL=postgresql:/);
  assert.doesNotMatch(inProgram, /\.env\b/);
  assert.match(noSource('command').hint, /`tidings init`/);
  assert.match(noSource('program').hint, /^Pass one: createTidings\(/);
});
