import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSnapshot } from './visibility.ts';

test('below xmin everything is visible, from xmax on nothing, between them what is not listed', () => {
  const snapshot = parseSnapshot('740:745:740,743');
  assert.deepEqual(
    ['3', '739', '740', '741', '742', '743', '744', '745', '746'].map((id) => snapshot.visible(id)),
    [true, true, false, true, true, false, true, false, false],
  );
  assert.deepEqual(snapshot.inProgress, ['740', '743']);
});

test('a snapshot without running transactions', () => {
  const snapshot = parseSnapshot('745:745:');
  assert.equal(snapshot.visible('744'), true);
  assert.equal(snapshot.visible('745'), false);
  assert.deepEqual(snapshot.inProgress, []);
});

test('ids of 32 bits mean the nearest transaction, over the end of an epoch too', () => {
  const epoch = 2 ** 32;
  const early = parseSnapshot(`${5 * epoch + 10}:${5 * epoch + 20}:${5 * epoch + 12}`);
  assert.equal(early.visible('9'), true);
  assert.equal(early.visible('12'), false);
  assert.equal(early.visible('13'), true);
  assert.equal(early.visible('20'), false);
  assert.equal(early.visible(String(epoch - 1)), true, 'the last id of the epoch before');
  assert.deepEqual(early.inProgress, ['12']);

  const late = parseSnapshot(`${6 * epoch - 20}:${6 * epoch - 10}:${6 * epoch - 15}`);
  assert.equal(late.visible(String(epoch - 21)), true);
  assert.equal(late.visible(String(epoch - 15)), false);
  assert.equal(late.visible('3'), false, 'an id of the next epoch, which has not begun');
  assert.deepEqual(late.inProgress, [String(epoch - 15)]);
});

test('a snapshot whose lower bound lies in the epoch before', () => {
  const epoch = 2 ** 32;
  const snapshot = parseSnapshot(`${epoch - 5}:${epoch + 5}:${epoch - 5},${epoch + 2}`);
  assert.equal(snapshot.visible(String(epoch - 6)), true);
  assert.equal(snapshot.visible(String(epoch - 5)), false);
  assert.equal(snapshot.visible(String(epoch - 4)), true);
  assert.equal(snapshot.visible('1'), true);
  assert.equal(snapshot.visible('2'), false);
  assert.equal(snapshot.visible('5'), false);
});

test('anything else is refused', () => {
  for (const text of ['', '1:2', '1:2:3:4', 'a:b:', '1:2:,3', '1:2:3,']) {
    assert.throws(() => parseSnapshot(text), RangeError, text);
  }
});
