import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Cell, encodeImages } from '../change/row-images.ts';
import type { StoredChange } from '../change/stored-change.ts';
import type { TableDefinition } from '../change/table.ts';
import type {
  Assessment,
  TargetApplyOptions,
  TargetRow,
  UndoTarget,
  UndoWorkspace,
} from './undo-target.ts';

type Row = readonly Cell[];

/**
 * A target with a database of its own, whose tables are empty, report whole old rows, and are captured
 * by nobody. Values are texts as the database prints them.
 */
export interface UndoTargetUnderTest extends AsyncDisposable {
  readonly target: UndoTarget;
  readonly tables: {
    /** `id` integer key, `note` text or null. */
    readonly parents: TableDefinition;
    /** `id` integer key, `parent` refers to a parent's id or is null, `code` unique text or null. */
    readonly children: TableDefinition;
    /** `note` text; rows have no key. */
    readonly bag: TableDefinition;
    /** Any table that is not in the database. */
    readonly absent: TableDefinition;
  };
  /** Every row of a table, in any order. */
  rows(table: TableDefinition): Promise<readonly Row[]>;
  /** Commits a row, as another session. */
  insert(table: TableDefinition, row: Row): Promise<void>;
  /** Removes the rows with this value in their first column, and commits. */
  remove(table: TableDefinition, first: string): Promise<void>;
}

const signal = new AbortController().signal;
const APPLY: TargetApplyOptions = { context: '{}', triggers: true, allowTriggerChanges: false };
const NONE = { insert: 0, update: 0, delete: 0, conflict: 0, already: 0 };

/** What every source that takes changes back has to do. */
export function testUndoTarget(name: string, create: () => Promise<UndoTargetUnderTest>): void {
  describe(`undo target: ${name}`, () => {
    testWayBack(create);
    testConflicts(create);
    testWithoutKey(create);
  });
}

function testWayBack(create: () => Promise<UndoTargetUnderTest>): void {
  test('puts back, changes back and removes the net effect of changes, parents and children', async () => {
    await using at = await create();
    const { parents, children } = at.tables;
    await at.insert(parents, ['2', 'changed twice']);
    await at.insert(parents, ['3', 'added']);
    await at.insert(children, ['9', '3', 'added too']);
    const changes = numbered([
      [children, ['1', '1', 'code'], null],
      [parents, ['1', 'gone'], null],
      [parents, ['2', 'before'], ['2', 'between']],
      [parents, ['2', 'between'], ['2', 'changed twice']],
      [parents, null, ['3', 'added']],
      [children, null, ['9', '3', 'added too']],
      [parents, null, ['4', 'came and went']],
      [parents, ['4', 'came and went'], null],
    ]);
    {
      await using plan = await at.target.open('plan', signal);
      await plan.stage(changes);
      const assessment = await plan.assess();
      assert.deepEqual(countsOf(assessment, parents), { ...NONE, insert: 1, update: 1, delete: 1 });
      assert.deepEqual(countsOf(assessment, children), { ...NONE, insert: 1, delete: 1 });
      assert.deepEqual(assessment.conflicts, []);
      const rows = await rowsOf(plan);
      assert.equal(rows.length, 5);
      const updated = rows.find(({ operation }) => operation === 'update');
      assert.deepEqual(updated?.before, ['2', 'changed twice']);
      assert.deepEqual(updated.after, ['2', 'before']);
    }
    assert.equal((await at.rows(parents)).length, 2, 'a plan writes nothing');
    const applied = await undo(at, changes);
    assert.ok(applied.transaction.length > 0);
    assert.deepEqual(await sorted(at, parents), [
      ['1', 'gone'],
      ['2', 'before'],
    ]);
    assert.deepEqual(await at.rows(children), [['1', '1', 'code']]);
  });

  test('a row that is what it would become is counted and left alone', async () => {
    await using at = await create();
    const { parents } = at.tables;
    const changes = numbered([
      [parents, ['1', 'gone'], null],
      [parents, ['2', 'old'], ['2', 'new']],
      [parents, null, ['3', 'added']],
    ]);
    await at.insert(parents, ['1', 'gone']);
    await at.insert(parents, ['2', 'old']);
    await using workspace = await at.target.open('apply', signal);
    await workspace.stage(changes);
    const assessment = await workspace.assess();
    assert.deepEqual(countsOf(assessment, parents), { ...NONE, already: 3 });
    assert.deepEqual(assessment.conflicts, []);
  });

  test('values come back to the letter; null is not a text', async () => {
    await using at = await create();
    const { parents } = at.tables;
    const texts = ['', 'null', '\\N', '\\', 'tab\tline\nreturn\r', `'"\`$$;--`, 'ü🐘\u0001', null];
    const rows = texts.map((text, index): Row => [String(index), text]);
    await undo(at, numbered(rows.map((row): Made => [parents, row, null])));
    assert.deepEqual(await sorted(at, parents), rows);
  });

  test('says how far capture is, and gives marks that go up', async () => {
    await using at = await create();
    assert.equal(await at.target.captured(signal), 'stopped');
    const first = await at.target.announce(signal);
    assert.ok((await at.target.announce(signal)) > first);
    assert.deepEqual(await at.target.unreported(signal), []);
  });

  test('what is closed or aborted leaves nothing behind', async () => {
    await using at = await create();
    const { parents } = at.tables;
    const changes = numbered([[parents, ['1', 'gone'], null]]);
    const stop = new AbortController();
    await using workspace = await at.target.open('apply', stop.signal);
    await workspace.stage(changes);
    await workspace.assess();
    stop.abort();
    await assert.rejects(workspace.apply(APPLY));
    await assert.rejects(at.target.open('plan', stop.signal));
    assert.deepEqual(await at.rows(parents), []);
    await undo(at, changes);
    assert.deepEqual(await at.rows(parents), [['1', 'gone']]);
  });
}

