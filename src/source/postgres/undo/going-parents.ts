import { quoteIdentifier } from '../quote.ts';
import { pairs } from './bag-pairs.ts';
import { victims } from './check-rows.ts';
import { sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { ForeignKey } from './table-facts.ts';

/** `pg_constraint.confdeltype`: only checked, and when everything is in its place. */
const NO_ACTION = 'a';

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
 */
export function goingParents(table: StagedTable, key: ForeignKey): GoingParents | null {
  const known = new Set(table.columns.map(({ name }) => name));
  if (!key.parentColumns.every((name) => known.has(name))) return goingUnknown(table, key);
  const from = `${table.after} s`;
  const { deleteAction, updateAction } = key;
  const same = sameValues(table, key);
  const stays = `EXISTS (SELECT FROM ${table.before} b WHERE ${same})`;
  if (deleteAction === NO_ACTION && updateAction === NO_ACTION) {
    return { from, now: 's', where: `NOT ${stays}` };
  }
  const image = sameImage(key);
  if (table.key === null) {
    const where = `NOT EXISTS (SELECT FROM ${table.before} b WHERE ${same} AND ${image})`;
    return { from, now: 's', where };
  }
  const own = `SELECT FROM ${table.before} b WHERE ${sameKey(table, 'b', 's')}`;
  const gone = `NOT EXISTS (${own})`;
  const deletes = deleteAction === NO_ACTION ? `${gone} AND NOT ${stays}` : gone;
  const updates =
    updateAction === NO_ACTION
      ? `EXISTS (${own}) AND NOT ${stays}`
      : `EXISTS (${own} AND NOT ${image})`;
  return { from, now: 's', where: `(${deletes} OR ${updates})` };
}

/**
 * The same where the undo does not know the columns (the database computes them): only rows that go.
 * Null for a key that asks for the value alone, which nobody knows before it is written.
 */
function goingUnknown(table: StagedTable, { deleteAction }: ForeignKey): GoingParents | null {
  if (deleteAction === NO_ACTION) return null;
  const { after, before, facts } = table;
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

/** The referenced values of `b` and `s`, by the equality of the unique index behind the foreign key. */
function sameValues(table: StagedTable, { parentColumns }: ForeignKey): string {
  const parts = table.facts.uniqueIndexes.flatMap((index) => (index.exclusion ? [] : index.parts));
  return parentColumns
    .map((column) => {
      const name = quoteIdentifier(column);
      const operator = parts.find((part) => part.column === column)?.operator;
      return `b.${name} ${operator ?? 'OPERATOR(pg_catalog.=)'} s.${name}`;
    })
    .join(' AND ');
}

function sameImage({ parentColumns }: ForeignKey): string {
  const row = (alias: string): string =>
    `ROW(${parentColumns.map((name) => `${alias}.${quoteIdentifier(name)}`).join(', ')})::record`;
  return `${row('b')} OPERATOR(pg_catalog.*=) ${row('s')}`;
}
