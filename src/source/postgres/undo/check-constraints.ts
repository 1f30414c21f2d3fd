import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import { withGenerated } from './generated-columns.ts';
import type { UniqueIndex } from './index-facts.ts';
import { rowsIn } from './partition-rows.ts';
import { keyOf, keyTexts, rowText, sameKey, textsOf } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** All tables of the undo, to see which of the rows in a constraint's way go or come with it. */
export interface Staged {
  find(table: { readonly schema: string; readonly name: string }): StagedTable | undefined;
  /** Facts of a table that is not part of the undo; null when there is none or it may not be read. */
  facts(table: { readonly schema: string; readonly name: string }): Promise<TableFacts | null>;
}

/** Rows of the table with a value that a row of the undo needs, and that stay. */
export async function checkUnique(
  connection: UndoConnection,
  table: StagedTable,
  index: UniqueIndex,
): Promise<void> {
  const { before, after, place, facts } = table;
  if (table.key === null || index === facts.key) return;
  const sql = `INSERT INTO pg_temp.undo_conflict (place, reason, key, cause, detail)
     SELECT ${place}, 'unique-taken', ${keyTexts(table, 's')},
       ${causeJson(facts, keyOf(table), keyTexts(table, 't'))}, ${quoteLiteral(index.name)}
     FROM ${indexRows(table, index, before)} s
     JOIN ${indexRows(table, index, facts.sql)} t ON ${indexValuesEqual(index, 's', 't')}
     WHERE NOT (${sameKey(table, 's', 't')})
       AND NOT EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 't')})`;
  await evaluate(connection, index, sql);
}

/**
 * Runs a statement that evaluates an index's expressions: functions that somebody made find what they
 * name where the role's own sessions do, as they would while rows are written.
 */
export function evaluate(
  connection: UndoConnection,
  { callsFunctions }: { readonly callsFunctions: boolean },
  sql: string,
): Promise<number> {
  return callsFunctions ? connection.runWithOwnSearchPath(sql) : connection.run(sql);
}

/** The key and the index's values of the rows of a table that are in the index. */
export function indexRows(
  table: StagedTable,
  { parts, predicate, partition }: UniqueIndex,
  from: string,
): string {
  const key = keyOf(table).map(({ column }) => quoteIdentifier(column));
  const values = parts.map(({ expression }, at) => `(${expression}) AS undo_value_${at}`);
  const where = predicate === null ? '' : `WHERE ${predicate}`;
  const rows = from === table.facts.sql ? from : withGenerated(table, from);
  return `(SELECT ${[...key, ...values].join(', ')} FROM ${rowsIn(rows, partition)} undo_row ${where})`;
}

/** True for two of {@link indexRows} that the index would not have side by side. */
export function indexValuesEqual(
  { parts, nullsNotDistinct }: UniqueIndex,
  left: string,
  right: string,
): string {
  return parts
    .map(({ operator, collation }, at) => {
      const [one, other] = [`${left}.undo_value_${at}`, `${right}.undo_value_${at}`];
      const equal = `${one} ${operator} ${other}${collation === null ? '' : ` COLLATE ${collation}`}`;
      return nullsNotDistinct ? `(${equal} OR (${one} IS NULL AND ${other} IS NULL))` : equal;
    })
    .join(' AND ');
}

