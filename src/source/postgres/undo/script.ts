import type { Cell } from '../../../change/row-images.ts';
import { qualifiedName } from '../../../change/table.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import { partsOf, type RowCounts, writeAllSql } from './apply.ts';
import { addedChildren } from './check-constraints.ts';
import { addedValues, chooseVictimsSql, lockBagSql, lockRowsSql, victims } from './check-rows.ts';
import { isComplete } from './check-table.ts';
import { replacedSql } from './find-replaced.ts';
import { tellRetyped } from './retyped-notes.ts';
import { keyTexts, noRow, sameKey, sameRow } from './row-sql.ts';
import { readSequences, reachedSql } from './sequences.ts';
import type { StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Rows of one INSERT statement, at most: so many that a person can still find the one that fails. */
const ROWS = 100;

/** The settings under which the texts of the log mean what they meant (`connect.ts`). */
const SETTINGS = [
  `search_path = pg_catalog`,
  `datestyle = 'ISO, YMD'`,
  `intervalstyle = postgres`,
  `timezone = 'UTC'`,
  `extra_float_digits = 1`,
  `bytea_output = hex`,
  `xmloption = content`,
  `standard_conforming_strings = on`,
  `client_encoding = 'UTF8'`,
  `lock_timeout = '10s'`,
];

export interface ScriptOptions {
  readonly context: string;
  readonly title: string;
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
  { context, title }: ScriptOptions,
): AsyncGenerator<string> {
  yield [
    comment(`Undo of ${title}`).trimEnd(),
    '-- Run it with: psql --set ON_ERROR_STOP=1 --file FILE',
    '-- Everything is one transaction. Each step checks what it finds; when it is not what the undo',
    '-- expects, it raises an error, and nothing is changed.',
    '',
    'BEGIN ISOLATION LEVEL READ COMMITTED;',
    "SELECT pg_catalog.set_config('tidings.search_path', pg_catalog.current_setting('search_path'), true);",
    ...SETTINGS.map((setting) => `SET LOCAL ${setting};`),
    `SELECT pg_logical_emit_message(true, 'tidings', ${quoteLiteral(context)});`,
    '',
  ].join('\n');
  for (const table of tables.missing) yield refuse(`${qualifiedName(table)} is not there`);
  for (const [table, { insert, update, delete: deleted }] of counts) {
    if (insert + update + deleted === 0) continue;
    const name = qualifiedName(table.facts);
    yield `\n${comment(`${name}: ${insert} to put back, ${update} to change back, ${deleted} to remove`)}`;
    for (const { reason, detail } of table.problems.values()) yield refuse(`${reason}: ${detail}`);
    for (const told of await tellRetyped(connection, table)) yield refuse(told);
    yield* rowsOf(connection, table, table.before);
    yield* rowsOf(connection, table, table.after);
    table.scripted = true;
  }
  for (const table of counts.keys()) yield checksOf(table);
  for (const table of counts.keys()) yield* childrenOf(table, tables);
  yield `\n-- Triggers find their tables where the role's own sessions do.
SELECT set_config('search_path', current_setting('tidings.search_path'), true);\n`;
  yield writing([...counts]);
  yield '\nSET CONSTRAINTS ALL IMMEDIATE;\nSET LOCAL search_path = pg_catalog;\n';
  for (const [table, { insert }] of counts) {
    if (insert > 0) yield* sequencesOf(connection, table);
  }
  yield '\nCOMMIT;\n';
}

/** A temporary table and its rows. */
async function* rowsOf(
  connection: UndoConnection,
  table: StagedTable,
  name: string,
): AsyncGenerator<string> {
  const names = table.columns.map(({ name: column }) => quoteIdentifier(column)).join(', ');
  yield `CREATE TEMPORARY TABLE ${name.replace('pg_temp.', '')} ON COMMIT DROP AS
  SELECT ${names} FROM ${table.facts.sql} WITH NO DATA;\n`;
  const values = table.columns.map(({ name: column }) => table.staged('s', column)).join(', ');
  const select = `SELECT ${values} FROM ${name} s ORDER BY s.${table.offset}`;
  for await (const page of connection.pages(select)) {
    for (let at = 0; at < page.length; at += ROWS) {
      const rows = page.slice(at, at + ROWS).map((cells) => `  (${cells.map(literal).join(', ')})`);
      yield `INSERT INTO ${name} (${names}) VALUES\n${rows.join(',\n')};\n`;
    }
  }
}

function literal(cell: Cell): string {
  return cell === null || cell === undefined ? 'NULL' : quoteLiteral(cell);
}

/** Locks the rows and compares them. */
function checksOf(table: StagedTable): string {
  const name = qualifiedName(table.facts);
  const { before, after, facts } = table;
  if (table.key === null) {
    return `\n${comment(`As many rows of ${name} as are to be removed have to be there.`)}${lockBagSql(table)};
${chooseVictimsSql(table)};
${guard(`(SELECT count(*) FROM ${victims(table)}) < (SELECT count(*) FROM ${after})`, `rows of ${name} are not there any more`)}`;
  }
  const replaced =
    table.replaced > 0 ? replacedSql(table, (index) => isComplete(table, index)) : null;
  const now = `${facts.sql} t ON ${sameKey(table, 't', 's')}`;
  const fresh = `NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})`;
  return `\n${comment(`The rows of ${name} have to be what the changes left.`)}${lockRowsSql(table)};
${guardRow(
  `SELECT ${keyTexts(table, 's')} FROM ${after} s LEFT JOIN ${now}
   WHERE ${noRow(table, 't')} OR NOT ${sameRow(table, 't', 's')}`,
  `${name.replaceAll('%', '%%')} % was changed later`,
)}${guardRow(
    `SELECT ${keyTexts(table, 's')} FROM ${before} s JOIN ${now} WHERE ${fresh}`,
    `${name.replaceAll('%', '%%')} % is there again`,
  )}${
    table.addedColumns.length === 0
      ? ''
      : guardRow(
          `SELECT ${keyTexts(table, 's')} ${addedValues(table)}`,
          `${name.replaceAll('%', '%%')} % has values in columns that were added since`,
        )
  }${replaced === null ? '' : `${replaced};\n`}`;
}

/** Rows that nobody expects must not be deleted along by a foreign key. */
async function* childrenOf(table: StagedTable, tables: StagedTables): AsyncGenerator<string> {
  const { facts } = table;
  const columns = new Set(table.columns.map(({ name }) => name));
  if (table.key === null) return;
  for (const key of facts.foreignKeys) {
    const own = key.parent.schema === facts.schema && key.parent.name === facts.name;
    if (!own || !key.parentColumns.every((name) => columns.has(name))) continue;
    const child = tables.find(key.child);
    const childFacts = child?.facts ?? (await tables.facts(key.child));
    if (childFacts === null) continue;
    const found = `EXISTS (SELECT ${addedChildren(table, key, { facts: childFacts, child })})`;
    yield guard(found, `${qualifiedName(key.child)} refers to rows that would go (${key.name})`);
  }
}

function writing(tables: readonly (readonly [StagedTable, RowCounts])[]): string {
  const parts = partsOf(tables);
  if (parts.length === 0) return '';
  const expected = parts.map(({ expected: rows }) => rows).join(', ');
  return `\n-- All of it in one statement, so that foreign keys are checked when every row is in its place.
${doBlock(`DECLARE
  expected integer[] := ARRAY[${expected}];
  written record;
BEGIN
  FOR written IN
${writeAllSql(parts)}
  LOOP
    IF written.affected <> expected[written.part + 1] THEN
      RAISE EXCEPTION 'part % of the undo affected % rows and should have affected %',
        written.part, written.affected, expected[written.part + 1];
    END IF;
  END LOOP;
END`)}`;
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

function guard(condition: string, message: string): string {
  const text = quoteLiteral(message.replaceAll('%', '%%'));
  return doBlock(`BEGIN
  IF ${condition} THEN RAISE EXCEPTION ${text}; END IF;
END`);
}

/** @param message with a % for the key of the first row that is found. */
function guardRow(select: string, message: string): string {
  return doBlock(`DECLARE found text[]; BEGIN
  FOR found IN ${select} LIMIT 1 LOOP RAISE EXCEPTION ${quoteLiteral(message)}, found; END LOOP;
END`);
}

function refuse(message: string): string {
  return guard('true', message);
}

/** Names of tables and columns are somebody else's: they must not end the block they are in. */
function doBlock(body: string): string {
  let tag = '$undo$';
  while (body.includes(tag)) tag = tag.replace(/\$$/, '_$');
  return `DO ${tag}\n${body} ${tag};\n`;
}

function comment(text: string): string {
  return `-- ${text.replaceAll(/[\r\n]/g, ' ')}\n`;
}
