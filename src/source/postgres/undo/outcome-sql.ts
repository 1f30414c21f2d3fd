import { quoteLiteral, quoteTable } from '../quote.ts';
import type { UndoOperation } from '../../undo-target.ts';
import { noRow, keyTexts, rowText, sameKey, sameRow } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';

/**
 * What this transaction has done to each table (a materialized view holds nothing of its own), by whatever it was set off: statements, triggers,
 * rules, foreign keys. The server counts it for its statistics, partition by partition; what a
 * subtransaction did counts also where it was rolled back.
 * https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-FUNCTIONS
 */
const COUNTED = `
  SELECT c.oid AS rel, n.nspname::text AS schema, c.relname::text AS name, c.relfilenode AS file,
    CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid ELSE c.oid END AS root,
    pg_stat_get_xact_tuples_inserted(c.oid) AS inserted,
    pg_stat_get_xact_tuples_updated(c.oid) AS updated,
    pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')`;

/** Notes what was counted before anything is written, and makes room for what we write ourselves. */
export const BEGIN_OUTCOME: readonly string[] = [
  `CREATE TEMPORARY TABLE undo_counted ON COMMIT DROP AS ${COUNTED}`,
  'CREATE TEMPORARY TABLE undo_wrote (rel oid, operation text, rows bigint) ON COMMIT DROP',
];

/** The same after a rollback to a savepoint: what was rolled back stays counted. */
export const RECOUNT_OUTCOME: readonly string[] = [
  'TRUNCATE pg_temp.undo_counted, pg_temp.undo_wrote',
  `INSERT INTO pg_temp.undo_counted ${COUNTED}`,
];

/** Notes rows that a statement of ours has written. @param rows a number, as SQL. */
export function noteSql(table: StagedTable, operation: UndoOperation, rows: string): string {
  return `INSERT INTO pg_temp.undo_wrote VALUES (${relation(table)}, '${operation}', ${rows})`;
}

export function relation({ facts }: StagedTable): string {
  return `${quoteLiteral(quoteTable(facts))}::regclass`;
}

/** What was done to a table beyond what was written. */
export interface Effect {
  readonly schema: string;
  readonly name: string;
  /** Whether the undo wrote to it. */
  readonly planned: boolean;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** It was truncated, rewritten or dropped: then nothing is counted. */
  readonly emptied: boolean;
}

/** An update that moves a row to another partition counts as a delete there and an insert here. */
const ONLY_MOVED = `partitioned AND inserted > 0 AND deleted = inserted AND updated = -inserted`;

/** A SELECT of {@link Effect}. */
export const EFFECTS = `
  SELECT schema, name, planned, inserted::integer, updated::integer, deleted::integer, emptied
  FROM (
    SELECT COALESCE(n.nspname, c.schema) AS schema, COALESCE(r.relname, c.name) AS name,
      w.rel IS NOT NULL AS planned, COALESCE(r.relkind = 'p', false) AS partitioned,
      COALESCE(c.inserted, 0) - COALESCE(w.inserted, 0) AS inserted,
      COALESCE(c.updated, 0) - COALESCE(w.updated, 0) AS updated,
      COALESCE(c.deleted, 0) - COALESCE(w.deleted, 0) AS deleted, COALESCE(c.emptied, false) AS emptied
    FROM (
      SELECT COALESCE(now.root, was.root) AS root,
        min(COALESCE(now.schema, was.schema)) AS schema, min(COALESCE(now.name, was.name)) AS name,
        sum(CASE WHEN now.root IS NOT NULL THEN now.inserted - COALESCE(was.inserted, 0) END) AS inserted,
        sum(CASE WHEN now.root IS NOT NULL THEN now.updated - COALESCE(was.updated, 0) END) AS updated,
        sum(CASE WHEN now.root IS NOT NULL THEN now.deleted - COALESCE(was.deleted, 0) END) AS deleted,
        bool_or(was.root IS NOT NULL AND now.file IS DISTINCT FROM was.file AND rel IN (
          SELECT relation FROM pg_locks
          WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relation IS NOT NULL)) AS emptied
      FROM (${COUNTED}) now FULL JOIN pg_temp.undo_counted was USING (rel) GROUP BY 1) c
    FULL JOIN (
      SELECT rel, sum(rows) FILTER (WHERE operation = 'insert') AS inserted,
        sum(rows) FILTER (WHERE operation = 'update') AS updated,
        sum(rows) FILTER (WHERE operation = 'delete') AS deleted
      FROM pg_temp.undo_wrote GROUP BY rel) w ON w.rel = c.root
    LEFT JOIN pg_class r ON r.oid = COALESCE(c.root, w.rel)
    LEFT JOIN pg_namespace n ON n.oid = r.relnamespace) effect
  WHERE emptied OR ((inserted, updated, deleted) <> (0, 0, 0) AND NOT (${ONLY_MOVED}))
  ORDER BY 1, 2`;