/** Rows that come back, or get an earlier reference again, and whose parent will not be there. */
export async function checkParents(
  connection: UndoConnection,
  table: StagedTable,
  key: ForeignKey,
  staged: Staged,
): Promise<void> {
  const { before, place } = table;
  const known = new Set(table.columns.map(({ name }) => name));
  if (!key.childColumns.every((name) => known.has(name))) return;
  const parent = staged.find(key.parent);
  const facts = parent?.facts ?? (await staged.facts(key.parent));
  if (facts === null) return;
  const refers = fkEquals(key, 'r', 's');
  const stays =
    parent === undefined || parent.key === null
      ? ''
      : `AND NOT EXISTS (SELECT FROM ${parent.after} a WHERE ${sameKey(parent, 'a', 'r')})`;
  const comesBack =
    parent === undefined
      ? ''
      : `AND NOT EXISTS (SELECT FROM ${rowsIn(parent.before, key.parentPartition)} r WHERE ${refers})`;
  const present = `SELECT FROM ${rowsIn(facts.sql, key.parentPartition)} r WHERE ${refers}`;
  const given = key.childColumns.map((name) => `s.${quoteIdentifier(name)} IS NOT NULL`);
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key, cause, detail)
     SELECT ${place}, 'parent-missing', ${table.key === null ? 'NULL' : keyTexts(table, 's')},
       pg_catalog.json_build_object('schema', ${quoteLiteral(facts.schema)}, 'name', ${quoteLiteral(facts.name)},
         'columns', pg_catalog.to_json(ARRAY[${key.parentColumns.map(quoteLiteral).join(', ')}]),
         'key', pg_catalog.to_json(${textsOf(key.childColumns, 's')})), ${quoteLiteral(key.name)}
     FROM ${rowsIn(before, key.childPartition)} s
     WHERE ${given.join(' AND ')} AND NOT EXISTS (${present} ${stays}) ${comesBack}
       ${key.validated || table.key === null ? '' : `AND NOT (${refersAlready(table, key)} AND NOT EXISTS (${present}))`}`,
  );
}

/** True for a row `s` whose reference the undo leaves as it is: the database does not ask about it. */
function refersAlready(table: StagedTable, key: ForeignKey): string {
  const names = key.childColumns.map((name) => quoteIdentifier(name));
  const row = (alias: string): string =>
    `ROW(${names.map((name) => `${alias}.${name}`).join(', ')})::record`;
  return `EXISTS (SELECT FROM ${rowsIn(table.after, key.childPartition)} a
    WHERE ${sameKey(table, 'a', 's')} AND ${row('a')} OPERATOR(pg_catalog.*=) ${row('s')})`;
}

/** Actions by which children are deleted or changed along with a parent that goes, seen or not. */
const ACTS: ReadonlySet<string> = new Set(['c', 'n', 'd']);

/** Rows outside of the undo that refer to a row that goes, or that gets another key. */
export async function checkChildren(
  connection: UndoConnection,
  table: StagedTable,
  key: ForeignKey,
  staged: Staged,
): Promise<void> {
  const { place } = table;
  if (table.key === null) return;
  const child = staged.find(key.child);
  const facts = child?.facts ?? (await staged.facts(key.child));
  if (facts === null) {
    const detail = `${key.child.schema}.${key.child.name} refers to it, and may not be read`;
    table.problem('no-privilege', detail);
    return;
  }
  if (facts.rowSecurity && ACTS.has(key.deleteAction)) {
    const hidden = quoteLiteral(`${key.child.schema}.${key.child.name}`);
    await connection.run(
      `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail)
       SELECT ${place}, 'row-hidden', ${keyTexts(table, 's')}, ${hidden}
       FROM ${rowsIn(table.after, key.parentPartition)} s WHERE ${parentGoes(table, key)}`,
    );
  }
  const causeKey = facts.key?.parts.flatMap(({ column }) => (column === null ? [] : [column]));
  const cause =
    causeKey === undefined
      ? 'NULL'
      : causeJson(
          facts,
          causeKey.map((column) => ({ column })),
          textsOf(causeKey, 'r'),
        );
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key, cause, detail)
     SELECT ${place}, 'child-added', ${keyTexts(table, 's')}, ${cause}, ${quoteLiteral(key.name)}
     ${addedChildren(table, key, { facts, child })}`,
  );
}

/** Rows `r` that refer to rows `s` that go, and that are not part of the undo. */
export function addedChildren(
  table: StagedTable,
  key: ForeignKey,
  { facts, child }: { readonly facts: TableFacts; readonly child: StagedTable | undefined },
): string {
  return `FROM ${rowsIn(table.after, key.parentPartition)} s
    JOIN ${rowsIn(facts.sql, key.childPartition)} r ON ${fkEquals(key, 's', 'r')}
    WHERE ${parentGoes(table, key)}
      ${child === undefined ? '' : `AND NOT ${isStaged(child)}`}`;
}

/** True for a row `s` that goes, or that gets another key. */
function parentGoes(table: StagedTable, key: ForeignKey): string {
  const sameParent = key.parentColumns
    .map((name) => quoteIdentifier(name))
    .map((name, at) => `b.${name} ${parentOperator(table, key, at)} s.${name}`);
  return `NOT EXISTS (SELECT FROM ${rowsIn(table.before, key.parentPartition)} b
    WHERE ${sameParent.join(' AND ')})`;
}

/** True for a row `r` of a table that the undo removes or changes. */
function isStaged(child: StagedTable): string {
  return child.key === null
    ? `EXISTS (SELECT FROM ${child.after} a WHERE ${rowText(child, 'a')} = ${rowText(child, 'r')})`
    : `EXISTS (SELECT FROM ${child.after} a WHERE ${sameKey(child, 'a', 'r')})`;
}

/** Parent = child, column by column. */
export function fkEquals(key: ForeignKey, parent: string, child: string): string {
  return key.operators
    .map((operator, at) => {
      const collation = key.collations[at] ?? null;
      const left = `${parent}.${quoteIdentifier(key.parentColumns[at] ?? '')}`;
      const right = `${child}.${quoteIdentifier(key.childColumns[at] ?? '')}`;
      return `${left} ${operator} ${right}${collation === null ? '' : ` COLLATE ${collation}`}`;
    })
    .join(' AND ');
}

/** Equality of a referenced column with itself: that of the unique index behind the foreign key. */
function parentOperator(table: StagedTable, key: ForeignKey, at: number): string {
  const column = key.parentColumns[at];
  const parts = table.facts.uniqueIndexes.flatMap((index) => (index.exclusion ? [] : index.parts));
  return parts.find((part) => part.column === column)?.operator ?? 'OPERATOR(pg_catalog.=)';
}

function causeJson(
  facts: TableFacts,
  key: readonly { readonly column: string }[],
  texts: string,
): string {
  const columns = key.map(({ column }) => quoteLiteral(column)).join(', ');
  return `pg_catalog.json_build_object('schema', ${quoteLiteral(facts.schema)}, 'name', ${quoteLiteral(facts.name)},
    'columns', pg_catalog.to_json(ARRAY[${columns}]::pg_catalog.text[]), 'key', pg_catalog.to_json(${texts}))`;
}
