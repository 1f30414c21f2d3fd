import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import type { HttpConfig } from '../config/define-config.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { Access } from './access.ts';

const CONTROL = 'control-token-of-256-bits';

function http(options: Partial<HttpConfig> = {}): HttpConfig {
  return { host: '127.0.0.1', port: 0, tokens: {}, cors: [], ...options };
}

const MANY = http({
  token: 'plain',
  tokens: {
    viewer: { token: 'looks', rights: ['read'] },
    writer: { token: 'writes', rights: ['read', 'write'] },
    undoer: { token: 'undoes', rights: ['undo'] },
  },
});

const refused = (code: ErrorCode) => (error: unknown) => isTidingsError(error, code);

test('each token has its rights and no others', () => {
  const access = new Access(MANY, CONTROL);
  const rights = (token: string): string =>
    (['read', 'write', 'undo'] as const)
      .filter((right) => {
        try {
          access.check(`Bearer ${token}`, right);
          return true;
        } catch (error) {
          assert.ok(isTidingsError(error, 'RIGHT_MISSING'));
          return false;
        }
      })
      .join(' ');
  assert.equal(rights('plain'), 'read write');
  assert.equal(rights('looks'), 'read');
  assert.equal(rights('writes'), 'read write');
  assert.equal(rights('undoes'), 'undo');
  assert.equal(rights(CONTROL), 'read write undo');
  assert.equal(access.check('Bearer looks', 'read'), 'viewer');
  assert.equal(access.check('Bearer plain', 'read'), 'http.token');
  assert.equal(access.check(`Bearer ${CONTROL}`, 'read'), 'control');
});

test('what is no token of ours opens nothing', () => {
  const access = new Access(MANY, CONTROL);
  assert.throws(() => access.check(undefined, 'read'), refused('TOKEN_MISSING'));
  for (const header of [
    '',
    'Bearer',
    'Bearer ',
    'Bearer plain ',
    'Bearer plai',
    'Bearer plainn',
    'Bearer PLAIN',
    'Basic plain',
    'plain',
    'Bearer plain looks',
    'Bearer undefined',
    'Bearer null',
  ]) {
    assert.throws(() => access.check(header, 'read'), refused('TOKEN_UNKNOWN'), header);
  }
  access.check('bearer plain', 'read'); // RFC 9110, 11.1: schemes are case-insensitive.
});

test('every token is compared, in constant time, whichever it is', () => {
  const access = new Access(MANY, CONTROL);
  const real = crypto.timingSafeEqual;
  const compared: number[] = [];
  crypto.timingSafeEqual = (left, right) => {
    compared.push(left.byteLength, right.byteLength);
    return real(left, right);
  };
  syncBuiltinESMExports();
  try {
    for (const token of ['plain', 'looks', CONTROL, 'x', 'wrong'.repeat(100)]) {
      compared.length = 0;
      try {
        access.check(`Bearer ${token}`, 'read');
      } catch (error) {
        assert.ok(isTidingsError(error, 'TOKEN_UNKNOWN'));
      }
      // Five tokens; the digests tell nothing of a token's length.
      assert.deepEqual(
        compared,
        Array.from({ length: 10 }, () => 32),
      );
    }
  } finally {
    crypto.timingSafeEqual = real;
    syncBuiltinESMExports();
  }
});

test('without configured tokens a loopback API is open, but to no undo', () => {
  const access = new Access(http(), CONTROL);
  assert.ok(access.open);
  access.check(undefined, 'write');
  assert.throws(() => access.check(undefined, 'undo'), refused('RIGHT_MISSING'));
  assert.throws(() => access.check('Bearer wrong', 'read'), refused('TOKEN_UNKNOWN'));
  access.check(`Bearer ${CONTROL}`, 'undo');
});

test('a token without a value opens nothing', () => {
  const access = new Access(http({ tokens: { ops: { rights: ['read'] } } }), CONTROL);
  assert.ok(!access.open);
  assert.throws(() => access.check(undefined, 'read'), refused('TOKEN_MISSING'));
  assert.throws(() => access.check('Bearer undefined', 'read'), refused('TOKEN_UNKNOWN'));
});

test('without `http` only the control token opens it', () => {
  const access = new Access(null, CONTROL);
  assert.ok(!access.open);
  assert.throws(() => access.check(undefined, 'read'), refused('TOKEN_MISSING'));
  access.check(`Bearer ${CONTROL}`, 'undo');
});
