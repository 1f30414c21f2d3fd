import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LoggedTable } from '../log/log.ts';
import { Delivery } from './delivery.ts';
import { RowOrder } from './row-order.ts';

interface Step {
  readonly table: number;
  readonly key: string | null;
  readonly previousKey: string | null;
}

const step: fc.Arbitrary<Step> = fc.record({
  table: fc.nat({ max: 1 }),
  key: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 6 }),
  previousKey: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 3 }),
});

function table(id: number, name = `t${id}`, key = 'id'): LoggedTable {
  const column = { name: key, type: 'text', kind: 'text', array: false } as const;
  return {
    id,
    schema: 'public',
    name,
    columns: [column],
    key: [0],
    identity: 'full',
    dialect: 'test',
  };
}

const TABLES = [table(0), table(1)];

function delivery(offset: number, { table: index, key, previousKey }: Step): Delivery {
  const version = TABLES[index] ?? table(index);
  return new Delivery(
    { offset, table: version, key, previousKey: key === null ? null : previousKey },
    null,
  );
}

/** By definition: of one table, and either has no key, or they share one. */
function conflict(one: Delivery, other: Delivery): boolean {
  const { subject: a } = one;
  const { subject: b } = other;
  if (a.table.name !== b.table.name) return false;
  if (a.key === null || b.key === null) return true;
  const keys = new Set([a.key, a.previousKey ?? a.key]);
  return keys.has(b.key) || (b.previousKey !== null && keys.has(b.previousKey));
}

test('a delivery is free exactly when no open one before it is of its row', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(), { maxLength: 60 }),
      (steps, choices) => {
        const order = new RowOrder();
        const open: Delivery[] = [];
        const free = new Set<Delivery>();
        const check = (): void => {
          for (const [index, one] of open.entries()) {
            const inTheWay = open.slice(0, index).some((earlier) => conflict(earlier, one));
            assert.equal(free.has(one), !inTheWay, `offset ${one.offset}`);
          }
        };
        const remove = (choice: number): void => {
          const candidates = open.filter((one) => free.has(one));
          const gone = candidates[choice % candidates.length];
          if (gone === undefined) return;
          open.splice(open.indexOf(gone), 1);
          free.delete(gone);
          order.remove(gone, (follower) => free.add(follower));
        };
        for (const [offset, what] of steps.entries()) {
          const one = delivery(offset, what);
          open.push(one);
          if (order.add(one)) free.add(one);
          check();
          // Some leave while others arrive.
          const choice = choices[offset];
          if (choice !== undefined && choice % 3 === 0) remove(choice);
          check();
        }
        while (open.length > 0) {
          remove(open.length);
          check();
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('after the key columns changed, rows go by other names: everything before comes first', () => {
  const order = new RowOrder();
  const before = new Delivery(
    { offset: 0, table: table(1, 'accounts', 'id'), key: '7', previousKey: null },
    null,
  );
  const renamed = table(2, 'accounts', 'email');
  const after = new Delivery({ offset: 1, table: renamed, key: 'a@b', previousKey: null }, null);
  const later = new Delivery({ offset: 2, table: renamed, key: 'c@d', previousKey: null }, null);
  assert.equal(order.add(before), true);
  assert.equal(order.add(after), false);
  assert.equal(order.add(later), false);
  const freed: number[] = [];
  order.remove(before, ({ offset }) => freed.push(offset));
  assert.deepEqual(freed, [1]);
  order.remove(after, ({ offset }) => freed.push(offset));
  assert.deepEqual(freed, [1, 2]);
});

test('a new version of a table with the same key keeps its rows in order, and only them', () => {
  const order = new RowOrder();
  const rows = [
    { table: table(1, 'accounts'), key: '7' },
    { table: table(2, 'accounts'), key: '7' },
    { table: table(2, 'accounts'), key: '8' },
  ];
  const free = rows.map((row, offset) =>
    order.add(new Delivery({ ...row, offset, previousKey: null }, null)),
  );
  assert.deepEqual(free, [true, false, true]);
});
