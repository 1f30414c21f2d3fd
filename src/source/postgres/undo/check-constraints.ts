import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import { fkEquals, isRemoved } from './foreign-key-sql.ts';
import { hasGenerated, knows, withGenerated } from './generated-columns.ts';
import { goingParents, NO_ACTION } from './going-parents.ts';
import type { UniqueIndex } from './index-facts.ts';
import { rowsIn } from './partition-rows.ts';
import { isGiven, isNull } from './null-sql.ts';
import { isCovered, uncoveredChildren } from './period-keys.ts';
import { keyOf, keyTexts, rowText, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { TableFacts } from './table-facts.ts';
import { textsOf } from './texts-of.ts';
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
      return nullsNotDistinct ? `(${equal} OR (${isNull(one)} AND ${isNull(other)}))` : equal;
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
  const { place } = table;
  if (!knows(table, key.childColumns)) return;
  const parent = staged.find(key.parent);
  if (parent !== undefined && !knows(parent, key.parentColumns)) return;
  const facts = parent?.facts ?? (await staged.facts(key.parent));
  if (facts === null) return;
  const { now, afterwards } = parentOf(key, facts, parent);
  const given = key.childColumns.map((name) => isGiven(`s.${quoteIdentifier(name)}`));
  const sql = `INSERT INTO pg_temp.undo_conflict (place, reason, key, cause, detail)
     SELECT ${place}, 'parent-missing', ${table.key === null ? 'NULL' : keyTexts(table, 's')},
       pg_catalog.json_build_object('schema', ${quoteLiteral(facts.schema)}, 'name', ${quoteLiteral(facts.name)},
         'columns', pg_catalog.to_json(ARRAY[${key.parentColumns.map(quoteLiteral).join(', ')}]),
         'key', pg_catalog.to_json(${textsOf(key.childColumns, 's')})), ${quoteLiteral(key.name)}
     FROM ${rowsIn(withGenerated(table, table.before), key.childPartition)} s
     WHERE ${given.join(' AND ')} AND NOT ${afterwards}
       ${key.validated || table.key === null ? '' : `AND NOT (${refersAlready(table, key)} AND NOT ${now})`}`;
  const computes = [table, parent].some((each) => each !== undefined && hasGenerated(each));
  await evaluate(connection, { callsFunctions: computes }, sql);
}

/** True for a row `s` whose parent is there now, and for one whose parent will be there after the undo. */
function parentOf(
  key: ForeignKey,
  facts: TableFacts,
  parent: StagedTable | undefined,
): { readonly now: string; readonly afterwards: string } {
  if (key.period) {
    const whole = { facts, staged: parent };
    return {
      now: isCovered(key, whole, 's', 'now'),
      afterwards: isCovered(key, whole, 's', 'after the undo'),
    };
  }
  const refers = fkEquals(key, 'r', 's');
  const present = `SELECT FROM ${rowsIn(facts.sql, key.parentPartition)} r WHERE ${refers}`;
  const now = `EXISTS (${present})`;
  if (parent === undefined) return { now, afterwards: now };
  const comesBack = `EXISTS (SELECT FROM ${rowsIn(withGenerated(parent, parent.before), key.parentPartition)} r WHERE ${refers})`;
  return {
    now,
    afterwards: `(EXISTS (${present} AND NOT ${isRemoved(parent, 'r')}) OR ${comesBack})`,
  };
}

/** True for a row `s` whose reference the undo leaves as it is: the database does not ask about it. */
function refersAlready(table: StagedTable, key: ForeignKey): string {
  const names = key.childColumns.map((name) => quoteIdentifier(name));
  const row = (alias: string): string =>
    `ROW(${names.map((name) => `${alias}.${name}`).join(', ')})::record`;
  return `EXISTS (SELECT FROM ${rowsIn(withGenerated(table, table.after), key.childPartition)} a
    WHERE ${sameKey(table, 'a', 's')} AND ${row('a')} OPERATOR(pg_catalog.*=) ${row('s')})`;
}

/** Actions by which children are deleted or changed along with a parent that goes, seen or not. */
export const ACTS: ReadonlySet<string> = new Set(['c', 'n', 'd']);
/** Refuses at once, also when another row has the value by the end of the statement. */
const RESTRICTS = 'r';

