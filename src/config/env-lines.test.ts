import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineOfVariable, lineThatSetsNothing } from './env-lines.ts';

test('the line that sets a variable is the one that Node.js takes', () => {
  assert.equal(lineOfVariable('# A=1\nB=2\n  export A = 3\n', 'A'), 3);
  assert.equal(lineOfVariable('A=1\nA=2\n\n', 'A'), 2);
  assert.equal(lineOfVariable('B="\nA=1\n"\r\nA=2', 'A'), 4, 'a value of several lines');
  assert.equal(lineOfVariable('B="\nA=1\n"', 'A'), null);
  assert.equal(lineOfVariable('AA=1\nA_B=2', 'A'), null);
});

test('a line that names a variable and sets nothing', () => {
  const found = (text: string): unknown => lineThatSetsNothing(text, ['A', 'A_FILE']);
  assert.deepEqual(found('B=1\nA postgresql://db'), { line: 2, variable: 'A' });
  assert.deepEqual(found('A: x'), { line: 1, variable: 'A' });
  assert.deepEqual(found('export A'), { line: 1, variable: 'A' });
  assert.deepEqual(found('A_FILE /run/a\r\n'), { line: 1, variable: 'A_FILE' });
  for (const fine of ['A=1', 'A = 1', '#A', 'B="\nA\n"', 'AB\nA-B x\nA.B', 'say A', '']) {
    assert.equal(found(fine), null, fine);
  }
});
