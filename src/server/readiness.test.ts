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
    safeBytes: null,
    log: { head: 0, floor: 0, horizon: 0, bytes: 0, segments: 0, gaps: 0 },
    captured: null,
  };
}

test('ready when every source streams', () => {
  const sources = [source('a', 'streaming'), source('b', 'streaming')];
  assert.deepEqual(readiness({ sources }), { ready: true, reasons: [] });
});

test('says which source is not, and nothing that strangers should not know', () => {
  for (const state of ['stopped', 'connecting', 'reconnecting', 'disk full', 'failed'] as const) {
    const sources = [source('a', 'streaming'), source('b', state, 'SOURCE_UNREACHABLE')];
    const answer = readiness({ sources });
    assert.deepEqual(answer, {
      ready: false,
      reasons: [{ source: 'b', state, code: 'SOURCE_UNREACHABLE' }],
    });
    assert.doesNotMatch(JSON.stringify(answer), /secret|internal/);
  }
});
