import { victims } from './check-rows.ts';
import { rowText } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import { textsOf } from './texts-of.ts';
import type { UndoConnection } from './undo-connection.ts';
import { identityColumns, writableColumns } from './writable-columns.ts';

/** Rows of a table without a key that are changed in place: `tid` and `rel` become `back`, in a `turn`. */
export function pairs(table: StagedTable): string {
  return `pg_temp.undo_pair_${table.place}`;
}

/**
 * Finds which rows of a table without a key can be changed in place. Removing a row and putting
 * another one there is the same for the table, but not for those that refer to it: a foreign key
 * would delete them along, although the value that they refer to stays.
 */
export async function findPairs(connection: UndoConnection, table: StagedTable): Promise<void> {
  table.paired = 0;
  const select = pairsSql(table);
  if (select === null) return;
  await connection.run(`DROP TABLE IF EXISTS ${pairs(table)}`);
  table.paired = await connection.run(select);
}

/**
 * The statement that notes them; null for a table that no foreign key refers to. Rows go together
 * that have the same referenced values, else the two of one update. To be run after the victims were
 * chosen.
 */
export function pairsSql(table: StagedTable): string | null {
  if (table.key !== null || writableColumns(table).length === 0) return null;
  // Staged rows that are read through a view have no place to go by.
  if (table.wide !== null) return null;
  const referenced = referencedColumns(table);
  if (referenced.length === 0) return null;
  const { before, after, offset } = table;
  const known = new Set(table.columns.map(({ name }) => name));
  const fixed = identityColumns(table);
  const kept = referenced.filter((name) => known.has(name));
  const values = (alias: string): string => textsOf([...kept, ...fixed], alias);
  // What a computed column was is not known; only the update itself says what belongs together.
  const equal = kept.length === referenced.length ? '' : 'AND g.at = b.at';
  return `CREATE TEMPORARY TABLE ${pairs(table).replace('pg_temp.', '')} ON COMMIT DROP AS
    WITH gone AS (
      SELECT v.tid, v.rel, a.at, a.held, a.fixed,
        row_number() OVER (PARTITION BY a.held ORDER BY a.at) AS place
      FROM (SELECT v.*, row_number() OVER (PARTITION BY v.text) AS n FROM ${victims(table)} v) v
      JOIN (SELECT s.${offset} AS at, ${values('s')} AS held, ${textsOf(fixed, 's')} AS fixed,
          ${rowText(table, 's')} AS text, row_number() OVER (PARTITION BY ${rowText(table, 's')}) AS n
        FROM ${after} s) a USING (text, n)),
    back AS (
      SELECT s.ctid AS back, s.${offset} AS at, ${values('s')} AS held, ${textsOf(fixed, 's')} AS fixed,
        row_number() OVER (PARTITION BY ${values('s')} ORDER BY s.${offset}) AS place
      FROM ${before} s),
    same AS (SELECT g.tid, g.rel, b.back FROM gone g
      JOIN back b ON b.held = g.held AND b.place = g.place ${equal})
    SELECT tid, rel, back, 0 AS turn FROM same
    UNION ALL
    SELECT g.tid, g.rel, b.back, 0 FROM gone g JOIN back b ON b.at = g.at AND b.fixed = g.fixed
    WHERE NOT EXISTS (SELECT FROM same s WHERE s.tid = g.tid AND s.rel = g.rel)
      AND NOT EXISTS (SELECT FROM same s WHERE s.back = b.back)`;
}

/** The columns of the table that foreign keys refer to. */
function referencedColumns({ facts }: StagedTable): readonly string[] {
  const keys = facts.foreignKeys.filter(
    ({ parent }) => parent.schema === facts.schema && parent.name === facts.name,
  );
  return [...new Set(keys.flatMap(({ parentColumns }) => parentColumns))];
}
