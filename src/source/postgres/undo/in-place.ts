import { quoteIdentifier } from '../quote.ts';
import { sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';
import { identityColumns } from './writable-columns.ts';

/** Rows that get an earlier key again where they are: the staged row that comes `back`, and the one that is `gone`. */
export function inPlaceRows(table: StagedTable): string {
  return `pg_temp.undo_in_place_${table.place}`;
}

/**
 * Finds rows whose key goes back while the values that others refer to stay. To take a row away and put
 * another one there is the same for the table, but not for those that refer to it: a foreign key would
 * refuse it, or delete them along. Without a key it is what `bag-pairs.ts` does.
 */
export async function findInPlace(connection: UndoConnection, table: StagedTable): Promise<void> {
  table.inPlace = 0;
  const select = inPlaceSql(table);
  if (select === null || table.rows?.before === 0 || table.rows?.after === 0) return;
  await connection.run(`DROP TABLE IF EXISTS ${inPlaceRows(table)}`);
  table.inPlace = await connection.run(select);
}

/** The statement that notes them; null for a table of which there can be none. */
export function inPlaceSql(table: StagedTable): string | null {
  const { before, after, facts } = table;
  // Between partitions a row moves; a view over wide rows has no places to go by.
  if (table.key === null || facts.partitioned || table.wide !== null) return null;
  const kept = keptColumns(table);
  if (kept === null) return null;
  const values = (alias: string): string =>
    `ROW(${kept.map((name) => `${alias}.${quoteIdentifier(name)}`).join(', ')})::record`;
  return `CREATE TEMPORARY TABLE ${inPlaceRows(table).replace('pg_temp.', '')} ON COMMIT DROP AS
    WITH back AS (SELECT s.ctid AS tid, ${values('s')} AS kept FROM ${before} s
      WHERE NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})),
    gone AS (SELECT s.ctid AS tid, ${values('s')} AS kept FROM ${after} s
      WHERE NOT EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 's')}))
    SELECT min(b.tid) AS back, min(g.tid) AS gone
    FROM back b JOIN gone g ON b.kept OPERATOR(pg_catalog.*=) g.kept
    GROUP BY b.kept::text HAVING count(*) = 1`;
}

/**
 * What must be the same in both rows: what is referred to, what has to be unique (the database checks
 * row by row), and what cannot be set. Null when nobody refers to the table, or not all of it is known.
 */
function keptColumns(table: StagedTable): readonly string[] | null {
  const { facts, columns } = table;
  const referenced = facts.foreignKeys.flatMap(({ parent, parentColumns }) =>
    parent.schema === facts.schema && parent.name === facts.name ? parentColumns : [],
  );
  if (referenced.length === 0) return null;
  const kept = new Set([...referenced, ...identityColumns(table)]);
  for (const index of facts.uniqueIndexes) {
    if (index === facts.key) continue;
    const named = index.parts.flatMap(({ column }) => (column === null ? [] : [column]));
    const evaluates = index.predicate !== null || named.length < index.parts.length;
    if (evaluates && index.reads === null) return null;
    for (const name of [...named, ...(evaluates ? (index.reads ?? []) : [])]) kept.add(name);
  }
  const known = new Set(columns.map(({ name }) => name));
  return [...kept].every((name) => known.has(name)) ? [...kept] : null;
}

/** False for a staged row `alias` that is one of them; for a statement over the staged table itself. */
export function notInPlace(table: StagedTable, alias: string, side: 'back' | 'gone'): string {
  return table.inPlace === 0
    ? 'true'
    : `NOT EXISTS (SELECT FROM ${inPlaceRows(table)} i WHERE i.${side} = ${alias}.ctid)`;
}
