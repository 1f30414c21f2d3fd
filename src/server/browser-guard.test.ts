import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import type { ErrorCode } from '../errors/catalogue.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { refuseForeignPages } from './browser-guard.ts';

const CORS = ['https://console.example'];

function refusal(headers: IncomingHttpHeaders): ErrorCode | null {
  try {
    refuseForeignPages({ host: '127.0.0.1:7070', ...headers }, CORS);
    return null;
  } catch (error) {
    assert.ok(isTidingsError(error));
    return error.code;
  }
}

test('programs are answered', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:7070', 'localhost:7070', '[::1]:7070', '[::1]'])
    assert.equal(refusal({ host }), null, host);
});

test('a name that was bound to this machine by somebody else is refused', () => {
  for (const host of ['evil.example', 'evil.example:7070', '127.0.0.1.nip.io', '', '0.0.0.0:7070'])
    assert.equal(refusal({ host }), 'HOST_REFUSED', host);
  const headers: IncomingHttpHeaders = {};
  assert.throws(
    () => refuseForeignPages(headers, CORS),
    (error) => isTidingsError(error, 'HOST_REFUSED'),
  );
});

test('pages of other origins are refused, unless they are listed', () => {
  for (const origin of [
    'https://evil.example',
    'null',
    '',
    'http://127.0.0.1:3000',
    'https://127.0.0.1:7070',
    'https://console.example.evil.example',
    'https://console.example:444',
  ])
    assert.equal(refusal({ origin }), 'ORIGIN_REFUSED', origin);
  assert.equal(refusal({ origin: 'https://console.example' }), null);
  assert.equal(refusal({ origin: 'http://127.0.0.1:7070', 'sec-fetch-site': 'same-origin' }), null);
});

test('a request that names no origin is judged by where it comes from', () => {
  assert.equal(refusal({ 'sec-fetch-site': 'cross-site' }), 'ORIGIN_REFUSED');
  assert.equal(refusal({ 'sec-fetch-site': 'same-site' }), 'ORIGIN_REFUSED');
  assert.equal(refusal({ 'sec-fetch-site': 'none' }), null);
  assert.equal(refusal({ 'sec-fetch-site': 'same-origin' }), null);
});
