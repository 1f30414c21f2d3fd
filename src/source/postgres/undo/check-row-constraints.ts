import { isTidingsError } from '../../../errors/tidings-error.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import type { RowCounts } from './apply.ts';
import { evaluate } from './check-constraints.ts';
import { knows, knowsAll, withGenerated } from './generated-columns.ts';
import { type PartitionFacts, rowsIn } from './partition-rows.ts';
import type { CheckFacts, NotNullFacts } from './row-constraint-facts.ts';
import { isNull } from './null-sql.ts';
import { keyTexts, rowText, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Beyond it a row is cut where it is shown. Characters. */
const SHOWN = 200;

/** Rows that come back, or get earlier values again, and that the table would not take any more. */
export async function checkRowConstraints(
  connection: UndoConnection,
  table: StagedTable,
): Promise<void> {
  const { checks, notNull } = table.facts.constraints;
  const [found] = await connection.rows<{ any: boolean; empty: boolean }>(
    `SELECT EXISTS (SELECT FROM ${table.before}) AS any, EXISTS (
       SELECT FROM ${table.before} s WHERE ${someNull(table)}) AS empty`,
  );
  if (found?.any !== true) return;
  for (const check of checks) {
    const { reads, partition } = check;
    const known = reads === null || partition !== null ? knowsAll(table) : knows(table, reads);
    if (known) await checkOne(connection, table, check);
  }
  const staged = new Set(table.columns.map(({ name }) => name));
  for (const column of notNull) {
    // Of many columns none has a null, as a rule, and one look tells.
    if (found.empty || !staged.has(column.column)) await checkNotNull(connection, table, column);
  }
}

/** True for a staged row with a null in any column that needs a value, in all or in some partitions. */
function someNull(table: StagedTable): string {
  const { columns, facts } = table;
  const needed = new Set(facts.constraints.notNull.map(({ column }) => column));
  const nulls = columns.flatMap(({ name }) =>
    needed.has(name) ? [isNull(table.staged('s', name))] : [],
  );
  return nulls.length === 0 ? 'false' : nulls.join(' OR ');
}

async function checkOne(
  connection: UndoConnection,
  table: StagedTable,
  check: CheckFacts,
): Promise<void> {
  const { name, expression, partition } = check;
  const at = quoteTable(partition ?? table.facts);
  const rows = rowsIn(withGenerated(table, table.before), partition);
  const sql = violated(table, {
    detail: name,
    fix: `ALTER TABLE ${at} DROP CONSTRAINT ${quoteIdentifier(name)};`,
    from: `${rows} s WHERE NOT (${expression})`,
  });
  await connection.run('SAVEPOINT undo_check');
  try {
    await evaluate(connection, check, sql);
  } catch (error) {
    if (!isTidingsError(error, 'UNDO_REFUSED')) throw error;
    // It cannot be asked beforehand (it names what only a stored row has), or fails on some row: what
    // the database says to it when the rows are written names the row.
    await connection.run('ROLLBACK TO SAVEPOINT undo_check');
  }
  await connection.run('RELEASE SAVEPOINT undo_check');
}

async function checkNotNull(
  connection: UndoConnection,
  table: StagedTable,
  { column, partition }: NotNullFacts,
): Promise<void> {
  const { columns, facts, before, after } = table;
  const present = facts.columns.find(({ name }) => name === column);
  if (present === undefined || present.generated) return;
  const at = quoteTable(partition ?? facts);
  const name = quoteIdentifier(column);
  const detail = `column ${column}${whose(partition)}`;
  if (columns.some((known) => known.name === column)) {
    if (partition !== null && !knowsAll(table)) return;
    const from = `${rowsIn(before, partition)} s WHERE ${isNull(table.staged('s', column))}`;
    const fix = `ALTER TABLE ${at} ALTER COLUMN ${name} DROP NOT NULL;`;
    await connection.run(violated(table, { detail, fix, from }));
    return;
  }
  if (partition !== null || facts.constraints.defaults.includes(column)) return;
  // Only a row that is made anew gets a default; one that is changed keeps what it has.
  const anew =
    table.key === null
      ? ''
      : `WHERE NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})`;
  await connection.run(
    violated(table, {
      detail: `${detail}, which the log does not know and which has no default`,
      fix: `ALTER TABLE ${at} ALTER COLUMN ${name} DROP NOT NULL;`,
      from: `${before} s ${anew}`,
    }),
  );
}

function whose(partition: PartitionFacts | null): string {
  return partition === null ? '' : ` of ${partition.schema}.${partition.name}`;
}

/** @param from what follows FROM, with the rows as `s`. */
function violated(
  table: StagedTable,
  { detail, fix, from }: { readonly detail: string; readonly fix: string; readonly from: string },
): string {
  const keyless = table.key === null;
  // A row that has no key is named by what it holds.
  const what = keyless
    ? `${quoteLiteral(`${detail}: `)} || pg_catalog.left(${rowText(table, 's')}, ${SHOWN})`
    : quoteLiteral(detail);
  const way = `${fix} -- or leave such rows out: --on-conflict skip`;
  return `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail, fix)
    SELECT ${table.place}, 'constraint-violated', ${keyless ? 'NULL' : keyTexts(table, 's')}, ${what},
      ${quoteLiteral(way)} FROM ${from}`;
}

/** Rules that would make something else of the undo's statements, as problems of the table. */
export function checkRules(table: StagedTable, counts: RowCounts): void {
  const { facts, replaced } = table;
  const name = quoteTable(facts);
  for (const { rule, operation, enabled } of facts.constraints.rules) {
    if (counts[operation] === 0 && (replaced === 0 || operation === 'update')) continue;
    const quoted = quoteIdentifier(rule);
    const again = `ALTER TABLE ${name} ENABLE ${enabled === 'A' ? 'ALWAYS ' : ''}RULE ${quoted};`;
    const fix = `ALTER TABLE ${name} DISABLE RULE ${quoted}; -- and after the undo: ${again}`;
    table.problem('rewrite-rule', `${rule} (ON ${operation.toUpperCase()})`, fix);
  }
}
