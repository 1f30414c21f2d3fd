import { quoteIdentifier } from '../quote.ts';
import type { ColumnFacts, TableFacts } from './table-facts.ts';

/**
 * How rows are staged that have no room for anything beside them: a table has 1,600 columns at most,
 * and of a row what cannot be stored apart has to fit into a page. The columns go into a few composite
 * values, which can be stored apart; a view shows them one by one, so that it reads like any other
 * staged table, and can be deleted from.
 */
export interface WideRows {
  /** Names of columns, by the composite they are in. */
  readonly groups: readonly (readonly string[])[];
  /** Those of the last group that the view has no room for: they are read from their composite. */
  readonly hidden: ReadonlySet<string>;
}

/** How many columns a table or a view can have (`MaxHeapAttributeNumber`). */
const MOST_COLUMNS = 1_600;
/** The view has the row's place and its offset before the columns, and the last group behind them. */
const BESIDE = 3;
/** What is left of a page of 8 kB for one row. */
const PAGE = 8_160;
/** The row's own header, the offset, and what alignment can take. */
const HEADER = 24 + 8 + 8;
/** A composite of that many columns is small enough to stay in the row, and quick to read from. */
const GROUP = 100;

/** Null for the tables that there are: their rows have room. */
export function wideRows(facts: TableFacts, staged: readonly string[]): WideRows | null {
  const known = new Set(staged);
  const columns = facts.columns.filter(({ name }) => known.has(name));
  const size = columns.reduce((sum, column) => sum + column.leastSize, 0) + columns.length / 8;
  if (columns.length < MOST_COLUMNS && HEADER + size <= PAGE) return null;
  const excess = columns.length + BESIDE - MOST_COLUMNS;
  const hidden = new Set(
    excess > 0
      ? unused(facts, columns)
          .slice(-excess)
          .map(({ name }) => name)
      : [],
  );
  const shown = columns.filter(({ name }) => !hidden.has(name)).map(({ name }) => name);
  const groups: string[][] = [];
  for (let at = 0; at < shown.length; at += GROUP) groups.push(shown.slice(at, at + GROUP));
  if (hidden.size > 0) groups.push([...hidden]);
  return { groups, hidden };
}

/** Columns that nothing but their values is asked of, by their names, anywhere. */
function unused(facts: TableFacts, columns: readonly ColumnFacts[]): readonly ColumnFacts[] {
  const named = new Set([
    ...facts.uniqueIndexes.flatMap(({ parts }) => parts.map(({ column }) => column)),
    ...facts.foreignKeys.flatMap((key) => [...key.childColumns, ...key.parentColumns]),
  ]);
  return columns.filter(
    ({ name, identity, hasDefault }) => !named.has(name) && identity === '' && !hasDefault,
  );
}

/** The composite that a group's columns are in. */
export function groupName(group: number): string {
  return `undo_group_${group}`;
}

/** A temporary table for each group, only for its type, which goes with it at the end. */
export function groupTypesSql(
  { groups }: WideRows,
  place: number,
  select: (columns: readonly string[]) => string,
): readonly string[] {
  return groups.map(
    (columns, group) =>
      `CREATE TEMPORARY TABLE ${groupType(place, group)} ON COMMIT DROP AS ${select(columns)} WITH NO DATA`,
  );
}

/** The table of one side, and the view that has its name. */
export function wideTableSql(
  { groups, hidden }: WideRows,
  {
    name,
    place,
    offset,
  }: { readonly name: string; readonly place: number; readonly offset: string },
): readonly string[] {
  const composites = groups.map(
    (_, group) => `${groupName(group)} pg_temp.${groupType(place, group)}`,
  );
  const columns = groups.flatMap((group, at) =>
    group.flatMap((column) => {
      const quoted = quoteIdentifier(column);
      return hidden.has(column) ? [] : [`(r.${groupName(at)}).${quoted} AS ${quoted}`];
    }),
  );
  if (hidden.size > 0) columns.push(`r.${groupName(groups.length - 1)}`);
  return [
    // Nothing is stored apart but what has to be: it is slow to read from.
    `CREATE TEMPORARY TABLE ${name}_rows (${offset} bigint, ${composites.join(', ')})
     WITH (toast_tuple_target = ${PAGE}) ON COMMIT DROP`,
    `CREATE TEMPORARY VIEW ${name} AS
     SELECT r.ctid, r.${offset}, ${columns.join(', ')} FROM pg_temp.${name}_rows r`,
  ];
}

/** The values of the composites, in the order of the groups; a column that is not given is null. */
export function compositesSql(
  { groups }: WideRows,
  place: number,
  values: ReadonlyMap<string, string>,
): readonly string[] {
  return groups.map((columns, group) => {
    const list = columns.map((column) => values.get(column) ?? 'NULL');
    return `ROW(${list.join(', ')})::pg_temp.${groupType(place, group)}`;
  });
}

function groupType(place: number, group: number): string {
  return `undo_group_${place}_${group}`;
}
