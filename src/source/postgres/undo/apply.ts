import { TidingsError } from '../../../errors/tidings-error.ts';
import { qualifiedName } from '../../../change/table.ts';
import type { UndoOperation } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { victims } from './check-rows.ts';
import { columnList, keyOf, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** How many rows each part of an undo writes. */
export type RowCounts = { readonly [Operation in UndoOperation]: number };

export async function countRows(
  connection: UndoConnection,
  table: StagedTable,
): Promise<RowCounts> {
  const { before, after } = table;
  table.rows ??= await countStaged(connection, table);
  const { before: b, after: a } = table.rows;
  if (table.key === null || b === 0 || a === 0) return { insert: b, update: 0, delete: a };
  const [both] = await connection.rows<{ rows: number }>(
    `SELECT count(*)::integer AS rows FROM ${before} b JOIN ${after} a ON ${sameKey(table, 'a', 'b')}`,
  );
  const updates = both?.rows ?? 0;
  return { insert: b - updates, update: updates, delete: a - updates };
}

async function countStaged(
  connection: UndoConnection,
  { before, after }: StagedTable,
): Promise<{ before: number; after: number }> {
  const [counts] = await connection.rows<{ before: number; after: number }>(
    `SELECT (SELECT count(*)::integer FROM ${before}) AS "before",
       (SELECT count(*)::integer FROM ${after}) AS "after"`,
  );
  return counts ?? { before: 0, after: 0 };
}

/** Deletes free the keys and unique values that updates and inserts need. */
const ORDER: readonly UndoOperation[] = ['delete', 'update', 'insert'];

/**
 * Writes everything in one statement, so that the database checks foreign keys when all rows are
 * where they belong. The parts run in the order in which their counts are read: an Append runs its
 * branches one after the other, and each branch runs its common table expression to the end.
 * @throws TidingsError `UNDO_ROWS_MISSED`
 */
export async function writeRows(
  connection: UndoConnection,
  tables: readonly (readonly [StagedTable, RowCounts])[],
): Promise<void> {
  const parts = partsOf(tables);
  const [only] = parts;
  if (only === undefined) return;
  if (parts.length === 1) {
    check(only, await connection.run(statement(only.table, only.operation)));
    return;
  }
  const rows = await connection.rows<{ part: number; affected: number }>(writeAllSql(parts));
  for (const { part, affected } of rows) {
    const written = parts[part];
    if (written !== undefined) check(written, affected);
  }
}

/** One table's rows of one operation. */
export interface Part {
  readonly table: StagedTable;
  readonly operation: UndoOperation;
  readonly expected: number;
}

export function partsOf(tables: readonly (readonly [StagedTable, RowCounts])[]): readonly Part[] {
  return ORDER.flatMap((operation) =>
    tables.flatMap(([table, counts]) => {
      const expected = counts[operation] + (operation === 'update' ? -1 : 1) * table.replaced;
      return expected > 0 ? [{ table, operation, expected }] : [];
    }),
  );
}

/** The one statement; its rows say how many each part affected. */
export function writeAllSql(parts: readonly Part[]): string {
  const expressions = parts.map(
    ({ table, operation }, at) => `part_${at} AS (${statement(table, operation)} RETURNING 1)`,
  );
  const counts = parts.map(
    (_, at) => `SELECT ${at} AS part, count(*)::integer AS affected FROM part_${at}`,
  );
  return `WITH ${expressions.join(',\n')}\n${counts.join('\nUNION ALL ')}`;
}

function check(part: Part, affected: number): void {
  const { table, operation, expected } = part;
  if (affected === expected) return;
  const details = { table: qualifiedName(table.facts), operation, expected, affected };
  throw new TidingsError('UNDO_ROWS_MISSED', details);
}

function statement(table: StagedTable, operation: UndoOperation): string {
  const { before, after, facts } = table;
  if (operation === 'insert') return insertSql(table);
  if (operation === 'update') return updateSql(table);
  if (table.key === null) {
    return `DELETE FROM ${facts.sql} t USING ${victims(table)} v
      WHERE t.ctid = v.tid AND t.tableoid = v.rel`;
  }
  return `DELETE FROM ${facts.sql} t USING ${after} s WHERE ${sameKey(table, 't', 's')}
    AND (NOT EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 's')}) OR ${isReplaced(table)})`;
}

function insertSql(table: StagedTable): string {
  const { before, after, facts } = table;
  const names = table.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const target = facts.sql.replace(/^ONLY /, '');
  const fresh =
    table.key === null
      ? ''
      : `WHERE NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')}) OR ${isReplaced(table)}`;
  return `INSERT INTO ${target} (${names}) OVERRIDING SYSTEM VALUE
    SELECT ${columnList(table, 's')} FROM ${before} s ${fresh}`;
}

function updateSql(table: StagedTable): string {
  const { before, after, facts } = table;
  const always = new Set(
    facts.columns.flatMap(({ name, identity }) => (identity === 'a' ? [name] : [])),
  );
  const key = keyOf(table).map(({ column }) => column);
  const written = table.columns
    .map(({ name }) => name)
    .filter((name) => !always.has(name))
    // A key can be written another way and be the same key: 1.0 and 1.00.
    .map((name) => `${quoteIdentifier(name)} = ${table.staged('s', name)}`);
  const set = written.length > 0 ? written : key.map((name) => `${name} = DEFAULT`);
  return `UPDATE ${facts.sql} t SET ${set.join(', ')} FROM ${before} s
    WHERE ${sameKey(table, 't', 's')}
      AND EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})
      AND NOT ${isReplaced(table)}`;
}

function isReplaced(table: StagedTable): string {
  if (table.replaced === 0) return 'false';
  return `EXISTS (SELECT FROM ${table.replacedRows} x WHERE ${sameKey(table, 'x', 's')})`;
}
