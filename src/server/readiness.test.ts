import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CaptureState, SourceStatusReport } from '../app/status/status.ts';
import { readiness } from './readiness.ts';

function source(name: string, state: CaptureState, code?: string): SourceStatusReport {
  return {
    name,
    url: 'postgresql://reader@db.internal/app',
    state,
    error: code === undefined ? null : { code, message: 'secret place', hint: '' },
    position: null,
    lagBytes: null,
    retainedBytes: null,
    uncaptured: null,
    safeBytes: null,
    log: { head: 0, floor: 0, horizon: 0, bytes: 0, segments: 0, gaps: 0, kept: 0, hold: null },
    captured: null,
  };
}

test('ready when every source streams', () => {
  const sources = [source('a', 'streaming'), source('b', 'streaming')];
  assert.deepEqual(readiness({ sources }), {
    ready: true,
    sources: ['a', 'b'].map((name) => ({
      source: name,
      ready: true,
      state: 'streaming',
      code: null,
    })),
    reasons: [],
  });
});

const STATES = ['stopped', 'connecting', 'reconnecting', 'refused', 'disk full', 'failed'] as const;

test('says which source is not, and nothing that strangers should not know', () => {
  for (const state of STATES) {
    const sources = [source('a', 'streaming'), source('b', state, 'SOURCE_UNREACHABLE')];
    const reason = { source: 'b', state, code: 'SOURCE_UNREACHABLE' };
    const answer = readiness({ sources });
    assert.deepEqual([answer.ready, answer.reasons], [false, [reason]]);
    assert.deepEqual(answer.sources[1], { ...reason, ready: false });
    assert.doesNotMatch(JSON.stringify(answer), /secret|internal/);
  }
});

test('of one source alone, whatever the others are', () => {
  const sources = [source('a', 'streaming'), source('b', 'refused', 'SOURCE_LOGIN_REFUSED')];
  assert.equal(readiness({ sources }, 'a').ready, true);
  assert.equal(readiness({ sources }, 'b').ready, false);
  assert.throws(() => readiness({ sources }, 'c'), { code: 'SOURCE_UNKNOWN' });
});
