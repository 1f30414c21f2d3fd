import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import type { ConflictReason } from '../../source/undo-target.ts';
import type { UndoPlan, UndoResult } from '../../undo/undo-plan.ts';
import { CommandLines } from '../command-line.ts';
import type { Output } from '../io.ts';
import { planText, type UndoTelling } from './plan-text.ts';
import { resultText } from './result-text.ts';

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

const SINCE = '2026-11-21T13:45:00.000000Z';
const HINT = 'ALTER TABLE "public"."ev_2" REPLICA IDENTITY FULL;';

function conflicts(reason: ConflictReason, hints: readonly string[]): UndoPlan['conflicts'] {
  const list = hints.map((hint) => ({ ...CONFLICT, reason, message: `m of ${hint}`, hint }));
  return { total: list.length, byReason: { [reason]: list.length }, list };
}

const CONFLICT = { table: 'public.ev', key: null, transaction: null, rows: 1 };

const PLAN: UndoPlan = {
  id: 'p',
  source: 'main',
  createdAt: SINCE,
  request: { transaction: '7' },
  range: { from: 1, to: 2 },
  changes: 2,
  leftOut: [],
  schemaChanges: [],
  transaction: null,
  tables: [{ table: 'public.ev', insert: 1, update: 0, delete: 0, already: 0, conflict: 1 }],
  onConflict: 'refuse',
  total: 1,
  sample: [],
  conflicts: conflicts('identity-not-full', ['run doctor']),
  notReady: [
    {
      table: 'public.ev',
      identity: 'key',
      since: SINCE,
      message: `public.ev: partition public.ev_2 (since ${SINCE}) without whole old rows.`,
      hint: HINT,
    },
  ],
  warnings: [],
};

const RESULT: UndoResult = {
  plan: 'p',
  source: 'main',
  applied: false,
  transaction: null,
  total: 0,
  tables: [],
  conflicts: PLAN.conflicts,
  skipped: 0,
  leftOut: [],
  forced: 0,
  cascaded: 0,
  seconds: 0.1,
  warnings: [],
};

const text = (result: Partial<UndoResult>, plan: UndoPlan = PLAN): string =>
  resultText({ plan, result: { ...RESULT, ...result } }, TELLING);

test('whose old rows are not known, since when, and what to run: also where it was refused or left out', () => {
  const note = `note  public.ev: partition public.ev_2 (since ${SINCE}) without whole old rows. ${HINT}\n`;
  for (const said of [
    planText(PLAN, TELLING, { sample: false }),
    text({}),
    text({ applied: true, skipped: 1 }),
    text({ applied: true, skipped: 1, transaction: '8', total: 1, tables: PLAN.tables }),
  ]) {
    assert.ok(said.includes(note), said);
  }
  const done = text({ applied: true, transaction: '8', total: 1, tables: PLAN.tables });
  assert.ok(!done.includes('note'), 'nothing was left out');
});

test('a refusal has the plan’s notes', () => {
  const said = text({}, { ...PLAN, notReady: [], warnings: ['public.a is called public.b now.'] });
  assert.match(said, /^Refused[\s\S]*\n\nnote {2}public\.a is called public\.b now\.\n$/);
});

test('each conflict’s own way on is told', () => {
  const hints = ['DETACH a;', 'DETACH b;', 'DETACH c;'];
  const said = text({ conflicts: conflicts('partition-changed', hints) });
  for (const hint of hints) assert.ok(said.includes(`→ ${hint}\n`), hint);
});