/** Rows outside of the undo that refer to a row that goes, or that gets another key. */
export async function checkChildren(
  connection: UndoConnection,
  table: StagedTable,
  key: ForeignKey,
  staged: Staged,
): Promise<void> {
  const { place } = table;
  const going = goingParents(table, key, { compute: true });
  if (going === null) return;
  const evaluates = { callsFunctions: hasGenerated(table) };
  const child = staged.find(key.child);
  const facts = child?.facts ?? (await staged.facts(key.child));
  if (facts === null) {
    const detail = `${key.child.schema}.${key.child.name} refers to it, and may not be read`;
    table.problem('no-privilege', detail);
    return;
  }
  const row = table.key === null ? 'NULL' : keyTexts(table, 's');
  if (facts.rowSecurity && (ACTS.has(key.deleteAction) || ACTS.has(key.updateAction))) {
    const hidden = quoteLiteral(`${key.child.schema}.${key.child.name}`);
    const sql = `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail)
       SELECT ${place}, 'row-hidden', ${row}, ${hidden} FROM ${going.from} WHERE ${going.where}`;
    await evaluate(connection, evaluates, sql);
  }
  const added = addedChildren(table, key, { facts, child }, going);
  const restored = child === undefined ? null : restrictedChildren(table, key, child);
  for (const found of [added, restored]) {
    if (found === null) continue;
    const sql = `INSERT INTO pg_temp.undo_conflict (place, reason, key, cause, detail)
       SELECT ${place}, 'child-added', ${row}, ${causeOf(facts)}, ${quoteLiteral(key.name)} ${found}`;
    await evaluate(connection, evaluates, sql);
  }
}

/** Rows `r` that refer to rows that go, and that are not part of the undo; what follows a SELECT. */
export function addedChildren(
  table: StagedTable,
  key: ForeignKey,
  { facts, child }: { readonly facts: TableFacts; readonly child: StagedTable | undefined },
  going = goingParents(table, key),
): string | null {
  if (going === null) return null;
  if (key.period) {
    return uncoveredChildren(table, key, facts.sql, child === undefined ? null : isStaged(child));
  }
  return `FROM ${going.from} JOIN ${rowsIn(facts.sql, key.childPartition)} r ON ${fkEquals(key, going.now, 'r')}
    WHERE ${going.where} ${child === undefined ? '' : `AND NOT ${isStaged(child)}`}`;
}

/**
 * Rows `r` that come back with a value that a row `s` gives up and another one has by then; what
 * follows a SELECT. Null when the undo does not know their values.
 */
export function restoredChildren(
  table: StagedTable,
  key: ForeignKey,
  child: StagedTable,
  going = goingParents(table, key),
): string | null {
  const known = new Set(child.columns.map(({ name }) => name));
  if (going === null || !key.childColumns.every((name) => known.has(name))) return null;
  return `FROM ${going.from} JOIN ${rowsIn(child.before, key.childPartition)} r ON ${fkEquals(key, going.now, 'r')}
    WHERE ${going.where}`;
}

/**
 * The same for a foreign key that refuses at once. One that refuses to let a row go, and follows one
 * that changes, finds none of them: they are written after the others then, see `acted-on.ts`.
 */
function restrictedChildren(
  table: StagedTable,
  key: ForeignKey,
  child: StagedTable,
): string | null {
  const { deleteAction, updateAction } = key;
  const onDelete = deleteAction === RESTRICTS && !ACTS.has(updateAction);
  if (!onDelete && updateAction !== RESTRICTS) return null;
  const restricts = {
    ...key,
    deleteAction: onDelete ? RESTRICTS : NO_ACTION,
    updateAction: updateAction === RESTRICTS ? RESTRICTS : NO_ACTION,
  };
  const going = goingParents(table, restricts, { compute: true });
  return restoredChildren(table, key, child, going);
}

/** True for a row `r` of a table that the undo removes or changes. */
export function isStaged(child: StagedTable): string {
  return child.key === null
    ? `EXISTS (SELECT FROM ${child.after} a WHERE ${rowText(child, 'a')} = ${rowText(child, 'r')})`
    : `EXISTS (SELECT FROM ${child.after} a WHERE ${sameKey(child, 'a', 'r')})`;
}

/** The row `r` of a table as a cause; null for a table without a key. */
function causeOf(facts: TableFacts): string {
  const key = facts.key?.parts.flatMap(({ column }) => (column === null ? [] : [column]));
  if (key === undefined) return 'NULL';
  return causeJson(
    facts,
    key.map((column) => ({ column })),
    textsOf(key, 'r'),
  );
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
