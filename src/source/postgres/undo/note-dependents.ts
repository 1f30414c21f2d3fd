import { quoteIdentifier } from '../quote.ts';
import { fkEquals } from './foreign-key-sql.ts';
import { keysInConflict } from './moved-rows.ts';
import { keyTexts, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Notes rows as in conflict that would refer to a parent which is in conflict: the value that they get
 * again belongs to that row as it was, and to another one where it stays as it is. To be run before rows
 * are left out; what depends on the rows that this finds is found as well.
 */
export async function noteDependents(
  connection: UndoConnection,
  tables: StagedTables,
): Promise<void> {
  let found = 1;
  while (found > 0) {
    found = 0;
    for (const parent of tables.all) {
      for (const sql of dependentsSql(parent, tables)) found += await connection.run(sql);
    }
  }
}

function* dependentsSql(parent: StagedTable, tables: StagedTables): Generator<string> {
  const { facts, before, after } = parent;
  if (parent.key === null) return;
  const staged = (table: StagedTable, columns: readonly string[]): boolean => {
    const known = new Set(table.columns.map(({ name }) => name));
    return columns.every((name) => known.has(name));
  };
  for (const key of facts.foreignKeys) {
    const child = tables.find(key.child);
    const own = key.parent.schema === facts.schema && key.parent.name === facts.name;
    if (!own || child === undefined) continue;
    if (!staged(parent, key.parentColumns) || !staged(child, key.childColumns)) continue;
    const values = (alias: string): string =>
      `ROW(${key.parentColumns.map((name) => `${alias}.${quoteIdentifier(name)}`).join(', ')})::record`;
    // A table in conflict is left out as a whole.
    const staying =
      parent.problems.size > 0 ? 'true' : `${keyTexts(parent, 'r')} IN (${keysInConflict(parent)})`;
    // A row that has its key anew counts as that row: only one that had it, and has another one, does not.
    const columns = new Set(parent.key.map(({ column }) => column));
    const byKey =
      key.parentColumns.length === columns.size &&
      key.parentColumns.every((name) => columns.has(name));
    const other = byKey
      ? `AND EXISTS (SELECT FROM pg_temp.undo_moved m
          WHERE m.place = ${parent.place} AND m.key = ${keyTexts(parent, 'r')})`
      : '';
    const text = child.key === null ? 'NULL::text[]' : keyTexts(child, 's');
    yield `INSERT INTO pg_temp.undo_conflict (place, reason, key)
      SELECT DISTINCT ${child.place}, 'parent-missing', ${text}
      FROM ${child.before} s JOIN ${before} r ON ${fkEquals(key, 'r', 's')}
      WHERE ${staying} ${other}
        AND NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(parent, 'a', 'r')}
          AND ${values('a')} OPERATOR(pg_catalog.*=) ${values('r')})
        AND NOT EXISTS (SELECT FROM pg_temp.undo_conflict c
          WHERE c.place = ${child.place} AND c.key IS NOT DISTINCT FROM ${text})`;
  }
}
