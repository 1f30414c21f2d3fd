import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import { isStaged, type Staged } from './check-constraints.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import { fkEquals } from './foreign-key-sql.ts';
import { freeValueSql } from './free-value.ts';
import { NO_ACTION } from './going-parents.ts';
import type { UniqueIndex } from './index-facts.ts';
import { rowsIn } from './partition-rows.ts';
import { keyList, keyTexts, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { TableFacts } from './table-facts.ts';
import { takersOf } from './takers.ts';
import type { UndoConnection } from './undo-connection.ts';
import { identityColumns } from './writable-columns.ts';

/** Each turn is a part of the one statement. With so many it takes four seconds. */
export const MOST_TURNS = 1000;

const TABLES = ['undo_kept', 'undo_waits', 'undo_turn'] as const;

const DELETES = 'c';
const SETS: ReadonlySet<string> = new Set(['n', 'd']);

/** What an undo has to know of a table whose rows exchange unique values. */
export interface Exchange {
  readonly indexes: readonly UniqueIndex[];
  readonly staged: Staged;
}

/** A foreign key to the table that acts when a row of it is deleted, with the table that has the key. */
interface Acting {
  readonly key: ForeignKey;
  /** Null when it may not be read, or not all of it. */
  readonly facts: TableFacts | null;
  readonly child: StagedTable | undefined;
}

/** The rows that are updated one after the other; the column of the offset holds whose turn it is. */
export function turnRows({ place }: StagedTable): string {
  return `pg_temp.undo_turns_${place}`;
}

/**
 * Of the rows that take a unique value from others, finds those that cannot be deleted and put there
 * anew, because rows refer to them that would go along, or because they have values that the undo does
 * not know. They are updated in turns, after the rows that have their values now. Where such rows wait
 * for each other in a circle, one of them has to be deleted nevertheless: one whose children all come
 * back with it. Where there is none, it is a conflict.
 */
export async function takeTurns(
  connection: UndoConnection,
  table: StagedTable,
  { indexes, staged }: Exchange,
): Promise<void> {
  table.turns = [];
  const acting = await actingKeys(table, staged);
  if (acting.length === 0 && table.addedColumns.length === 0) return;
  for (const name of TABLES) await connection.run(`DROP TABLE IF EXISTS pg_temp.${name}`);
  const kept = await connection.run(keptSql(table, acting));
  if (kept === 0) return;
  await connection.run(waitsSql(table, indexes));
  await connection.run(`CREATE TEMPORARY TABLE undo_turn ON COMMIT DROP AS
    SELECT k.${table.offset} AS number, NULL::pg_catalog.int4 AS turn FROM pg_temp.undo_kept k
    WHERE NOT (${isRenumbered(table)})`);
  for (const name of TABLES) await connection.run(`ANALYZE pg_temp.${name}`);
  await giveTurns(connection, table, acting);
  await connection.run(`DROP TABLE IF EXISTS ${turnRows(table)}`);
  await connection.run(`CREATE TEMPORARY TABLE ${turnRows(table).replace('pg_temp.', '')} ON COMMIT DROP AS
    SELECT ${keyList(table, 'k')}, w.turn AS ${table.offset}
    FROM pg_temp.undo_kept k JOIN pg_temp.undo_turn w ON w.number = k.${table.offset} WHERE w.turn > 0`);
  table.replaced -= await connection.run(
    `DELETE FROM ${table.replacedRows} x USING ${turnRows(table)} w WHERE ${sameKey(table, 'w', 'x')}`,
  );
  await noteStuck(connection, table, indexes, acting);
}

/** Numbers the turns, the first one 1; 0 is for a row that is replaced after all. */
async function giveTurns(
  connection: UndoConnection,
  table: StagedTable,
  acting: readonly Acting[],
): Promise<void> {
  const waits = `EXISTS (SELECT FROM pg_temp.undo_waits o JOIN pg_temp.undo_turn g ON g.number = o.giver
    WHERE o.taker = w.number AND g.turn IS NULL)`;
  while (table.turns.length < MOST_TURNS) {
    const given = await connection.run(
      `UPDATE pg_temp.undo_turn w SET turn = ${table.turns.length + 1} WHERE w.turn IS NULL AND NOT ${waits}`,
    );
    if (given > 0) {
      table.turns = [...table.turns, given];
      continue;
    }
    const broken = await connection.run(
      `UPDATE pg_temp.undo_turn w SET turn = 0 FROM pg_temp.undo_kept k
       WHERE k.${table.offset} = w.number AND w.turn IS NULL AND ${mayGoAlong(table, acting)}`,
    );
    if (broken === 0) return;
  }
}

async function actingKeys(table: StagedTable, staged: Staged): Promise<readonly Acting[]> {
  const { schema, name, foreignKeys } = table.facts;
  const acting: Acting[] = [];
  for (const key of foreignKeys) {
    if (key.parent.schema !== schema || key.parent.name !== name) continue;
    if (key.deleteAction === NO_ACTION) continue;
    const child = staged.find(key.child);
    const facts = child?.facts ?? (await staged.facts(key.child));
    const isRead = facts !== null && !facts.rowSecurity && hasColumns(table, key.parentColumns);
    const isKnown = child === undefined || hasColumns(child, key.childColumns);
    acting.push({ key, child, facts: isRead && isKnown ? facts : null });
  }
  return acting;
}

function hasColumns({ columns }: StagedTable, names: readonly string[]): boolean {
  return names.every((name) => columns.some((column) => column.name === name));
}

/** The keys of the rows that cannot simply be deleted, numbered. */
function keptSql(table: StagedTable, acting: readonly Acting[]): string {
  const key = keyList(table, 's');
  const parents = acting.flatMap(({ key: foreign, facts, child }) => {
    if (facts === null) return [];
    // Rows that are there, and rows that will be when the database comes to look for them.
    const children = [facts.sql, ...(child === undefined ? [] : [child.before])];
    return children.map(
      (
        rows,
      ) => `SELECT ${keyList(table, 'a')} FROM ${rowsIn(table.after, foreign.parentPartition)} a
        JOIN ${rowsIn(rows, foreign.childPartition)} r ON ${fkEquals(foreign, 'a', 'r')}`,
    );
  });
  const all = table.addedColumns.length > 0 || acting.some(({ facts }) => facts === null);
  const where = all
    ? 'true'
    : `EXISTS (SELECT FROM (${parents.join(' UNION ALL ')}) p WHERE ${sameKey(table, 'p', 's')})`;
  return `CREATE TEMPORARY TABLE undo_kept ON COMMIT DROP AS
    SELECT ${key}, row_number() OVER () AS ${table.offset} FROM ${table.replacedRows} s WHERE ${where}`;
}

/** Which of them takes a value from which other one. */
function waitsSql(table: StagedTable, indexes: readonly UniqueIndex[]): string {
  const waits = indexes.map((index, at) => {
    const { from, where } = takersOf(table, index);
    return `SELECT w.${table.offset} AS taker, g.${table.offset} AS giver, ${at} AS index FROM ${from}
      JOIN pg_temp.undo_kept w ON ${sameKey(table, 'w', 's')}
      JOIN pg_temp.undo_kept g ON ${sameKey(table, 'g', 'o')} WHERE ${where}`;
  });
  const none =
    'SELECT 0::pg_catalog.int8 AS taker, 0::pg_catalog.int8 AS giver, 0 AS index WHERE false';
  return `CREATE TEMPORARY TABLE undo_waits ON COMMIT DROP AS ${[none, ...waits].join(' UNION ')}`;
}

/** True for a row `k` with another value in a column that no update may set. */
function isRenumbered(table: StagedTable): string {
  const differs = identityColumns(table).map(
    (name) => `b.${quoteIdentifier(name)} OPERATOR(pg_catalog.<>) a.${quoteIdentifier(name)}`,
  );
  if (differs.length === 0) return 'false';
  return `EXISTS (SELECT FROM ${table.before} b JOIN ${table.after} a ON ${sameKey(table, 'a', 'b')}
    WHERE ${sameKey(table, 'b', 'k')} AND (${differs.join(' OR ')}))`;
}

/**
 * True for a row `k` that can be deleted with what refers to it, because all of that comes back: its
 * children are part of the undo, since they lose the value that they refer to, and they are put right
 * at its end (see `writing-order.ts`); nothing refers to them that would go along unseen.
 */
function mayGoAlong(table: StagedTable, acting: readonly Acting[]): string {
  if (table.addedColumns.length > 0) return 'false';
  return acting.map((each) => mayGoAlongBy(table, each)).join(' AND ');
}

function mayGoAlongBy(table: StagedTable, { key, facts, child }: Acting): string {
  if (facts === null) return 'false';
  const children = (rows: string, where: string): string =>
    `EXISTS (SELECT FROM ${rowsIn(table.after, key.parentPartition)} a
      JOIN ${rowsIn(rows, key.childPartition)} r ON ${fkEquals(key, 'a', 'r')}
      WHERE ${sameKey(table, 'a', 'k')} ${where})`;
  const now = children(facts.sql, '');
  if (child === undefined) return `NOT ${now}`;
  const none = `NOT ${now} AND NOT ${children(child.before, '')}`;
  const isPutRight = child.key !== null && child.addedColumns.length === 0;
  const goesAlone =
    SETS.has(key.deleteAction) ||
    (key.deleteAction === DELETES && !facts.foreignKeys.some((other) => refersTo(other, facts)));
  // What refers to a value that stays is not found to be acted on, see `goingParents`.
  if (!isPutRight || !goesAlone || key.updateAction === NO_ACTION) return `(${none})`;
  const changes = `EXISTS (SELECT FROM ${table.before} b JOIN ${table.after} a ON ${sameKey(table, 'a', 'b')}
    WHERE ${sameKey(table, 'b', 'k')} AND NOT (${fkEquals({ ...key, childColumns: key.parentColumns }, 'a', 'b')}))`;
  return `((${none}) OR (${changes} AND NOT ${children(facts.sql, `AND NOT ${isStaged(child)}`)}))`;
}

function refersTo({ parent }: ForeignKey, { schema, name }: TableFacts): boolean {
  return parent.schema === schema && parent.name === name;
}

/** Rows that could be written neither way, each with what would make a chain of the circle. */
async function noteStuck(
  connection: UndoConnection,
  table: StagedTable,
  indexes: readonly UniqueIndex[],
  acting: readonly Acting[],
): Promise<void> {
  const { place, offset } = table;
  const why = [
    ...acting.map(({ key }) => `${key.name} acts on a delete`),
    ...(table.addedColumns.length > 0
      ? [`${table.addedColumns.join(', ')} would be lost, added since`]
      : []),
  ].join(', and ');
  const ways = indexes.flatMap((index, at) => {
    const sql = freeValueSql(table, index, 'k');
    return sql === null ? [] : [`WHEN ${at} THEN ${sql}`];
  });
  const way = ways.length === 0 ? 'NULL' : `CASE i.index ${ways.join(' ')} END`;
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail, fix)
     SELECT ${place}, 'unique-taken', ${keyTexts(table, 'k')},
       ${quoteLiteral(`rows exchange values, and ${why}`)}, ${way}
     FROM pg_temp.undo_kept k LEFT JOIN pg_temp.undo_turn w ON w.number = k.${offset}
       LEFT JOIN (SELECT giver, min(index) AS index FROM pg_temp.undo_waits GROUP BY giver) i
         ON i.giver = k.${offset}
     WHERE w.turn IS NULL`,
  );
}
