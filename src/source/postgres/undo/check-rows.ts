import { noteDetached } from './check-partitions.ts';
import { checkLater } from './later-changes.ts';
import { quoteLiteral } from '../quote.ts';
import { keepUnread, noteRetyped, noteUnfit } from './retyped-notes.ts';
import { hasNothingAdded, keyList, keyTexts, noRow, rowText, sameKey, sameRow } from './row-sql.ts';
import { LAST, type StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';
import { writableColumns } from './writable-columns.ts';

/** Where conflicts are noted; one table for all tables of an undo. */
export const CONFLICT_TABLES = `
  CREATE TEMPORARY TABLE undo_conflict (
    place integer, reason text, key text[], cause json, detail text, fix text, rows bigint DEFAULT 1
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE undo_chain (place integer, key text[]) ON COMMIT DROP;
  CREATE TEMPORARY TABLE undo_moved (place integer, key text[], other text[]) ON COMMIT DROP`;

/**
 * Locks the rows of all keys, in key order, so that from here on nobody changes what is compared.
 * A statement of its own: the comparison has to see what those it waited for have committed.
 */
export function lockRowsSql(table: StagedTable): string {
  const { before, after, facts } = table;
  const key = keyList(table, 's');
  return `SELECT count(*) FROM (
    SELECT FROM ${facts.sql} t
    JOIN (SELECT ${key} FROM ${before} s UNION SELECT ${key} FROM ${after} s) s
      ON ${sameKey(table, 't', 's')}
    ORDER BY ${keyList(table, 't')} FOR UPDATE OF t) locked`;
}

/** Compares each row of the undo with the row that is there; notes conflicts. */
export async function checkRows(connection: UndoConnection, table: StagedTable): Promise<void> {
  const { before, after, place, facts } = table;
  const gone = facts.rowSecurity ? 'row-hidden' : 'changed-later';
  const now = `LEFT JOIN ${facts.sql} t ON ${sameKey(table, 't', 's')}`;
  // What the last change left, against what is there. Of a row that the changes left as they found it
  // there is nothing to take back, whatever came later.
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key)
     SELECT ${place},
       CASE WHEN NOT ${noRow(table, 'b')} AND ${sameRow(table, 's', 'b')} THEN 'already'
         WHEN ${noRow(table, 't')}
           THEN CASE WHEN ${noRow(table, 'b')} AND NOT ${facts.rowSecurity} THEN 'already' ELSE '${gone}' END
         WHEN NOT ${noRow(table, 'b')} AND ${sameRow(table, 't', 'b')} THEN 'already'
         ELSE 'changed-later' END, ${keyTexts(table, 's')}
     FROM ${after} s LEFT JOIN ${before} b ON ${sameKey(table, 'b', 's')} ${now}
     WHERE ${noRow(table, 't')} OR NOT ${sameRow(table, 't', 's')}`,
  );
  // A key that the last change left without a row, and that has one.
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key)
     SELECT ${place}, CASE WHEN ${sameRow(table, 't', 's')} THEN 'already' ELSE 're-created' END,
       ${keyTexts(table, 's')}
     FROM ${before} s JOIN ${facts.sql} t ON ${sameKey(table, 't', 's')}
     WHERE NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})`,
  );
  if (writableColumns(table).length === 0) await findUnchanged(connection, table);
  if (table.addedColumns.length > 0) {
    const detail = `it has a value in ${table.addedColumns.join(', ')}, added since`;
    await connection.run(
      `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail)
       SELECT ${place}, 'changed-later', ${keyTexts(table, 's')}, ${quoteLiteral(detail)} ${addedValues(table)}
         AND s.${table.offset} <> ${LAST}`,
    );
  }
  const chained = await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key)
     SELECT DISTINCT place, 'changed-later', key FROM pg_temp.undo_chain WHERE place = ${place}`,
  );
  if (chained > 0) {
    await connection.run(
      `DELETE FROM pg_temp.undo_conflict c USING pg_temp.undo_chain h
       WHERE c.place = ${place} AND h.place = c.place AND h.key = c.key AND c.reason = 'already'`,
    );
  }
  await noteDetached(connection, table);
  await keepUnread(connection, table);
  await dropAlready(connection, table);
  await noteRetyped(connection, table);
  await noteUnfit(connection, table);
}

/**
 * Rows that the changes removed and brought back, in a table without a column that could be set: an
 * update could only give them new numbers.
 */
async function findUnchanged(connection: UndoConnection, table: StagedTable): Promise<void> {
  const { before, after, place, facts } = table;
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key)
     SELECT ${place}, 'already', ${keyTexts(table, 's')}
     FROM ${before} s JOIN ${after} a ON ${sameKey(table, 'a', 's')}
       JOIN ${facts.sql} t ON ${sameKey(table, 't', 's')}
     WHERE ${sameRow(table, 'a', 's')} AND ${sameRow(table, 't', 's')}`,
  );
}