function testConflicts(create: () => Promise<UndoTargetUnderTest>): void {
  test('each reason is found, with the row and the row behind it', async () => {
    await using at = await create();
    const { parents, children, absent } = at.tables;
    await at.insert(parents, ['1', 'later']);
    await at.insert(parents, ['2', 'again']);
    await at.insert(parents, ['3', 'added']);
    await at.insert(children, ['7', '3', 'taken']);
    await using workspace = await at.target.open('plan', signal);
    await workspace.stage(
      numbered([
        [parents, ['1', 'old'], ['1', 'new']],
        [parents, ['2', 'old'], null],
        [parents, null, ['3', 'added']],
        [children, ['8', '2', 'taken'], null],
        [children, ['9', '99', 'free'], null],
        [absent, ['1'], null],
      ]),
    );
    const assessment = await workspace.assess();
    const found = await workspace.conflicts(100);
    const told = found.map(({ reason, row, cause }) => [reason, row?.key ?? null, cause?.key[0]]);
    assert.deepEqual(
      told.toSorted(([one = ''], [other = '']) => (String(one) < String(other) ? -1 : 1)),
      [
        ['changed-later', ['1'], '1'],
        ['child-added', ['3'], '7'],
        ['parent-missing', ['9'], '99'],
        ['re-created', ['2'], '2'],
        ['table-missing', null, undefined],
        ['unique-taken', ['8'], '7'],
      ],
    );
    assert.equal(assessment.conflicts.length, 6);
    assert.ok(assessment.conflicts.every(({ rows }) => rows === 1));
    assert.deepEqual(countsOf(assessment, parents), { ...NONE, conflict: 3 });
    assert.deepEqual(countsOf(assessment, children), { ...NONE, conflict: 2 });
    assert.ok((await rowsOf(workspace)).every(({ conflict }) => conflict));
    assert.equal((await workspace.conflicts(2)).length, 2);
  });

  test('skip leaves out what is in conflict and what depends on it, moved rows as a whole', async () => {
    await using at = await create();
    const { parents, children } = at.tables;
    await at.insert(parents, ['1', 'again']);
    await at.insert(parents, ['12', 'moved and changed']);
    const changes = numbered([
      [parents, ['1', 'old'], null],
      [parents, ['2', 'moved'], ['12', 'moved']],
      [parents, ['3', 'gone'], null],
      [children, ['1', '3', 'a'], null],
      [children, ['2', '2', 'b'], null],
    ]);
    await undo(at, changes, 'skip');
    assert.deepEqual(await sorted(at, parents), [
      ['1', 'again'],
      ['12', 'moved and changed'],
      ['3', 'gone'],
    ]);
    assert.deepEqual(await at.rows(children), [['1', '3', 'a']]);
  });

  test('force takes rows as they are now, and not what the database would refuse', async () => {
    await using at = await create();
    const { parents, children } = at.tables;
    await at.insert(parents, ['1', 'later']);
    await at.insert(parents, ['2', 'again']);
    const changes = numbered([
      [parents, ['1', 'old'], ['1', 'new']],
      [parents, ['2', 'old'], null],
      [parents, ['3', 'old'], ['3', 'new']],
    ]);
    await undo(at, changes, 'force');
    assert.deepEqual(
      (await sorted(at, parents)).map(([, note]) => note),
      ['old', 'old', 'old'],
    );
    await using workspace = await at.target.open('apply', signal);
    await workspace.stage(numbered([[children, ['9', '99', null], null]]));
    await workspace.assess();
    assert.equal(await workspace.settle('force'), 0);
    assert.equal((await workspace.assess()).conflicts[0]?.reason, 'parent-missing');
  });

  test('begins anew after a reset', async () => {
    await using at = await create();
    const { parents } = at.tables;
    await using workspace = await at.target.open('apply', signal);
    await workspace.stage(numbered([[parents, ['1', 'a'], ['1', 'b']]]));
    assert.equal((await workspace.assess()).conflicts.length, 1);
    await workspace.reset();
    await workspace.stage(numbered([[parents, ['2', 'b'], null]]));
    assert.deepEqual(countsOf(await workspace.assess(), parents), { ...NONE, insert: 1 });
    await workspace.apply(APPLY);
    assert.deepEqual(await at.rows(parents), [['2', 'b']]);
  });
}