/** The key of a row, or the text of one that has none: as the rows of {@link differentSql} have it. */
export function differentSql(table: StagedTable): string {
  if (table.key === null) return differentBagSql(table);
  const { before, after, facts } = table;
  const now = `${facts.sql} t ON ${sameKey(table, 't', 's')}`;
  return `SELECT ${keyTexts(table, 's')} AS key FROM ${before} s LEFT JOIN ${now}
      WHERE ${noRow(table, 't')} OR NOT ${sameRow(table, 't', 's')}
    UNION ALL
    SELECT ${keyTexts(table, 's')} FROM ${after} s JOIN ${now}
      WHERE NOT EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 's')})`;
}

/** How often the rows of the undo were there, each kind of equal ones. */
function held(table: StagedTable): string {
  return `pg_temp.undo_held_${table.place}`;
}

/** For a table without a key, before it is written to: what it holds of the rows of the undo. */
export function holdSql(table: StagedTable): string {
  return `CREATE TEMPORARY TABLE ${held(table).replace('pg_temp.', '')} ON COMMIT DROP AS ${countHeldSql(table)}`;
}

function countHeldSql(table: StagedTable): string {
  const { before, after, facts } = table;
  const text = rowText(table, 's');
  return `SELECT ${rowText(table, 't')} AS text, count(*) AS n FROM ${facts.sql} t
    WHERE ${rowText(table, 't')} IN (SELECT ${text} FROM ${before} s UNION SELECT ${text} FROM ${after} s)
    GROUP BY 1`;
}

function differentBagSql(table: StagedTable): string {
  const { before, after } = table;
  const text = rowText(table, 's');
  return `SELECT ARRAY[text] AS key FROM (
      SELECT text, n FROM ${held(table)}
      UNION ALL SELECT ${text}, 1 FROM ${before} s UNION ALL SELECT ${text}, -1 FROM ${after} s
      UNION ALL SELECT text, -n FROM (${countHeldSql(table)}) now) counted
    GROUP BY text HAVING sum(n) <> 0`;
}

/**
 * Rows that this transaction has written and that are no part of the undo, of a table whose rows
 * foreign keys may have changed more than once: there the numbers of changes do not say it.
 */
export function strayRowsSql(table: StagedTable): string {
  const { before, facts } = table;
  // Ids that subtransactions of ours can have come after our own; those of others are seen here only
  // when they have ended.
  const own = 'pg_current_xact_id()::text::bigint';
  const ahead = `((t.xmin::text::bigint - ${own} % 4294967296 + 4294967296) % 4294967296)`;
  return `SELECT ${keyTexts(table, 't')} AS key FROM ${facts.sql} t
    WHERE CASE WHEN ${ahead} >= 2147483648 THEN false
        WHEN ${own} + ${ahead} < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        THEN pg_xact_status((${own} + ${ahead})::text::xid8) = 'in progress' ELSE true END
      AND NOT EXISTS (SELECT FROM ${before} s WHERE ${sameKey(table, 's', 't')})`;
}