/** Rows `s` that would go, and values with them that the log has no word of. */
export function addedValues(table: StagedTable): string {
  const { before, after, facts } = table;
  return `FROM ${after} s JOIN ${facts.sql} t ON ${sameKey(table, 't', 's')}
    WHERE NOT ${hasNothingAdded(table, 't')}
      AND NOT EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 's')})`;
}

/** Takes the rows out that are what they would become. */
async function dropAlready(connection: UndoConnection, table: StagedTable): Promise<void> {
  const already = `FROM pg_temp.undo_conflict WHERE place = ${table.place} AND reason = 'already'`;
  const [found] = await connection.rows<{ rows: number }>(
    `SELECT count(*)::integer AS rows ${already}`,
  );
  if (found === undefined || found.rows === 0) return;
  table.already += found.rows;
  await dropKeys(connection, table, `SELECT key ${already}`);
  await connection.run(`DELETE ${already}`);
}

/**
 * Takes rows out of the undo.
 * @param keys a SELECT of their keys' texts.
 * @returns how many keys it were.
 */
export async function dropKeys(
  connection: UndoConnection,
  table: StagedTable,
  keys: string,
): Promise<number> {
  table.rows = null;
  await connection.run(chooseKeysSql(table, 'undo_dropped', keys));
  for (const side of [table.before, table.after]) {
    await connection.run(
      `DELETE FROM ${side} s USING pg_temp.undo_dropped d WHERE ${sameKey(table, 's', 'd')}`,
    );
  }
  const [found] = await connection.rows<{ rows: number }>(
    `SELECT count(*)::integer AS rows FROM pg_temp.undo_dropped`,
  );
  await connection.run('DROP TABLE pg_temp.undo_dropped');
  return found?.rows ?? 0;
}

/**
 * Makes a table of the staged keys that have one of these texts. The two sides can write the same key
 * differently (1.0 and 1.00, or a text that ignores case), so keys are compared and not their texts.
 */
export function chooseKeysSql(table: StagedTable, name: string, keys: string): string {
  const chosen = (side: string): string =>
    `SELECT ${keyList(table, 's')} FROM ${side} s JOIN chosen c ON c.key = ${keyTexts(table, 's')}`;
  return `CREATE TEMPORARY TABLE ${name} ON COMMIT DROP AS
    WITH chosen AS (SELECT DISTINCT key FROM (${keys}) k)
    ${chosen(table.before)} UNION ${chosen(table.after)}`;
}

/** The rows of a table without a key that are to be removed, each with its place in the table. */
export function victims(table: StagedTable): string {
  return `pg_temp.undo_victim_${table.place}`;
}

/**
 * The same for a table without a key: as many equal rows have to be there as are to be removed. With
 * `lock` those that were chosen stay what and where they are until the end.
 */
export async function checkBag(
  connection: UndoConnection,
  table: StagedTable,
  lock: boolean,
): Promise<void> {
  const { after, place, facts } = table;
  const name = victims(table);
  await connection.run(`DROP TABLE IF EXISTS ${name}`);
  await checkLater(connection, table);
  if (lock) await connection.run(lockBagSql(table));
  await connection.run(chooseVictimsSql(table));
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, detail, rows)
     SELECT ${place}, '${facts.rowSecurity ? 'row-hidden' : 'changed-later'}', w.text, w.n - COALESCE(v.n, 0)
     FROM (SELECT ${rowText(table, 's')} AS text, count(*) AS n FROM ${after} s GROUP BY 1) w
     LEFT JOIN (SELECT text, count(*) AS n FROM ${name} GROUP BY 1) v USING (text)
     WHERE w.n > COALESCE(v.n, 0) AND NOT EXISTS (
       SELECT FROM pg_temp.undo_conflict c WHERE c.place = ${place} AND c.detail = w.text)`,
  );
  await noteRetyped(connection, table);
  await noteUnfit(connection, table);
}

/** As many rows of the table as are to be removed, each equal to one of them. */
export function chooseVictimsSql(table: StagedTable): string {
  const { after, facts } = table;
  return `CREATE TEMPORARY TABLE ${victims(table).replace('pg_temp.', '')} ON COMMIT DROP AS
    SELECT t.tid, t.rel, t.text FROM (
      SELECT t.ctid AS tid, t.tableoid AS rel, ${rowText(table, 't')} AS text,
        row_number() OVER (PARTITION BY ${rowText(table, 't')}) AS n
      FROM ${facts.sql} t
      WHERE ${rowText(table, 't')} IN (SELECT ${rowText(table, 's')} FROM ${after} s)
        AND ${hasNothingAdded(table, 't')}) t
    JOIN (SELECT ${rowText(table, 's')} AS text, count(*) AS n FROM ${after} s GROUP BY 1) w
      ON w.text = t.text AND t.n <= w.n`;
}

export function lockBagSql(table: StagedTable): string {
  const { after, facts } = table;
  return `SELECT count(*) FROM (SELECT FROM ${facts.sql} t
    WHERE ${rowText(table, 't')} IN (SELECT ${rowText(table, 's')} FROM ${after} s)
    FOR UPDATE OF t) locked`;
}
