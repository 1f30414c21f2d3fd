import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedMethods } from './allowed-methods.ts';

const ROUTES = [
  { url: '/v1/subscriptions', methods: ['GET'] },
  { url: '/v1/subscriptions', methods: ['POST'] },
  { url: '/v1/subscriptions/:name', methods: ['GET', 'DELETE'] },
  { url: '/v1/subscriptions/:name', methods: ['HEAD'] },
];

test('the methods of an address are those of all its routes', () => {
  assert.deepEqual(allowedMethods(ROUTES, '/v1/subscriptions?a=/b'), ['GET', 'POST']);
  assert.deepEqual(allowedMethods(ROUTES, '/v1/subscriptions/a%2Fb'), ['DELETE', 'GET', 'HEAD']);
});

test('there is nothing at other addresses', () => {
  for (const url of [
    '/',
    '/v1',
    '/v1/subscriptions/',
    '/v1/subscriptions/a/b',
    '/v1/Subscriptions',
  ])
    assert.deepEqual(allowedMethods(ROUTES, url), []);
});
