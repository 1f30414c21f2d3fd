import { quoteIdentifier } from '../quote.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import { fkEquals, isRemoved } from './foreign-key-sql.ts';
import { knows, withGenerated } from './generated-columns.ts';
import { rowsIn } from './partition-rows.ts';
import type { StagedTable } from './staged-table.ts';
import type { TableFacts } from './table-facts.ts';

/** The table that a foreign key refers to. */
export interface PeriodParent {
  readonly facts: TableFacts;
  /** What of it the undo changes; undefined when it is no part of the undo. */
  readonly staged: StagedTable | undefined;
}

/**
 * True for a row of the child whose period lies in those of its parents together: of those that are
 * there now, or that will be there after the undo. The database asks the same.
 */
export function isCovered(
  key: ForeignKey,
  { facts, staged }: PeriodParent,
  child: string,
  when: 'now' | 'after the undo',
): string {
  const parentPeriod = `u.${quoteIdentifier(key.parentColumns.at(-1) ?? '')}`;
  const childPeriod = `${child}.${quoteIdentifier(key.childColumns.at(-1) ?? '')}`;
  const periods = (from: string, where = ''): string =>
    `SELECT ${parentPeriod} AS period FROM ${rowsIn(from, key.parentPartition)} u
      WHERE ${fkEquals(key, 'u', child)} ${where}`;
  const all =
    when === 'now' || staged === undefined
      ? periods(facts.sql)
      : `${periods(facts.sql, `AND NOT ${isRemoved(staged, 'u')}`)}
         UNION ALL ${periods(withGenerated(staged, staged.before))}`;
  return `COALESCE((SELECT ${childPeriod} OPERATOR(pg_catalog.<@) pg_catalog.range_agg(c.period) FROM (${all}) c), false)`;
}

/** Rows `r` outside of the undo that lack a parent after it; what follows a SELECT. Null when that is not known. */
export function uncoveredChildren(
  table: StagedTable,
  key: ForeignKey,
  child: string,
  isStaged: string | null,
): string | null {
  if (!knows(table, key.parentColumns)) return null;
  const covered = isCovered(key, { facts: table.facts, staged: table }, 'r', 'after the undo');
  return `FROM ${rowsIn(withGenerated(table, table.after), key.parentPartition)} s
    JOIN ${rowsIn(child, key.childPartition)} r ON ${fkEquals(key, 's', 'r')}
    WHERE NOT ${covered} ${isStaged === null ? '' : `AND NOT ${isStaged}`}`;
}
