/** Others write between plan and write while an undo locks, compares and writes in one statement. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { OnConflict, UndoResult } from '../../src/undo/undo-plan.ts';
import { until } from '../support/until.ts';
import { type UndoFixture, undoFixture } from './fixture.ts';

const ROWS = 10;
const UNDONE = Array.from({ length: ROWS }, (_, at) => `(${at + 1},0,0)`);
const CHANGED = Array.from({ length: ROWS }, (_, at) => `(${at + 1},0,1)`);

interface Meeting {
  /** What the other session does, and how it ends. */
  readonly writer: string;
  readonly end?: 'COMMIT' | 'ROLLBACK';
  readonly onConflict?: OnConflict;
  readonly conflicts?: Readonly<Record<string, number>>;
  readonly rows: readonly string[];
}

const MEETINGS: Readonly<Record<string, Meeting>> = {
  'a value of the row': {
    writer: 'UPDATE t SET v = 7 WHERE id = 5',
    conflicts: { 'changed-later': 1 },
    rows: CHANGED.with(4, '(5,7,1)'),
  },
  'a value of the row, which is left out': {
    writer: 'UPDATE t SET v = 7 WHERE id = 5',
    onConflict: 'skip',
    rows: UNDONE.with(4, '(5,7,1)'),
  },
  'a value of the row, which is overwritten': {
    writer: 'UPDATE t SET v = 7 WHERE id = 5',
    onConflict: 'force',
    rows: UNDONE,
  },
  'its key': {
    writer: 'UPDATE t SET id = 50 WHERE id = 5',
    conflicts: { 'changed-later': 1 },
    rows: [...CHANGED.toSpliced(4, 1), '(50,0,1)'],
  },
  'its key, and gives it to another row': {
    writer: 'UPDATE t SET id = 50 WHERE id = 5; UPDATE t SET id = 5 WHERE id = 6',
    conflicts: { 'changed-later': 1 },
    rows: [...CHANGED.toSpliced(5, 1), '(50,0,1)'],
  },
  'that it is there': {
    writer: 'DELETE FROM t WHERE id = 5',
    conflicts: { 'changed-later': 1 },
    rows: CHANGED.toSpliced(4, 1),
  },
  'that it is there, and puts another one there': {
    writer: 'DELETE FROM t WHERE id = 5; INSERT INTO t VALUES (5, 8, 8)',
    conflicts: { 'changed-later': 1 },
    rows: CHANGED.with(4, '(5,8,8)'),
  },
  'nothing in the end: deleted, and the same put there': {
    writer: 'DELETE FROM t WHERE id = 5; INSERT INTO t VALUES (5, 0, 1)',
    rows: UNDONE,
  },
  'nothing in the end: changed there and back': {
    writer: 'UPDATE t SET v = 7 WHERE id = 5; UPDATE t SET v = 0 WHERE id = 5',
    rows: UNDONE,
  },
  'nothing, for it is rolled back': {
    writer: 'UPDATE t SET v = 7 WHERE id = 5',
    end: 'ROLLBACK',
    rows: UNDONE,
  },
  'the row to what it would become': {
    writer: 'UPDATE t SET w = 0 WHERE id = 5',
    rows: UNDONE,
  },
};

describe('change back', () => {
  let at: UndoFixture;
  before(async () => {
    at = await undoFixture(
      'CREATE TABLE t (id int PRIMARY KEY, v int, w int); ALTER TABLE t REPLICA IDENTITY FULL;',
    );
  });
  after(async () => {
    await at[Symbol.asyncDispose]();
  });

  /** The one statement waits for somebody. */
  async function waits(): Promise<boolean> {
    const { rows } = await at.database.client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
       AND query LIKE 'UPDATE%undo_pair%'`,
    );
    return rows.length > 0;
  }

  for (const [what, meeting] of Object.entries(MEETINGS)) {
    for (const how of ['a plan is applied', 'planned and applied in one go'] as const) {
      test(`while ${how}, somebody changes ${what}`, async () => {
        await at.change(
          `TRUNCATE t; INSERT INTO t SELECT g, 0, 0 FROM generate_series(1, ${ROWS}) g`,
        );
        const transaction = await at.change('UPDATE t SET w = 1');
        const plan = await at.plan({ transaction });
        assert.equal(plan.conflicts.total, 0);
        const writer = await at.database.connect();
        await writer.query(`BEGIN; ${meeting.writer}`);
        const options = meeting.onConflict === undefined ? {} : { onConflict: meeting.onConflict };
        const applying: Promise<UndoResult> =
          how === 'a plan is applied'
            ? at.undo.applyUndo(plan, options, at.signal)
            : at.undo.runUndo({ transaction }, options, at.signal).then(({ result }) => result);
        await until(waits);
        await writer.query(meeting.end ?? 'COMMIT');
        const result = await applying;
        const conflicts = meeting.conflicts ?? {};
        assert.deepEqual(result.conflicts.byReason, conflicts);
        assert.equal(result.applied, Object.keys(conflicts).length === 0);
        assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), meeting.rows);
        await writer.end();
      });
    }
  }
});