function testWithoutKey(create: () => Promise<UndoTargetUnderTest>): void {
  test('rows without a key are counted, and never taken away once too often', async () => {
    await using at = await create();
    const { bag } = at.tables;
    for (let n = 0; n < 3; n++) await at.insert(bag, ['same']);
    const changes = numbered([
      [bag, null, ['same']],
      [bag, null, ['same']],
      [bag, ['gone'], null],
      [bag, ['gone'], null],
    ]);
    await undo(at, changes);
    assert.deepEqual(await sorted(at, bag), [['gone'], ['gone'], ['same']]);
    await using again = await at.target.open('apply', signal);
    await again.stage(changes);
    const bags = await again.holdBags();
    assert.deepEqual(
      bags.map(({ schema, name }) => [schema, name]),
      [[bag.schema, bag.name]],
    );
    const assessment = await again.assess();
    assert.deepEqual(
      assessment.conflicts.map(({ reason, rows }) => [reason, rows]),
      [['changed-later', 1]],
      'one of two is not there',
    );
  });

  test('later changes tell whether equal rows went back before', async () => {
    await using at = await create();
    const { bag } = at.tables;
    await at.insert(bag, ['gone']);
    const changes = numbered([[bag, ['gone'], null]]);
    await using workspace = await at.target.open('apply', signal);
    await workspace.stage(changes);
    await workspace.holdBags();
    await workspace.stageLater(numbered([[bag, null, ['gone']]], 100));
    assert.deepEqual(countsOf(await workspace.assess(), bag), { ...NONE, already: 1 });
  });

  test('truncates of any place in the log are kept apart from later changes', async () => {
    await using at = await create();
    const { bag, parents } = at.tables;
    await at.insert(bag, ['other']);
    for (const offset of [1_000_000, 2 ** 40]) {
      await using workspace = await at.target.open('plan', signal);
      const held = numbered([[bag, null, ['held']]], offset - 10);
      const named = numbered([[parents, null, ['1', 'held']]], offset - 5);
      await workspace.stage(numbered([[bag, null, ['other']]], offset - 20));
      await workspace.stageTruncate({ table: bag, offset }, pages([held]));
      await workspace.stageTruncate({ table: parents, offset: offset + 1 }, pages([named]));
      await workspace.holdBags();
      await workspace.stageLater(numbered([[bag, null, ['later']]], offset + 5));
      await workspace.stageLaterTruncate({ table: bag, offset: offset + 9 }, pages([held]));
      const assessment = await workspace.assess();
      assert.deepEqual(countsOf(assessment, bag), { ...NONE, conflict: 2 });
      assert.deepEqual(countsOf(assessment, parents), { ...NONE, insert: 1 });
    }
  });

  test('a truncate among later changes has removed what its history left', async () => {
    await using at = await create();
    const { bag } = at.tables;
    const added = numbered([[bag, null, ['came']]]);
    await using workspace = await at.target.open('apply', signal);
    await workspace.stage(added);
    await workspace.holdBags();
    await workspace.stageLaterTruncate({ table: bag, offset: 50 }, pages([added]));
    assert.deepEqual(countsOf(await workspace.assess(), bag), { ...NONE, already: 1 });
  });
}

