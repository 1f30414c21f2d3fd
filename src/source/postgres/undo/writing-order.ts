import { quoteIdentifier } from '../quote.ts';
import type { ActedOn } from './acted-on.ts';
import { hasTurn, insertSql, type Part, partsOf, type RowCounts } from './apply.ts';
import { sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import { identityColumns } from './writable-columns.ts';

/** A statement that puts rows right which an action has removed or changed. */
export interface Repair {
  readonly table: StagedTable;
  readonly operation: 'insert' | 'update';
  readonly sql: string;
}

/** One statement for all parts, or one that is repeated until it finds nothing to do. */
export type Step = { readonly parts: readonly Part[] } | { readonly repairs: readonly Repair[] };

/** An order in which an undo is written. */
export interface WritingOrder {
  readonly steps: readonly Step[];
  /** Rows that the repairs put back which no action has removed, by table. */
  readonly missing: ReadonlyMap<StagedTable, number>;
}

/**
 * The orders to try, one after the other where the database refuses one or does more than was planned.
 *
 * Everything goes into one statement, so that foreign keys are checked when all rows are where they
 * belong. Where keys would act on rows that come back (see `acted-on.ts`), those tables, with the ones
 * that refer to them, are put right after all others: their parents then have what they had. Where
 * something else needs them before, rows that nothing refers to come after the one statement, and what
 * was acted on nevertheless is put right.
 */
export function writingOrders(
  written: readonly (readonly [StagedTable, RowCounts])[],
  acted: readonly ActedOn[],
): readonly [WritingOrder, ...WritingOrder[]] {
  const parts = partsOf(written);
  if (acted.length === 0) return [{ steps: steps([{ parts }]), missing: new Map() }];
  const late = lateTables(acted);
  const isLate = ({ table, operation }: Part): boolean => operation === 'insert' && late.has(table);
  const repairs = acted.flatMap(({ table, columns }) => repairsOf(table, columns));
  const together: WritingOrder = {
    steps: steps([
      { parts: parts.filter((part) => !isLate(part)) },
      { parts: parts.filter(isLate) },
      { repairs },
    ]),
    missing: new Map(),
  };
  return [afterwards(parts, postponedTables(written, acted)), together];
}

function afterwards(parts: readonly Part[], postponed: ReadonlySet<StagedTable>): WritingOrder {
  const comesAfter = ({ table, operation }: Part): boolean =>
    postponed.has(table) && operation !== 'delete';
  const after = parts.filter(comesAfter);
  const inserts = after.filter(
    ({ table, operation }) => table.key !== null && operation === 'insert',
  );
  const repairs = [...postponed].flatMap((table) =>
    repairsOf(
      table,
      table.columns.map(({ name }) => name),
    ),
  );
  return {
    steps: steps([
      { parts: parts.filter((part) => !comesAfter(part)) },
      { repairs },
      { parts: after.filter(({ table }) => table.key === null) },
      { repairs },
    ]),
    missing: new Map(inserts.map(({ table, expected }) => [table, expected])),
  };
}

function steps(all: readonly Step[]): readonly Step[] {
  return all.filter((step) => ('parts' in step ? step.parts : step.repairs).length > 0);
}

/**
 * Tables whose rows are put back after everything else, so that no action finds them. Nothing refers
 * to their rows, so that nothing can miss them until then.
 */
function lateTables(acted: readonly ActedOn[]): ReadonlySet<StagedTable> {
  const leaves = acted.filter(
    ({ table: { facts, replaced } }) =>
      replaced === 0 &&
      !facts.foreignKeys.some(
        ({ parent }) => parent.schema === facts.schema && parent.name === facts.name,
      ),
  );
  return new Set(leaves.map(({ table }) => table));
}

/** The tables that are acted on, and those that refer to them, directly or through others. */
export function postponedTables(
  written: readonly (readonly [StagedTable, RowCounts])[],
  acted: readonly ActedOn[],
): ReadonlySet<StagedTable> {
  const found = new Set(acted.map(({ table }) => table));
  for (const table of found) {
    const { schema, name } = table.facts;
    for (const [child] of written) {
      const refers = child.facts.foreignKeys.some(
        (key) =>
          key.parent.schema === schema &&
          key.parent.name === name &&
          key.child.schema === child.facts.schema &&
          key.child.name === child.facts.name,
      );
      // A set hands out what is added while it is gone through.
      if (refers) found.add(child);
    }
  }
  return found;
}

/**
 * Rows without a key, and values in columns added since, cannot be put right, nor can what a rule would
 * make something else of (PostgreSQL has no rules within one statement): that shows at the end.
 */
function repairsOf(table: StagedTable, columns: readonly string[]): readonly Repair[] {
  if (table.key === null) return [];
  const { before, facts } = table;
  const ruled = new Set(facts.constraints.rules.map(({ operation }) => operation));
  const repairs: Repair[] = [];
  const known = new Set(table.columns.map(({ name }) => name));
  const fixed = new Set(identityColumns(table));
  const set = columns
    .filter((name) => known.has(name) && !fixed.has(name))
    .map((name) => ({ now: quoteIdentifier(name), was: table.staged('s', name) }));
  if (set.length > 0 && !ruled.has('update')) {
    const now = `ROW(${set.map((column) => `t.${column.now}`).join(', ')})::record`;
    const was = `ROW(${set.map((column) => column.was).join(', ')})::record`;
    for (let turn = 0; turn <= table.turns.length; turn++) {
      repairs.push({
        table,
        operation: 'update',
        sql: `UPDATE ${facts.sql} t SET ${set.map((column) => `${column.now} = ${column.was}`).join(', ')}
          FROM ${before} s WHERE ${sameKey(table, 't', 's')}
            AND NOT ${now} OPERATOR(pg_catalog.*=) ${was} AND ${hasTurn(table, turn)}`,
      });
    }
  }
  // After the updates, which give up the unique values that these need.
  if (table.addedColumns.length === 0 && !ruled.has('insert')) {
    const gone = `NOT EXISTS (SELECT FROM ${facts.sql} t WHERE ${sameKey(table, 't', 's')})`;
    repairs.push({ table, operation: 'insert', sql: insertSql(table, gone) });
  }
  return repairs;
}
