import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactText, redactUrl } from './redact-url.ts';

test('an address without its password', () => {
  const shown = {
    'postgresql://ann:geheim@db:5432/shop': 'postgresql://ann:***@db:5432/shop',
    'postgresql://ann@db/shop': 'postgresql://ann@db/shop',
    'postgresql://db/shop?password=geheim&sslmode=require&sslkey=geheim':
      'postgresql://db/shop?password=***&sslmode=require&sslkey=***',
    'postgresql://ann:geheim@ db/shop': '(unreadable address)',
    geheim: '(unreadable address)',
  };
  for (const [url, safe] of Object.entries(shown)) assert.equal(redactUrl(url), safe);
});

test('addresses inside a text', () => {
  assert.equal(
    redactText('a postgresql://ann:geheim@db/x and https://b:geheim@c, not a:b@c'),
    'a postgresql://ann:***@db/x and https://b:***@c, not a:b@c',
  );
});
