import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, type BackoffOptions } from '../util/backoff.ts';
import { patience } from './patience.ts';

const RETRIES: readonly BackoffOptions[] = [
  { first: 5, factor: 1, max: 5, jitter: 0 },
  { first: 1_000, factor: 2, max: 60_000, jitter: 0.5 },
  { first: 1, factor: 1.01, max: 1e9, jitter: 0 },
];

test('the sum of all pauses without their random part', () => {
  for (const retry of RETRIES) {
    for (const maxAttempts of [1, 2, 63, 64, 65, 66, 1_000]) {
      let sum = 0;
      for (let failures = 1; failures < maxAttempts; failures += 1)
        sum += backoff(retry, failures, 0);
      const found = patience({ retry, maxAttempts });
      assert.ok(Math.abs(found - sum) <= sum * 1e-9, `${found}, not ${sum}`);
    }
  }
});

test('any number of attempts costs no more than a few steps', () => {
  let steps = 0;
  const retry = {
    factor: 1,
    max: 5,
    jitter: 0,
    get first(): number {
      steps += 1;
      // Ends at once what would go on for a minute.
      assert.ok(steps < 1_000, 'a few steps');
      return 5;
    },
  };
  assert.equal(patience({ retry, maxAttempts: 1e9 }), 5 * (1e9 - 1));
});
