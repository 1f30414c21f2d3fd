import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DueQueue } from './due-queue.ts';

test('what is due comes out by time, and nothing before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 50 }), fc.nat({ max: 50 }))), (steps) => {
      const queue = new DueQueue<number>();
      let model: number[] = [];
      for (const [at, now] of steps) {
        queue.add(at, at);
        model.push(at);
        model.sort((a, b) => a - b);
        assert.equal(queue.next, model[0]);
        for (let due = queue.take(now); due !== undefined; due = queue.take(now)) {
          assert.ok(due <= now);
          assert.equal(due, model.shift());
        }
        assert.ok((model[0] ?? Infinity) > now);
        assert.equal(queue.size, model.length);
      }
      model = [];
      queue.clear();
      assert.equal(queue.next, null);
    }),
  );
});
