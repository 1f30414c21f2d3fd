import { qualifiedName } from '../../../change/table.ts';
import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import {
  type Part,
  partsOf,
  partSql,
  type RowCounts,
  writeAllSql,
  type WrittenPart,
} from './apply.ts';
import type { Outcome } from './outcome.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';
import type { Repair, WritingOrder } from './writing-order.ts';

/**
 * How often rows are put right again that foreign keys have changed. Each round can set off actions on
 * the tables below; a chain of so many tables has not been seen.
 */
export const ROUNDS = 10;

/**
 * Writes in the first order that the database accepts and that does nothing but what was planned.
 * @param allowed whether triggers and rules may make of it what they do.
 * @throws TidingsError `UNDO_ROWS_MISSED`; what was found of the first order when none goes.
 */
export async function writeRows(
  connection: UndoConnection,
  orders: readonly [WritingOrder, ...WritingOrder[]],
  outcome: Outcome,
  allowed: boolean,
): Promise<void> {
  const [first, ...others] = orders;
  if (others.length === 0) return await writeIn(first, connection, outcome);
  let refused: unknown = null;
  for (const order of orders) {
    await connection.run('SAVEPOINT undo_order');
    try {
      await writeIn(order, connection, outcome);
      await outcome.check(allowed);
      return;
    } catch (error) {
      if (!isOfOrder(error)) throw error;
      refused ??= error;
    }
    await connection.run('ROLLBACK TO SAVEPOINT undo_order');
    await outcome.recount();
  }
  throw refused;
}

const OF_ORDER: ReadonlySet<string> = new Set([
  'UNDO_ROWS_MISSED',
  'UNDO_REACHED_FURTHER',
  'UNDO_TRIGGERS_INTERFERED',
]);

/** A violated constraint (SQLSTATE class 23), or a row too much or too little: another order may help. */
function isOfOrder(error: unknown): boolean {
  if (isTidingsError(error, 'UNDO_REFUSED')) return String(error.details['state']).startsWith('23');
  return isTidingsError(error) && OF_ORDER.has(error.code);
}

/** Writes in one statement, for whoever only wants to know what the database says to it. */
export async function writeOnly(
  connection: UndoConnection,
  written: readonly (readonly [StagedTable, RowCounts])[],
): Promise<void> {
  const parts = partsOf(written);
  await connection.withOwnSettings(async () => {
    if (parts.length > 0) {
      const statements = parts.map(partSql);
      await connection.run(writeAllSql(statements));
    }
    await connection.run('SET CONSTRAINTS ALL IMMEDIATE');
  });
}

async function writeIn(
  { steps, missing }: WritingOrder,
  connection: UndoConnection,
  outcome: Outcome,
): Promise<void> {
  for (const [table, rows] of missing) await outcome.note(table, 'delete', -rows);
  await connection.withOwnSettings(async () => {
    for (const step of steps) {
      if ('repairs' in step) await putRight(connection, step.repairs, outcome);
      else await writeParts(connection, step.parts, outcome);
    }
    await connection.run('SET CONSTRAINTS ALL IMMEDIATE');
  });
}

async function writeParts(
  connection: UndoConnection,
  parts: readonly Part[],
  outcome: Outcome,
): Promise<void> {
  const [only] = parts;
  if (only === undefined) return;
  if (parts.length === 1) {
    check(only, await connection.run(partSql(only)));
  } else {
    const statements = parts.map(partSql);
    const rows = await connection.rows<WrittenPart>(writeAllSql(statements));
    for (const { part, affected } of rows) {
      const written = parts[part];
      if (written !== undefined) check(written, affected);
    }
  }
  for (const { table, operation, expected } of parts)
    await outcome.note(table, operation, expected);
}

function check({ table, operation, expected }: Part, affected: number): void {
  if (affected === expected) return;
  const details = { table: qualifiedName(table.facts), operation, expected, affected };
  throw new TidingsError('UNDO_ROWS_MISSED', details);
}

/** Puts rows right until no action takes one away any more. What is still wrong then shows at the end. */
async function putRight(
  connection: UndoConnection,
  repairs: readonly Repair[],
  outcome: Outcome,
): Promise<void> {
  const sql = writeAllSql(repairs.map((repair) => repair.sql));
  for (let round = 0; round < ROUNDS; round++) {
    let written = 0;
    for (const { part, affected } of await connection.rows<WrittenPart>(sql)) {
      const repair = repairs[part];
      if (repair === undefined || affected === 0) continue;
      written += affected;
      await outcome.note(repair.table, repair.operation, affected);
      // Each row that is put back is one that an action has deleted, or one that `missing` counts.
      if (repair.operation === 'insert') await outcome.note(repair.table, 'delete', affected);
    }
    if (written === 0) return;
  }
}
