import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { HttpConfig } from './define-config.ts';
import { checkExposure, isLoopback } from './http-exposure.ts';

function http(options: Partial<HttpConfig>): HttpConfig {
  return { host: '127.0.0.1', port: 0, tokens: {}, cors: [], ...options };
}

const refused = (error: unknown): boolean => isTidingsError(error, 'HTTP_TOKEN_REQUIRED');

test('beyond loopback there has to be a token', () => {
  for (const host of [
    '0.0.0.0',
    '::',
    '192.168.1.2',
    'db.example',
    '10.127.0.1',
    '::ffff:10.0.0.1',
  ])
    assert.throws(() => checkExposure(http({ host })), refused, host);
  checkExposure(http({ host: '0.0.0.0', token: 'plain' }));
  checkExposure(http({ host: '0.0.0.0', tokens: { one: { token: 'x', rights: ['read'] } } }));
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) checkExposure(http({ host }));
});

test('loopback names and literals', () => {
  for (const host of ['localhost', 'LOCALHOST', 'a.localhost', '127.0.0.1', '[::1]', '::1'])
    assert.ok(isLoopback(host), host);
  for (const host of [
    'localhost.evil.example',
    'evillocalhost',
    '127.0.0.1.nip.io',
    '127.evil.example',
    '0.0.0.0',
    '::',
    '',
    '[::2]',
  ])
    assert.ok(!isLoopback(host), host);
});
