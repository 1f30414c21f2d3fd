import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import type { UndoPlan } from '../../undo/undo-plan.ts';
import { CommandLines } from '../command-line.ts';
import type { Output } from '../io.ts';
import { nextCommand } from './next-command.ts';
import { planText, rowText, type UndoTelling } from './plan-text.ts';

const OUTPUT: Output = {
  isTerminal: false,
  colour: false,
  columns: 80,
  write: () => undefined,
  drained: () => Promise.resolve(),
};

const TELLING: UndoTelling = {
  output: OUTPUT,
  commands: new CommandLines(new Command('tidings'), {}),
};

const PLAN: UndoPlan = {
  id: 'p',
  source: 'main',
  createdAt: '2026-11-21T13:50:00.000Z',
  request: { transaction: '7712' },
  range: { from: 1, to: 4 },
  changes: 3,
  leftOut: [],
  schemaChanges: [],
  transaction: {
    id: '7712',
    committedAt: '2020-11-21T13:45:00.000000Z',
    actor: 'ann\u001b[2J',
    changes: 3,
  },
  tables: [{ table: 'public.a', insert: 1200, update: 0, delete: 0, already: 2, conflict: 0 }],
  onConflict: 'refuse',
  total: 1200,
  sample: [],
  conflicts: { total: 0, byReason: {}, list: [] },
  notReady: [],
  warnings: ['mind\u0007'],
};

test('a plan as a person reads it; nothing in it commands the terminal', () => {
  const text = planText(PLAN, TELLING, { sample: true });
  assert.match(
    text,
    /^Undo of transaction 7712 {2}2020-11-21 13:45:00\.000, by ann\\u001b\[2J: 3 changes/,
  );
  assert.match(text, /public\.a +1,200 +- +- +2\n/);
  assert.match(text, /note {2}mind\\u0007\n/);
  assert.ok(!text.includes('\u001b'));
});

test('rows in conflict stand apart, in the table and in the sample', () => {
  const conflict = { ...PLAN.tables[0], table: 'public.b', insert: 0, update: 3, conflict: 4 };
  const tables = [...PLAN.tables, { delete: 0, already: 0, ...conflict }];
  const text = planText({ ...PLAN, tables }, TELLING, { sample: true });
  assert.match(text, /already so +in conflict\n/);
  assert.match(text, /public\.a +1,200 +- +- +2 +-\n/);
  assert.match(text, /public\.b +- +3 +- +2 +4\n/);
  const row = { table: 'public.b', operation: 'insert', key: { id: 7 }, before: null } as const;
  const line = rowText({ ...row, after: { id: 7 }, changed: null, conflict: true }, OUTPUT);
  assert.match(line, /public\.b id=7 {2}\(in conflict\)/);
});

test('a row on a line: what comes back, or what changes from what to what', () => {
  const row = { table: 'public.a', key: { id: 7 }, changed: null, conflict: false } as const;
  const before = { id: 7, name: 'a b', note: null, big: 'x'.repeat(100) };
  const inserted = rowText({ ...row, operation: 'insert', before: null, after: before }, OUTPUT);
  assert.equal(inserted, `  + public.a id=7  name="a b" note=null big=${'x'.repeat(31)}…\n`);
  const after = { ...before, name: 'line\nbreak\u001b' };
  const changed = ['name'];
  const updated = rowText({ ...row, operation: 'update', before, after, changed }, OUTPUT);
  assert.equal(updated, '  ~ public.a id=7  name: "a b" → "line\\nbreak\\u001b"\n');
});

test('a column may have the name of something that every object has', () => {
  const row = { table: 'public.a', key: { id: 7 }, conflict: false, operation: 'update' } as const;
  const changed = ['constructor'];
  const line = rowText({ ...row, before: { id: 7 }, after: { constructor: 'x' }, changed }, OUTPUT);
  assert.equal(line, '  ~ public.a id=7  constructor: null → x\n');
});

test('the command that comes next can be copied, also where a shell would read something else', () => {
  const options = { table: ["public.it's"], since: '2026-11-21T13:45:00.000Z', apply: true };
  const next = nextCommand(PLAN, { ...TELLING, options: { ...options, where: 'after.v > 1' } });
  assert.match(
    next,
    /tidings undo --table 'public\.it'\\''s' --since 2026-11-21T13:45:00\.000Z --where 'after\.v > 1' --apply\n/,
  );
  const taken = { total: 1, byReason: { 'unique-taken': 1 }, list: [] } as const;
  const ways = nextCommand({ ...PLAN, conflicts: taken }, { ...TELLING, options });
  assert.match(ways, /--on-conflict skip\n[\s\S]*--on-conflict cascade\n/);
  assert.doesNotMatch(ways, /force/, 'what the database refuses cannot be forced');
  const chosen = nextCommand(
    { ...PLAN, conflicts: taken, onConflict: 'skip' },
    { ...TELLING, options },
  );
  assert.match(chosen, /To do it:\n {2}tidings undo .* --apply --on-conflict skip\n$/);
  assert.equal(nextCommand({ ...PLAN, total: 0 }, { ...TELLING, options }), '');
});

test('a way that was taken and did not help is not offered again', () => {
  const conflicts = { total: 1, byReason: { 'column-retyped': 1 }, list: [] };
  const tables = PLAN.tables.map((table) => ({ ...table, conflict: 1 }));
  const ways = (onConflict: UndoPlan['onConflict']): readonly string[] =>
    [
      ...nextCommand(
        { ...PLAN, conflicts, tables, onConflict },
        { ...TELLING, options: {} },
      ).matchAll(/--on-conflict (\w+)/g),
    ].map(([, way]) => way ?? '');
  assert.deepEqual(ways('refuse'), ['skip', 'force']);
  assert.deepEqual(ways('force'), ['skip']);
});
