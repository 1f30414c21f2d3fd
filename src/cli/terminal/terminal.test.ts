import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { recordedIo } from '../../../test/support/recorded-io.ts';
import { formatBytes, formatCount, formatCounted, formatDuration, formatTime } from './format.ts';
import { Progress } from './progress.ts';
import { sparkline } from './sparkline.ts';
import { harmless } from '../../util/harmless.ts';
import { painter } from './style.ts';
import { renderTable } from './table.ts';
import { pad, textWidth, truncate } from './width.ts';

test('bytes, counts, durations and times', () => {
  assert.deepEqual(
    [0, 999, 1_000, 12_345, 99_960, 999_499, 999_500, 1e9, 2.5e15, 1e19].map(formatBytes),
    [
      '0 B',
      '999 B',
      '1.00 kB',
      '12.3 kB',
      '100 kB',
      '999 kB',
      '1.00 MB',
      '1.00 GB',
      '2.50 PB',
      '10000 PB',
    ],
  );
  assert.deepEqual([0, 999, 1_000, 1_234_567].map(formatCount), ['0', '999', '1,000', '1,234,567']);
  assert.equal(formatCounted(1, 'record'), '1 record');
  assert.equal(formatCounted(1_204, 'record'), '1,204 records');
  assert.deepEqual(
    [0, 850, 4_200, 59_940, 59_960, 200_000, 7_500_000, 532_800_000].map(formatDuration),
    ['0 ms', '850 ms', '4.2 s', '59.9 s', '1m 0s', '3m 20s', '2h 5m', '6d 4h'],
  );
  const now = new Date('2026-11-21T23:59:59Z');
  assert.equal(formatTime('2026-11-21T08:00:00.123456Z', now), '08:00:00.123');
  assert.equal(formatTime('2026-11-20T08:00:00Z', now), '2026-11-20 08:00:00');
});

test('widths: wide characters take two columns, marks and colours none', () => {
  const red = painter({ colour: true })('red', 'abc');
  assert.notEqual(red, 'abc');
  const widths = { abc: 3, é: 1, 'e\u0301': 1, 日本: 4, '👩‍👩‍👧': 2, 'a…b': 3, [red]: 3, '': 0 };
  for (const [text, width] of Object.entries(widths)) assert.equal(textWidth(text), width, text);
  assert.equal(pad('日', 4), '日  ');
  assert.equal(pad(red, 5, 'right'), `  ${red}`);
  assert.equal(truncate('abcdef', 4), 'abc…');
  assert.equal(truncate('日本語', 4), '日…');
  assert.equal(truncate('abc', 3), 'abc');
  assert.equal(truncate('abc', 0), '');
});

test('a cut text never takes more room than there is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 30 }), (text, width) => {
      const plain = stripVTControlCharacters(text);
      assert.ok(textWidth(truncate(plain, width)) <= width);
    }),
  );
});

test('a table: aligned, no spaces at line ends', () => {
  const text = renderTable(
    [{ title: 'NAME' }, { title: 'LAG', align: 'right' }, { title: 'STATE' }],
    [
      ['main', '1,204', 'streaming'],
      ['日本', '7', ''],
    ],
    { colour: false },
  );
  assert.equal(text, 'NAME    LAG  STATE\nmain  1,204  streaming\n日本      7\n');
});

test('a table in a terminal: the widest are cut, and columns of nothing but 0 left out', () => {
  const table = (columns: number, zero = '0'): string =>
    renderTable(
      [
        { title: 'NAME', cut: true },
        { title: 'STATE' },
        { title: 'STUCK', align: 'right', spare: true },
        { title: 'ERROR', cut: true },
      ],
      [
        ['a-name-of-20-letters', 'parked', zero, 'an error of 26 characters.'],
        ['b', 'live', '0', '–'],
      ],
      { colour: false, isTerminal: true, columns },
    );
  const width = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));
  assert.equal(width(table(100)), 20 + 2 + 6 + 2 + 5 + 2 + 26);
  assert.match(table(100), /STUCK/);
  // Without the column of zeros all the rest fits whole.
  assert.doesNotMatch(table(60), /STUCK|…/);
  assert.match(table(60, '1'), /STUCK/);
  assert.equal(width(table(40)), 40);
  assert.match(table(40), /^a-name-of-20-l…  parked  an error of 26…$/m);
  // No narrower than what still says something.
  assert.equal(width(table(10)), 8 + 2 + 6 + 2 + 8);
  const file = renderTable([{ title: 'E', cut: true }], [['x'.repeat(200)]], { colour: false });
  assert.equal(width(file), 200);
});

test('sparkline: the highest is a full bar, nothing is no bar at all', () => {
  assert.equal(sparkline([0, 1, 50, 100]), '▁▂▅█');
  assert.equal(sparkline([0, 0]), '▁▁');
  assert.equal(sparkline([]), '');
});

test('text from elsewhere cannot command the terminal', () => {
  assert.equal(harmless('a\u001b[2Jb\u0007\r\nc\td'), 'a\\u001b[2Jb\\u0007\\u000d\nc\\u0009d');
  assert.equal(harmless('\u202egnp.exe'), '\\u202egnp.exe');
  assert.equal(harmless('Grüße, 日本'), 'Grüße, 日本');
});

test('progress: silent for two seconds, then how far, how long, how much longer', () => {
  const io = recordedIo({ terminal: true, columns: 100 });
  let now = 0;
  {
    using progress = new Progress(io.stderr, 'Verifying', 'records', () => now);
    for (now = 0; now < 2_000; now += 500) progress.update(now, 10_000);
    assert.equal(io.written.err, '');
    now = 2_500;
    progress.update(2_500, 10_000);
    now = 2_600;
    progress.update(2_600, 10_000);
  }
  assert.equal(
    io.written.err,
    '\r\u001b[KVerifying: 2,500 of 10,000 records, 25 %, 2.5 s, about 7.5 s left\r\u001b[K',
  );
});

test('progress in a file: a line every ten seconds, nothing erased', () => {
  const io = recordedIo();
  let now = 0;
  {
    using progress = new Progress(io.stderr, 'Exporting', 'changes', () => now);
    for (now = 0; now <= 15_000; now += 1_000) progress.update(now, null);
  }
  assert.equal(
    io.written.err,
    'Exporting: 2,000 changes, 2.0 s\nExporting: 12,000 changes, 12.0 s\n',
  );
});
