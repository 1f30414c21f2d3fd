import { quoteLiteral } from '../quote.ts';
import { pairs } from './bag-pairs.ts';
import { evaluate, indexValuesEqual } from './check-constraints.ts';
import { freeValueSql } from './free-value.ts';
import { withGenerated } from './generated-columns.ts';
import type { UniqueIndex } from './index-facts.ts';
import { rowsIn } from './partition-rows.ts';
import { rowText } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import { MOST_TURNS } from './take-turns.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Which pair takes a unique value of which other one; each by its staged row. */
const WAITS = 'pg_temp.undo_pair_waits';
/** Of a row in words. */
const SHOWN = 200;

/**
 * Rows without a key that are changed in place, and take a unique value from one that gives it up in
 * the same way, are changed after that one: the database checks row by row. Where they wait for each
 * other in a circle it is a conflict. For rows with a key it is what `take-turns.ts` does.
 */
export async function takeBagTurns(
  connection: UndoConnection,
  table: StagedTable,
  indexes: readonly UniqueIndex[],
): Promise<void> {
  const immediate = indexes.filter((index) => index.immediate);
  if (table.key !== null || table.paired === 0 || immediate.length === 0) return;
  await connection.run(`DROP TABLE IF EXISTS ${WAITS}`);
  const callsFunctions = immediate.some((index) => index.callsFunctions);
  const waiting = await evaluate(connection, { callsFunctions }, waitsSql(table, immediate));
  if (waiting === 0) return;
  await connection.run(
    `UPDATE ${pairs(table)} SET turn = NULL WHERE back IN (SELECT taker FROM ${WAITS})`,
  );
  const turns: number[] = [];
  while (turns.length < MOST_TURNS) {
    const given = await connection.run(
      `UPDATE ${pairs(table)} x SET turn = ${turns.length + 1} WHERE x.turn IS NULL AND NOT EXISTS (
         SELECT FROM ${WAITS} o JOIN ${pairs(table)} g ON g.back = o.giver
         WHERE o.taker = x.back AND g.turn IS NULL)`,
    );
    if (given === 0) break;
    turns.push(given);
  }
  table.turns = turns;
  await noteStuck(connection, table, immediate);
}

/** Statements for a script that give its pairs the turns that were found; a pair's row says which it is. */
export async function* bagTurnsSql(
  connection: UndoConnection,
  table: StagedTable,
): AsyncGenerator<string> {
  if (table.key !== null || table.turns.length === 0) return;
  const text = rowText(table, 's');
  const select = `SELECT ${text}, x.turn::pg_catalog.text FROM ${pairs(table)} x
    JOIN ${table.before} s ON s.ctid = x.back WHERE x.turn > 0`;
  for await (const page of connection.pages(select)) {
    const rows = page.map(([row, turn]) => `(${quoteLiteral(String(row))}, ${String(turn)})`);
    yield `UPDATE ${pairs(table)} x SET turn = w.turn
FROM ${table.before} s, (VALUES\n  ${rows.join(',\n  ')}) w (text, turn)
WHERE s.ctid = x.back AND w.text = ${text};\n`;
  }
}

function waitsSql(table: StagedTable, indexes: readonly UniqueIndex[]): string {
  const { before, facts } = table;
  const waits = indexes.map(
    (index, at) => `SELECT x.back AS taker, y.back AS giver, ${at} AS index
      FROM ${pairs(table)} x JOIN ${placed(table, index, before)} s ON s.undo_tid = x.back
      JOIN ${placed(table, index, facts.sql)} o ON ${indexValuesEqual(index, 's', 'o')}
      JOIN ${pairs(table)} y ON y.tid = o.undo_tid AND y.rel = o.undo_rel
      WHERE x.back <> y.back`,
  );
  return `CREATE TEMPORARY TABLE ${WAITS.replace('pg_temp.', '')} ON COMMIT DROP AS ${waits.join(' UNION ')}`;
}

/** The index's values of rows that are in it, each with its place. */
function placed(
  table: StagedTable,
  { parts, predicate, partition }: UniqueIndex,
  from: string,
): string {
  const values = parts.map(({ expression }, at) => `(${expression}) AS undo_value_${at}`);
  const rows = `(SELECT p.*, p.ctid AS undo_tid, p.tableoid AS undo_rel FROM ${from} p)`;
  const whole = from === table.facts.sql ? rows : withGenerated(table, rows);
  const where = predicate === null ? '' : `WHERE ${predicate}`;
  return `(SELECT undo_tid, undo_rel, ${values.join(', ')}
    FROM ${rowsIn(whole, partition)} undo_row ${where})`;
}

/** Rows that wait for each other, each with what would make a chain of the circle. */
async function noteStuck(
  connection: UndoConnection,
  table: StagedTable,
  indexes: readonly UniqueIndex[],
): Promise<void> {
  const ways = indexes.flatMap((index, at) => {
    const sql = freeValueSql(table, index, 't');
    return sql === null ? [] : [`WHEN ${at} THEN ${sql}`];
  });
  const way = ways.length === 0 ? 'NULL' : `CASE i.index ${ways.join(' ')} END`;
  const why = 'rows exchange values, and others refer to them, so that they cannot be removed: ';
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, detail, fix)
     SELECT ${table.place}, 'unique-taken', ${quoteLiteral(why)} || pg_catalog.left(${rowText(table, 't')}, ${SHOWN}), ${way}
     FROM ${pairs(table)} x JOIN ${table.facts.sql} t ON t.ctid = x.tid AND t.tableoid = x.rel
       LEFT JOIN (SELECT giver, min(index) AS index FROM ${WAITS} GROUP BY giver) i ON i.giver = x.back
     WHERE x.turn IS NULL`,
  );
}
