/** Undo over partitions that were attached, detached, dropped or truncated. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UndoRequest } from '../../src/undo/undo-plan.ts';
import { refusal, rowsNow, signal } from '../looking/fixture.ts';
import { type WrittenLog, writtenLog } from '../looking/written-log.ts';

const ORD = `
  CREATE TABLE ord (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
  CREATE TABLE ord_1 PARTITION OF ord FOR VALUES FROM (0) TO (10);
  CREATE TABLE ord_2 PARTITION OF ord FOR VALUES FROM (10) TO (20);
  ALTER TABLE ord_1 REPLICA IDENTITY FULL; ALTER TABLE ord_2 REPLICA IDENTITY FULL;
  INSERT INTO ord VALUES (1, 'one'), (2, 'two'), (11, 'eleven')`;

async function touch(at: WrittenLog): Promise<void> {
  await at.write(`UPDATE ord SET note = note || '!' WHERE id IN (1, 11)`, {
    changes: [
      { relation: 'ord_1', of: 'ord', before: ['1', 'one'], after: ['1', 'one!'] },
      { relation: 'ord_2', of: 'ord', before: ['11', 'eleven'], after: ['11', 'eleven!'] },
    ],
  });
}

const detach = (at: WrittenLog): Promise<string> =>
  at.write('ALTER TABLE ord DETACH PARTITION ord_1', {
    marks: [{ of: 'ord', partition: 'ord_1', kind: 'detached' }],
  });

const attach = (at: WrittenLog): Promise<string> =>
  at.write('ALTER TABLE ord ATTACH PARTITION ord_1 FOR VALUES FROM (0) TO (10)', {
    marks: [{ of: 'ord', partition: 'ord_1', kind: 'attached' }],
  });

const plan = (at: WrittenLog, request: UndoRequest) => at.undo.planUndo(request, {}, signal);

describe('undo to a moment before a partition', () => {
  test('was detached: nothing of it can be forced', async () => {
    await using at = await writtenLog(ORD);
    const to = at.log.head;
    // Of what went with the partition nothing was changed, so that no row is in conflict.
    await at.write(`UPDATE ord SET note = 'x' WHERE id = 11`, {
      changes: [{ relation: 'ord_2', of: 'ord', before: ['11', 'eleven'], after: ['11', 'x'] }],
    });
    await detach(at);
    const planned = await plan(at, { tables: ['public.ord'], to });
    const forced = await at.undo.applyUndo(planned, { onConflict: 'force' }, signal);
    assert.deepEqual([forced.applied, forced.total], [false, 0]);
    assert.match(forced.conflicts.list.map(({ hint }) => hint).join(), /--on-conflict skip/);
    assert.deepEqual(await rowsNow(at.client, 'ord'), ['["11","x"]']);
    const rest = await at.undo.applyUndo(planned, { onConflict: 'skip' }, signal);
    assert.deepEqual([rest.applied, rest.total], [true, 1]);
  });

  test('was detached: says so, with the statement, and undoes the rest when it is told to', async () => {
    await using at = await writtenLog(ORD);
    await touch(at);
    const offset = at.log.head;
    const id = await detach(at);
    // The moment is given as a time where an offset cannot tell: nothing was written since.
    const since = new Date(Math.floor((at.log.marks().at(-1)?.at ?? 0) / 1000) - 1).toISOString();
    const request = { tables: ['public.ord'], to: since };
    const { conflicts, total } = await plan(at, request);
    assert.deepEqual([total, conflicts.total], [0, 1]);
    assert.deepEqual(conflicts.byReason, { 'partition-changed': 1 });
    const [conflict] = conflicts.list;
    assert.match(
      conflict?.message ?? '',
      new RegExp(`^Partition public\\.ord_1 of public\\.ord was detached by transaction ${id} at `),
    );
    assert.match(
      conflict?.hint ?? '',
      /Attach "public"\."ord_1" to "public"\."ord" again .* the log does not know them, but .*pg_dump/,
    );
    const refused = await at.undo.runUndo(request, {}, signal);
    assert.equal(refused.result.applied, false);
    const skipped = await at.undo.runUndo(request, { onConflict: 'skip' }, signal);
    assert.equal(skipped.result.applied, true);
    assert.deepEqual(skipped.result.conflicts.byReason, { 'partition-changed': 1 });
    await at.write(`UPDATE ord SET note = 'later' WHERE id = 11`, {
      changes: [
        { relation: 'ord_2', of: 'ord', before: ['11', 'eleven!'], after: ['11', 'later'] },
      ],
    });
    const rest = await at.undo.runUndo(
      { tables: ['public.ord'], to: offset },
      { onConflict: 'skip' },
      signal,
    );
    assert.deepEqual([rest.result.applied, rest.result.total], [true, 1]);
    assert.deepEqual(await rowsNow(at.client, 'ord'), ['["11","eleven!"]']);
  });

  test('was dropped, or attached', async () => {
    await using at = await writtenLog(`${ORD};
      CREATE TABLE ord_3 (id int NOT NULL, note text); INSERT INTO ord_3 VALUES (21, 'old')`);
    await touch(at);
    const to = at.log.head - 1;
    await at.write('DROP TABLE ord_1', {
      marks: [{ of: 'ord', partition: 'ord_1', kind: 'dropped', after: null }],
    });
    await at.write('ALTER TABLE ord ATTACH PARTITION ord_3 FOR VALUES FROM (20) TO (30)', {
      marks: [{ of: 'ord', partition: 'ord_3', kind: 'attached' }],
    });
    const { conflicts } = await plan(at, { tables: ['ord'], to });
    const hints = conflicts.list.map(({ hint }) => hint).join('\n');
    assert.match(hints, /Its rows are only in a backup.*tidings find --table public\.ord/);
    assert.match(hints, /ALTER TABLE "public"\."ord" DETACH PARTITION "public"\."ord_3";/);
    await at.client.query('ALTER TABLE public.ord DETACH PARTITION public.ord_3');
  });

  test('was detached and attached again: what happened to it meanwhile is not in the log', async () => {
    await using at = await writtenLog(ORD);
    const to = at.log.head;
    await touch(at);
    await detach(at);
    await attach(at);
    const { conflicts, total } = await plan(at, { tables: ['ord'], to });
    assert.deepEqual([conflicts.byReason, total], [{ 'partition-changed': 1 }, 2]);
    assert.match(
      conflicts.list[0]?.message ?? '',
      /ord_1 of public\.ord was detached .* for a time/,
    );
    const filtered = await plan(at, { tables: ['ord'], since: to, keys: ['1'] });
    assert.equal(filtered.conflicts.total, 0);
    assert.match(filtered.warnings.join('\n'), /was detached for a time: .*not undone/);
  });
});

test('the statements and commands that are shown work whatever the names are', async () => {
  await using at = await writtenLog(`
    CREATE TABLE "Ev s" (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
    CREATE TABLE "Ev 1" PARTITION OF "Ev s" FOR VALUES FROM (0) TO (10);
    CREATE TABLE "It's" PARTITION OF "Ev s" FOR VALUES FROM (10) TO (20);
    CREATE TABLE "New" (id int NOT NULL, note text);
    INSERT INTO "Ev s" VALUES (1, 'one')`);
  const of = '"Ev s"';
  const to = at.log.head;
  await at.write(`INSERT INTO "Ev s" VALUES (2, 'two')`, {
    changes: [{ relation: 'Ev 1', of: 'Ev s', after: ['2', 'two'] }],
  });
  await at.write(`ALTER TABLE ${of} DETACH PARTITION "Ev 1"`, {
    marks: [
      { of: 'Ev s', partition: 'Ev 1', kind: 'detached', bounds: 'FOR VALUES FROM (0) TO (10)' },
    ],
  });
  await at.write(`ALTER TABLE ${of} ATTACH PARTITION "New" FOR VALUES FROM (30) TO (40)`, {
    marks: [{ of: 'Ev s', partition: 'New', kind: 'attached' }],
  });
  await at.write(`DROP TABLE "It's"`, {
    marks: [{ of: 'Ev s', partition: "It's", kind: 'dropped' }],
  });
  const { conflicts } = await plan(at, { tables: ['public.Ev s'], to });
  const hints = conflicts.list.map(({ hint }) => hint).join('\n');
  for (const shown of [
    /ALTER TABLE .* ATTACH PARTITION .*;/,
    /ALTER TABLE .* DETACH PARTITION .*;/,
  ]) {
    const [sql = ''] = shown.exec(hints) ?? [];
    await at.client.query(sql);
  }
  assert.match(hints, /`tidings find --table 'public\.Ev s'`\. Or leave it as it is/);
});

test('undo of a transaction that has detached a partition: a conflict; of one that did only that: known', async () => {
  await using at = await writtenLog(ORD);
  const id = await at.write(
    `UPDATE ord SET note = 'new' WHERE id = 11; ALTER TABLE ord DETACH PARTITION ord_1`,
    {
      changes: [{ relation: 'ord_2', of: 'ord', before: ['11', 'eleven'], after: ['11', 'new'] }],
      marks: [{ of: 'ord', partition: 'ord_1', kind: 'detached' }],
    },
  );
  const { conflicts, total } = await plan(at, { transaction: id });
  assert.deepEqual(conflicts.byReason, { 'partition-changed': 1 });
  assert.equal(total, 1);
  const filtered = await plan(at, { transaction: id, keys: ['11'] });
  assert.equal(filtered.conflicts.total, 0);
  assert.match(filtered.warnings.join('\n'), /rows that came or went with it stay as they are/);
  const only = await attach(at);
  const told = await refusal(plan(at, { transaction: only }), 'UNDO_PARTITION_ONLY');
  assert.match(told, /partition public\.ord_1 of public\.ord was attached/);
  assert.match(told, /ALTER TABLE "public"\."ord" DETACH PARTITION "public"\."ord_1";/);
});

describe('undo of a truncate of one partition', () => {
  test('puts back the rows of that partition, when the log has seen it empty', async () => {
    await using at = await writtenLog(ORD);
    await touch(at);
    await at.write('CREATE TABLE ord_3 PARTITION OF ord FOR VALUES FROM (20) TO (30)', {});
    await at.write('SELECT 1', { marks: [{ of: 'ord', partition: 'ord_3', kind: 'present' }] });
    await at.write(`INSERT INTO ord VALUES (12, 'kept'), (21, 'a'), (22, 'b')`, {
      changes: [
        { relation: 'ord_2', of: 'ord', after: ['12', 'kept'] },
        { relation: 'ord_3', of: 'ord', after: ['21', 'a'] },
        { relation: 'ord_3', of: 'ord', after: ['22', 'b'] },
      ],
    });
    const id = await at.write('TRUNCATE ord_3', { changes: [{ relation: 'ord_3', of: 'ord' }] });
    const { result } = await at.undo.runUndo({ transaction: id }, {}, signal);
    assert.deepEqual([result.applied, result.total], [true, 2]);
    assert.deepEqual(await rowsNow(at.client, 'ord'), [
      '["1","one!"]',
      '["11","eleven!"]',
      '["12","kept"]',
      '["2","two"]',
      '["21","a"]',
      '["22","b"]',
    ]);
  });

  test('does not take it for empty because another one was truncated, or rows came with it', async () => {
    await using at = await writtenLog(ORD);
    await touch(at);
    await at.write('TRUNCATE ord_2', { changes: [{ relation: 'ord_2', of: 'ord' }] });
    const id = await at.write('TRUNCATE ord_1', { changes: [{ relation: 'ord_1', of: 'ord' }] });
    const { conflicts } = await plan(at, { transaction: id });
    assert.deepEqual(conflicts.byReason, { truncated: 1 });
    await detach(at);
    await at.client.query(`INSERT INTO ord_1 VALUES (3, 'three')`);
    await attach(at);
    const again = await at.write('TRUNCATE ord_1', { changes: [{ relation: 'ord_1', of: 'ord' }] });
    const second = await plan(at, { transaction: again });
    assert.deepEqual(second.conflicts.byReason, { truncated: 1 });
  });
});
