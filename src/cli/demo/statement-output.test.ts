import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatResults, formatResultsAsJson } from './statement-output.ts';
import type { StatementResult } from './statement.ts';

const rows: StatementResult = {
  command: 'SELECT',
  rowCount: 2,
  columns: [
    { name: 'dba', isNumber: true },
    { name: 'username', isNumber: false },
    { name: 'last_login_at', isNumber: false },
  ],
  rows: [
    ['1001', 'ann', null],
    ['7', 'ben\u001B[2J', 'x'],
  ],
};

test('rows are a table; numbers stand right, values cannot steer the terminal', () => {
  assert.equal(
    formatResults([rows], { colour: false }),
    [
      ' dba  username      last_login_at',
      '1001  ann           null',
      '   7  ben\\u001b[2J  x',
      '(2 rows)',
      '',
    ].join('\n'),
  );
});

test('a statement without rows says what it did', () => {
  const insert = { command: 'INSERT', rowCount: 2, columns: [], rows: [] };
  const create = { command: 'CREATE', rowCount: null, columns: [], rows: [] };
  assert.equal(formatResults([insert, create], { colour: false }), 'INSERT 2\n\nCREATE\n');
});

test('JSON has a line per row and one per statement, values uncut', () => {
  const result: StatementResult = {
    command: 'SELECT',
    rowCount: 1,
    columns: [
      { name: 'n', isNumber: true },
      { name: 'n', isNumber: true },
    ],
    rows: [['9'.repeat(80), null]],
  };
  assert.deepEqual(
    formatResultsAsJson([result])
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
    [
      { type: 'row', row: { n: '9'.repeat(80), n_2: null } },
      { type: 'result', command: 'SELECT', rowCount: 1 },
    ],
  );
});
