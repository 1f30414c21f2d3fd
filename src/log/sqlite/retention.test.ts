import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type RetentionRequest, retainFrom, type SegmentSummary } from './retention.ts';

/** Segments of ten offsets and 100 bytes; the n-th one's newest change is of time n. */
const segments: readonly SegmentSummary[] = [1, 2, 3, 4].map((n) => ({
  first: (n - 1) * 10,
  end: n * 10,
  bytes: 100,
  newest: n,
}));
const keep = (more: Partial<RetentionRequest>): number =>
  retainFrom({ segments, since: null, maxBytes: null, ...more });

describe('retention', () => {
  test('without limits all is kept', () => assert.equal(keep({}), 0));

  test('by age: a segment goes when its newest change is too old', () => {
    assert.equal(keep({ since: 1 }), 0);
    assert.equal(keep({ since: 2 }), 10);
    assert.equal(keep({ since: 3 }), 20);
    assert.equal(keep({ since: 5 }), 40, 'the newest too');
  });

  test('by size: the oldest go, never the newest', () => {
    assert.equal(keep({ maxBytes: 400 }), 0);
    assert.equal(keep({ maxBytes: 399 }), 10);
    assert.equal(keep({ maxBytes: 200 }), 20);
    assert.equal(keep({ maxBytes: 1 }), 30);
  });

  test('an empty log and an empty segment', () => {
    assert.equal(keep({ segments: [] }), 0);
    const empty = [{ first: 7, end: 7, bytes: 50, newest: 0 }];
    assert.equal(keep({ segments: empty, since: 5, maxBytes: 1 }), 7);
  });

  test('whole segments from the beginning, for any segments and limits', () => {
    const summaries = fc
      .array(fc.record({ records: fc.nat(50), bytes: fc.nat(1000), newest: fc.nat(100) }))
      .map((parts) => {
        let first = 0;
        return parts.map(({ records, bytes, newest }) => {
          const summary = { first, end: first + records, bytes, newest };
          first += records;
          return summary;
        });
      });
    const limit = fc.option(fc.nat(2000), { nil: null });
    fc.assert(
      fc.property(summaries, limit, limit, (found, since, maxBytes) => {
        const floor = retainFrom({ segments: found, since, maxBytes });
        assert.ok(floor === 0 || found.some(({ first, end }) => floor === first || floor === end));
        if (since === null && maxBytes === null) assert.equal(floor, found[0]?.first ?? 0);
      }),
    );
  });
});
