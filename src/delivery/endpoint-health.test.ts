import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointHealth } from './endpoint-health.ts';

test('the first failure is told and what ends it, with all that failed in between', () => {
  const health = new EndpointHealth();
  assert.equal(health.took(1, 2), null);
  assert.equal(health.failed(10), true);
  assert.equal(health.failed(20), false);
  assert.deepEqual(health.took(30, 40), { failures: 2, lasted: 30 });
  assert.equal(health.took(50, 60), null);
});

test('an attempt that began before the failure does not end it', () => {
  const health = new EndpointHealth();
  health.failed(10);
  assert.equal(health.took(9, 11), null);
  assert.deepEqual(health.took(12, 13), { failures: 1, lasted: 3 });
});

test('an endpoint that fails now and then is told of once a minute', () => {
  const health = new EndpointHealth();
  let told = 0;
  let recovered = 0;
  for (let now = 0; now < 180_000; now += 1_000) {
    if (health.failed(now)) told += 1;
    if (health.took(now + 1, now + 2) !== null) recovered += 1;
  }
  assert.deepEqual([told, recovered], [3, 3]);
});

test('a failure that came too soon after the last to be told is told when it lasts', () => {
  const health = new EndpointHealth();
  health.failed(0);
  health.took(1, 2);
  assert.equal(health.failed(1_000), false);
  assert.equal(health.failed(59_000), false);
  assert.equal(health.failed(61_000), true);
  assert.deepEqual(health.took(62_000, 63_000), { failures: 3, lasted: 62_000 });
});
