import type { UndoOperation } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { pairs } from './bag-pairs.ts';
import { victims } from './check-rows.ts';
import { inPlaceRows, notInPlace } from './in-place.ts';
import { columnList, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import { turnRows } from './take-turns.ts';
import type { UndoConnection } from './undo-connection.ts';
import { writableColumns } from './writable-columns.ts';

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

/** One table's rows of one operation. */
export interface Part {
  readonly table: StagedTable;
  readonly operation: UndoOperation;
  readonly expected: number;
  /** True for the rows of `in-place.ts`. */
  readonly inPlace?: true;
  /** For updates that wait for others: whose turn it is, see `take-turns.ts`. */
  readonly turn?: number;
}

export function partsOf(tables: readonly (readonly [StagedTable, RowCounts])[]): readonly Part[] {
  return ORDER.flatMap((operation) =>
    tables.flatMap(([table, counts]) => {
      const sign = operation === 'update' ? -1 : 1;
      const { inPlace, turns } = table;
      const apart = operation === 'update' ? turns.reduce((sum, rows) => sum + rows, 0) : inPlace;
      const expected = counts[operation] + sign * (table.replaced - table.paired) - apart;
      const parts: Part[] = expected > 0 ? [{ table, operation, expected }] : [];
      if (operation !== 'update') return parts;
      parts.push(...turns.map((rows, at) => ({ table, operation, expected: rows, turn: at + 1 })));
      if (inPlace > 0) parts.push({ table, operation, expected: inPlace, inPlace: true });
      return parts;
    }),
  );
}

export interface WrittenPart {
  /** Place of the statement. */
  readonly part: number;
  readonly affected: number;
}

/**
 * The statements as one; its rows say how many each affected. They run in the order in which their
 * counts are read: an Append runs its branches one after the other, and each branch runs its common
 * table expression to the end.
 */
export function writeAllSql(statements: readonly string[]): string {
  const expressions = statements.map((statement, at) => `part_${at} AS (${statement} RETURNING 1)`);
  const counts = statements.map(
    (_, at) => `SELECT ${at} AS part, count(*)::integer AS affected FROM part_${at}`,
  );
  return `WITH ${expressions.join(',\n')}\n${counts.join('\nUNION ALL ')}`;
}

export function partSql(part: Omit<Part, 'expected'>): string {
  const { table, operation } = part;
  if (table.key === null) return bagSql(part);
  const { before, after, facts } = table;
  if (part.inPlace === true) {
    return `${updateSql(table)} FROM ${inPlaceRows(table)} i JOIN ${before} s ON s.ctid = i.back
      JOIN ${after} a ON a.ctid = i.gone WHERE ${sameKey(table, 't', 'a')}`;
  }
  if (operation === 'insert') {
    return insertSql(
      table,
      `(NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')}) AND ${notInPlace(table, 's', 'back')})
        OR ${isReplaced(table)}`,
    );
  }
  if (operation === 'delete') {
    return `DELETE FROM ${facts.sql} t USING ${after} s WHERE ${sameKey(table, 't', 's')}
    AND ((NOT EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 's')}) AND ${notInPlace(table, 's', 'gone')})
      OR ${isReplaced(table)})`;
  }
  return `${updateSql(table)} FROM ${before} s
    WHERE ${sameKey(table, 't', 's')}
      AND EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})
      AND NOT ${isReplaced(table)} AND ${hasTurn(table, part.turn ?? 0)}`;
}

/** True for a staged row `s` that is updated in this turn; 0 is for those that wait for no other. */
export function hasTurn(table: StagedTable, turn: number): string {
  if (table.turns.length === 0) return 'true';
  const listed = `EXISTS (SELECT FROM ${turnRows(table)} w WHERE ${sameKey(table, 'w', 's')}`;
  return turn === 0 ? `NOT ${listed})` : `${listed} AND w.${table.offset} = ${turn})`;
}

/** The same for rows without a key, which are found by where they are. */
function bagSql({ table, operation, turn = 0 }: Omit<Part, 'expected'>): string {
  const { before, facts } = table;
  const paired = table.paired > 0;
  if (operation === 'insert') {
    return insertSql(
      table,
      paired ? `NOT EXISTS (SELECT FROM ${pairs(table)} x WHERE x.back = s.ctid)` : 'true',
    );
  }
  if (operation === 'update') {
    return `${updateSql(table)} FROM ${pairs(table)} x JOIN ${before} s ON s.ctid = x.back
      WHERE t.ctid = x.tid AND t.tableoid = x.rel AND x.turn = ${turn}`;
  }
  const inPlace = `EXISTS (SELECT FROM ${pairs(table)} x WHERE x.tid = v.tid AND x.rel = v.rel)`;
  return `DELETE FROM ${facts.sql} t USING ${victims(table)} v
      WHERE t.ctid = v.tid AND t.tableoid = v.rel${paired ? ` AND NOT ${inPlace}` : ''}`;
}

/** @param where a condition for rows `s` that the undo puts back. */
export function insertSql(table: StagedTable, where: string): string {
  const names = table.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const target = table.facts.sql.replace(/^ONLY /, '');
  // PostgreSQL takes no empty list of columns, but it does a SELECT of none.
  return `INSERT INTO ${target} ${names === '' ? '' : `(${names})`} OVERRIDING SYSTEM VALUE
    SELECT ${columnList(table, 's')} FROM ${table.before} s WHERE ${where}`;
}

/** Without what follows SET. A key can be written another way and be the same: 1.0 and 1.00. */
function updateSql(table: StagedTable): string {
  const set = writableColumns(table).map(
    (name) => `${quoteIdentifier(name)} = ${table.staged('s', name)}`,
  );
  return `UPDATE ${table.facts.sql} t SET ${set.join(', ')}`;
}

function isReplaced(table: StagedTable): string {
  if (table.replaced === 0) return 'false';
  return `EXISTS (SELECT FROM ${table.replacedRows} x WHERE ${sameKey(table, 'x', 's')})`;
}
