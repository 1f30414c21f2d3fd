import { quoteIdentifier } from '../quote.ts';
import { pairs } from './bag-pairs.ts';
import { victims } from './check-rows.ts';
import { knowsAll, withGenerated } from './generated-columns.ts';
import { notInPlace } from './in-place.ts';
import { noRow, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import { rowsIn } from './partition-rows.ts';

/** `pg_constraint.confdeltype`: only checked, and when everything is in its place. */
export const NO_ACTION = 'a';

/** Rows that a foreign key sees go, or get other values: what follows FROM, and their condition. */
export interface GoingParents {
  readonly from: string;
  /** The alias of the row as it is now. */
  readonly now: string;
  readonly where: string;
}

/**
 * Rows of the table that the foreign key acts on, or would miss. A key that only checks asks whether
 * the *value* is there at the end, whoever has it. One that acts (deletes or changes children, or
 * refuses at once) asks what becomes of the *row*, also when another row has the value by then, and
 * takes a value that is written another way (1.0 and 1.00) for another one.
 *
 * @param options.compute whether columns that the database computes may be computed, which can call
 * functions, see `evaluate`; else of a table that is referred to by such columns only rows that go are
 * found.
 */
export function goingParents(
  table: StagedTable,
  key: ForeignKey,
  { compute = false }: { readonly compute?: boolean } = {},
): GoingParents | null {
  const known = new Set(table.columns.map(({ name }) => name));
  const computed = !key.parentColumns.every((name) => known.has(name));
  if (computed && !(compute && knowsAll(table))) return goingUnknown(table, key);
  const rows = (side: string): string =>
    rowsIn(computed ? withGenerated(table, side) : side, key.parentPartition);
  const [after, before] = [rows(table.after), rows(table.before)];
  // One that gets another key where it is keeps what is referred to.
  const stands = after === table.after ? notInPlace(table, 's', 'gone') : 'true';
  const { deleteAction, updateAction } = key;
  const stays = `EXISTS (SELECT FROM ${before} v WHERE ${sameValues(table, key)})`;
  if (deleteAction === NO_ACTION && updateAction === NO_ACTION) {
    return { from: `${after} s`, now: 's', where: `NOT ${stays}` };
  }
  if (table.key === null) {
    const where = `NOT EXISTS (SELECT FROM ${before} v WHERE ${sameValues(table, key)} AND ${sameImage(key, 'v')})`;
    return { from: `${after} s`, now: 's', where };
  }
  // Joined, because a condition per row would look through all of them for each.
  const gone = noRow(table, 'b');
  const deletes = deleteAction === NO_ACTION ? `${gone} AND NOT ${stays}` : gone;
  const changed = updateAction === NO_ACTION ? `NOT ${stays}` : `NOT (${sameImage(key, 'b')})`;
  return {
    from: `${after} s LEFT JOIN ${before} b ON ${sameKey(table, 'b', 's')}`,
    now: 's',
    where: `(${deletes} OR (NOT ${gone} AND ${changed})) AND ${stands}`,
  };
}

/**
 * The same where the undo does not know the columns (the database computes them): only rows that go.
 * Null for a key that asks for the value alone, which nobody knows before it is written.
 */
function goingUnknown(
  table: StagedTable,
  { deleteAction, parentPartition }: ForeignKey,
): GoingParents | null {
  if (deleteAction === NO_ACTION) return null;
  const { before, facts } = table;
  const after = rowsIn(table.after, parentPartition);
  if (table.key !== null) {
    return {
      from: `${after} s JOIN ${facts.sql} p ON ${sameKey(table, 'p', 's')}`,
      now: 'p',
      where: `NOT EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 's')})`,
    };
  }
  const stays =
    table.paired === 0
      ? 'true'
      : `NOT EXISTS (SELECT FROM ${pairs(table)} x WHERE x.tid = v.tid AND x.rel = v.rel)`;
  return {
    from: `${victims(table)} v JOIN ${facts.sql} p ON p.ctid = v.tid AND p.tableoid = v.rel`,
    now: 'p',
    where: stays,
  };
}

/** The same referenced values in `v` and `s`, by the equality of the unique index behind the foreign key. */
function sameValues(table: StagedTable, { parentColumns }: ForeignKey): string {
  const parts = table.facts.uniqueIndexes.flatMap((index) => (index.exclusion ? [] : index.parts));
  return parentColumns
    .map((column) => {
      const name = quoteIdentifier(column);
      const part = parts.find((each) => each.column === column);
      const collation = part?.collation ?? null;
      const equal = `v.${name} ${part?.operator ?? 'OPERATOR(pg_catalog.=)'} s.${name}`;
      return collation === null ? equal : `${equal} COLLATE ${collation}`;
    })
    .join(' AND ');
}

function sameImage({ parentColumns }: ForeignKey, other: string): string {
  const row = (alias: string): string =>
    `ROW(${parentColumns.map((name) => `${alias}.${quoteIdentifier(name)}`).join(', ')})::record`;
  return `${row(other)} OPERATOR(pg_catalog.*=) ${row('s')}`;
}
