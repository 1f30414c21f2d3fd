import type { Cell } from '../../../change/row-images.ts';
import { qualifiedName } from '../../../change/table.ts';
import { asciiJson } from '../connection/ascii-json.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import { OUR_TEXTS, SCRIPT_BEGIN, SCRIPT_OWN_SETTINGS } from '../connection/session-settings.ts';
import { findActedOn } from './acted-on.ts';
import type { RowCounts } from './apply.ts';
import { pairsSql } from './bag-pairs.ts';
import { bagTurnsSql } from './bag-turns.ts';
import { addedChildren } from './check-constraints.ts';
import { addedValues, chooseVictimsSql, lockBagSql, lockRowsSql, victims } from './check-rows.ts';
import { inPlaceSql } from './in-place.ts';
import { comparedTables, findReach } from './reach.ts';
import { tellRetyped } from './retyped-notes.ts';
import { keyTexts, noRow, rowText, sameKey, sameRow } from './row-sql.ts';
import { guard, guardRow } from './script-blocks.ts';
import { beginChecks, checksAtEnd, type ScriptOutcome, writing } from './script-outcome.ts';
import { lossesOf } from './settle.ts';
import { readSequences, reachedSql } from './sequences.ts';
import type { StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import { turnRows } from './take-turns.ts';
import { triggerStatements } from './triggers.ts';
import type { UndoConnection } from './undo-connection.ts';
import { postponedTables, writingOrders } from './writing-order.ts';

/** Rows of one INSERT statement, at most: so many that a person can still find the one that fails. */
const ROWS = 100;

export interface ScriptOptions {
  readonly context: string;
  readonly title: string;
  /** What its reader should know, in sentences. */
  readonly notes: readonly string[];
  /** Whether the application's triggers fire. */
  readonly triggers: boolean;
  /** Whether triggers and rules may make of it what they do. */
  readonly allowTriggerChanges: boolean;
}

/**
 * The undo as SQL that needs nothing but the database: the rows as INSERTs into temporary tables,
 * then the checks, each of which raises an error, then the same statement that `apply` runs. All of
 * it is one transaction.
 */
export async function* scriptOf(
  connection: UndoConnection,
  tables: StagedTables,
  counts: ReadonlyMap<StagedTable, RowCounts>,
  { context, title, notes, triggers, allowTriggerChanges: allowed }: ScriptOptions,
): AsyncGenerator<string> {
  yield [
    comment(`Undo of ${title}`).trimEnd(),
    '-- Run it with: psql --set ON_ERROR_STOP=1 --file FILE',
    '-- Everything is one transaction. Each step checks what it finds; when it is not what the undo',
    '-- expects, it raises an error, and nothing is changed.',
    ...notes.map((note) => comment(note).trimEnd()),
    '',
    SCRIPT_BEGIN,
    `SELECT pg_logical_emit_message(true, 'tidings', ${quoteLiteral(asciiJson(context))});`,
    '',
  ].join('\n');
  for (const table of tables.missing) yield refuse(`${qualifiedName(table)} is not there`);
  // A table whose rows are all as they should be has no temporary tables to compare them with.
  const written = [...counts].filter(([, rows]) => rows.insert + rows.update + rows.delete > 0);
  for (const [table, { insert, update, delete: deleted }] of written) {
    const name = qualifiedName(table.facts);
    yield `\n${comment(`${name}: ${insert} to put back, ${update} to change back, ${deleted} to remove`)}`;
    for (const loss of lossesOf(table)) yield comment(loss);
    for (const { reason, detail } of table.problems.values()) yield refuse(`${reason}: ${detail}`);
    for (const told of await tellRetyped(connection, table)) yield refuse(told);
    yield* rowsOf(connection, table, table.before);
    yield* rowsOf(connection, table, table.after);
    // Which rows are written in another way was found out beside the rows of other tables.
    if (table.replaced > 0) yield* keysOf(connection, table, table.replacedRows);
    if (table.key !== null && table.turns.length > 0)
      yield* keysOf(connection, table, turnRows(table), true);
    table.scripted = true;
  }
  const outcome = await outcomeOf(connection, tables, { written, triggers, allowed });
  const staged = new Set(written.map(([table]) => table));
  for (const table of staged) {
    yield await checksOf(connection, table);
    yield* bagTurnsSql(connection, table);
  }
  for (const table of staged) yield* childrenOf(table, tables, staged);
  const { off, on } = triggers ? { off: [], on: [] } : triggerStatements([...staged]);
  yield beginChecks(outcome);
  for (const statement of off) yield `${statement};\n`;
  yield `\n-- Triggers find their tables, and read and print values, as in any other session.
${SCRIPT_OWN_SETTINGS}\n`;
  yield writing(outcome.orders, outcome);
  yield `\n${OUR_TEXTS}\n`;
  for (const [table, { insert }] of written) {
    if (insert > 0) yield* sequencesOf(connection, table);
  }
  for (const statement of on) yield `${statement};\n`;
  yield checksAtEnd(outcome);
  yield '\nCOMMIT;\n';
}

async function outcomeOf(
  connection: UndoConnection,
  tables: StagedTables,
  options: {
    readonly written: readonly (readonly [StagedTable, RowCounts])[];
    readonly triggers: boolean;
    readonly allowed: boolean;
  },
): Promise<ScriptOutcome & { readonly orders: ReturnType<typeof writingOrders> }> {
  const { written, triggers, allowed } = options;
  const acted = await findActedOn(connection, tables, new Map(written));
  const reached = postponedTables(written, acted);
  const names = written.map(([table]) => table);
  const reach = await findReach(connection, names, triggers);
  const compared = comparedTables({ tables: names, reached, triggers }, reach);
  return { reached, reach, compared, allowed, orders: writingOrders(written, acted) };
}

/** A temporary table and its rows. */
async function* rowsOf(
  connection: UndoConnection,
  table: StagedTable,
  name: string,
): AsyncGenerator<string> {
  const columns = table.columns.map(({ name: column }) => quoteIdentifier(column));
  // Which rows belong together matters only where they are changed in place.
  const offset = pairsSql(table) === null ? [] : [table.offset];
  const names = [...columns, ...offset].join(', ');
  const made = [...columns, ...offset.map((column) => `0::bigint AS ${column}`)].join(', ');
  yield `CREATE TEMPORARY TABLE ${name.replace('pg_temp.', '')} ON COMMIT DROP AS
  SELECT ${made} FROM ${table.facts.sql} WITH NO DATA;\n`;
  const values = [
    ...table.columns.map(({ name: column }) => table.staged('s', column)),
    ...offset.map((column) => `s.${column}`),
  ].join(', ');
  const select = `SELECT ${values} FROM ${name} s ORDER BY s.${table.offset}`;
  for await (const page of connection.pages(select)) yield* insertsOf(name, names, page);
}

/** A temporary table of keys, and in which turn each comes. */
async function* keysOf(
  connection: UndoConnection,
  table: StagedTable,
  name: string,
  inTurns = false,
): AsyncGenerator<string> {
  const turn = inTurns ? [table.offset] : [];
  const keys = (table.key ?? []).map(({ column }) => quoteIdentifier(column));
  const made = [...keys, ...turn.map((column) => `0::bigint AS ${column}`)].join(', ');
  yield `CREATE TEMPORARY TABLE ${name.replace('pg_temp.', '')} ON COMMIT DROP AS
  SELECT ${made} FROM ${table.facts.sql} WITH NO DATA;\n`;
  const names = [...keys, ...turn].join(', ');
  for await (const page of connection.pages(`SELECT ${names} FROM ${name}`)) {
    yield* insertsOf(name, names, page);
  }
}

function* insertsOf(
  name: string,
  names: string,
  page: readonly (readonly Cell[])[],
): Generator<string> {
  if (names === '') {
    yield `INSERT INTO ${name} SELECT FROM generate_series(1, ${page.length});\n`;
    return;
  }
  for (let at = 0; at < page.length; at += ROWS) {
    const rows = page.slice(at, at + ROWS).map((cells) => `  (${cells.map(literal).join(', ')})`);
    yield `INSERT INTO ${name} (${names}) VALUES\n${rows.join(',\n')};\n`;
  }
}

function literal(cell: Cell): string {
  return cell === null || cell === undefined ? 'NULL' : quoteLiteral(cell);
}

/** Locks the rows and compares them. */
async function checksOf(connection: UndoConnection, table: StagedTable): Promise<string> {
  const name = qualifiedName(table.facts);
  const { before, after, facts } = table;
  if (table.key === null) return await bagChecksOf(connection, table);
  const inPlace = table.inPlace > 0 ? inPlaceSql(table) : null;
  const now = `${facts.sql} t ON ${sameKey(table, 't', 's')}`;
  const fresh = `NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})`;
  return `\n${comment(`The rows of ${name} have to be what the changes left.`)}${lockRowsSql(table)};
${guardRow(
  `SELECT ${keyTexts(table, 's')} FROM ${after} s LEFT JOIN ${now}
   WHERE ${noRow(table, 't')} OR NOT ${sameRow(table, 't', 's')}`,
  `${name.replaceAll('%', '%%')} % was changed later, or this script ran before`,
)}${guardRow(
    `SELECT ${keyTexts(table, 's')} FROM ${before} s JOIN ${now} WHERE ${fresh}`,
    `${name.replaceAll('%', '%%')} % is there again, or this script ran before`,
  )}${
    table.addedColumns.length === 0
      ? ''
      : guardRow(
          `SELECT ${keyTexts(table, 's')} ${addedValues(table)}`,
          `${name.replaceAll('%', '%%')} % has values in columns that were added since`,
        )
  }${inPlace === null ? '' : `${inPlace};\n`}`;
}

/**
 * Equal rows cannot be told apart: what says that nothing was done to them since, and that this script
 * did not run before, is that there are as many of them as there were when it was made.
 */
async function bagChecksOf(connection: UndoConnection, table: StagedTable): Promise<string> {
  const name = qualifiedName(table.facts);
  const { after, facts } = table;
  const held = heldSql(table);
  const [now] = await connection.rows<{ held: string }>(held);
  const pairing = pairsSql(table);
  const lock = facts.rights.has('UPDATE')
    ? `LOCK TABLE ${facts.sql} IN SHARE ROW EXCLUSIVE MODE;\n`
    : '';
  return `\n${comment(`As many rows of ${name} as when this was written have to be there.`)}${lock}${guard(
    `(${held}) <> ${quoteLiteral(now?.held ?? '')}`,
    `${name} does not hold what it held when this script was made: rows like those of the undo have come or gone since, or it ran before`,
  )}${lockBagSql(table)};
${chooseVictimsSql(table)};
${guard(`(SELECT count(*) FROM ${victims(table)}) < (SELECT count(*) FROM ${after})`, `rows of ${name} are not there any more`)}${
    pairing === null ? '' : `${pairing};\n`
  }`;
}

/** How many rows the table has that are equal to some of the undo, and which, in a few digits. */
function heldSql(table: StagedTable): string {
  const { before, after, facts } = table;
  const text = rowText(table, 's');
  return `SELECT count(*) || ' ' || COALESCE(sum(hashtextextended(${rowText(table, 't')} COLLATE "C", 0)), 0) AS held
    FROM ${facts.sql} t
    WHERE ${rowText(table, 't')} IN (SELECT ${text} FROM ${before} s UNION SELECT ${text} FROM ${after} s)`;
}

/** Rows that nobody expects must not be deleted along by a foreign key. */
async function* childrenOf(
  table: StagedTable,
  tables: StagedTables,
  staged: ReadonlySet<StagedTable>,
): AsyncGenerator<string> {
  const { facts } = table;
  for (const key of facts.foreignKeys) {
    const own = key.parent.schema === facts.schema && key.parent.name === facts.name;
    const found = own ? tables.find(key.child) : undefined;
    const child = found !== undefined && staged.has(found) ? found : undefined;
    const childFacts = own ? (found?.facts ?? (await tables.facts(key.child))) : null;
    if (childFacts === null) continue;
    const added = addedChildren(table, key, { facts: childFacts, child });
    if (added === null) continue;
    const name = qualifiedName(key.child);
    yield guard(`EXISTS (SELECT ${added})`, `${name} refers to rows that would go (${key.name})`);
  }
}

async function* sequencesOf(
  connection: UndoConnection,
  table: StagedTable,
): AsyncGenerator<string> {
  const known = new Set(table.columns.map(({ name }) => name));
  for (const sequence of await readSequences(connection, table)) {
    if (!known.has(sequence.column)) continue;
    const name = quoteLiteral(quoteTable(sequence));
    yield `SELECT setval(${name}::regclass, r.value) ${reachedSql(table, sequence)};\n`;
  }
}

function refuse(message: string): string {
  return guard('true', message);
}

function comment(text: string): string {
  return `-- ${text.replaceAll(/[\r\n]/g, ' ')}\n`;
}
