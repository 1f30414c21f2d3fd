import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { parseMoment } from './moment.ts';

test('a moment is an offset, or a time to the microsecond in any zone', () => {
  const time = Date.parse('2026-11-21T12:45:00Z') * 1000;
  assert.deepEqual(parseMoment('1204'), { offset: 1204 });
  assert.deepEqual(parseMoment('2026-11-21T12:45:00Z'), { time });
  assert.deepEqual(parseMoment('2026-11-21T12:45:00.123456Z'), { time: time + 123_456 });
  assert.deepEqual(parseMoment('2026-11-21T13:45:00.1234+01:00'), { time: time + 123_400 });
  assert.deepEqual(parseMoment('2026-11-21T13:45+01:00'), { time });
});

test('what is neither is refused, also a time without a zone', () => {
  for (const text of [
    '',
    'now',
    'head',
    '-1',
    '1.5',
    '2026-11-21T12:45:00',
    '2026-02-30T00:00:00Z',
  ]) {
    assert.throws(
      () => parseMoment(text),
      (error) => isTidingsError(error, 'MOMENT_INVALID'),
      text,
    );
  }
});