async function* pages<Page>(all: readonly Page[]): AsyncGenerator<Page> {
  yield* all;
}

/** A change as the log would have it: the row before and after. */
type Made = readonly [table: TableDefinition, before: Row | null, after: Row | null];

function numbered(made: readonly Made[], from = 0): readonly StoredChange[] {
  const [first, last] = [from, from + made.length - 1];
  // Later than whatever made the tables.
  const transaction = {
    first,
    last,
    id: '2000000000',
    position: '',
    committedAt: 0,
    context: null,
  };
  return made.map(([table, before, after], index) => {
    const [was, is] = [keyOf(table, before), keyOf(table, after)];
    return {
      offset: from + index,
      table,
      operation: before === null ? 'insert' : after === null ? 'delete' : 'update',
      key: is ?? was,
      previousKey: was !== null && is !== null && was !== is ? was : null,
      images: encodeImages({
        before: before === null ? null : { kind: 'old', cells: before },
        after,
      }),
      transaction,
    };
  });
}

function keyOf(table: TableDefinition, row: Row | null): string | null {
  const [place] = table.key;
  return place === undefined ? null : (row?.[place] ?? null);
}

function countsOf({ tables }: Assessment, { schema, name }: TableDefinition): typeof NONE {
  const found = tables.find((table) => table.schema === schema && table.name === name);
  assert.ok(found !== undefined);
  const { insert, update, delete: deleted, conflict, already } = found;
  return { insert, update, delete: deleted, conflict, already };
}

async function rowsOf(workspace: UndoWorkspace): Promise<readonly TargetRow[]> {
  const rows: TargetRow[] = [];
  for await (const row of workspace.rows({})) rows.push(row);
  return rows;
}

async function sorted(at: UndoTargetUnderTest, table: TableDefinition): Promise<readonly Row[]> {
  const rows = await at.rows(table);
  return rows.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1));
}

/** Stages, settles and applies. */
async function undo(
  at: UndoTargetUnderTest,
  changes: readonly StoredChange[],
  mode: 'skip' | 'force' | null = null,
): ReturnType<UndoWorkspace['apply']> {
  await using workspace = await at.target.open('apply', signal);
  await workspace.stage(changes);
  await workspace.holdBags();
  let { conflicts } = await workspace.assess();
  if (mode !== null) {
    while (conflicts.length > 0) {
      assert.ok((await workspace.settle(mode)) > 0);
      ({ conflicts } = await workspace.assess());
    }
  }
  assert.deepEqual(conflicts, []);
  return await workspace.apply(APPLY);
}
