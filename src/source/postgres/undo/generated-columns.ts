import { quoteIdentifier } from '../quote.ts';
import type { StagedTable } from './staged-table.ts';

/**
 * Staged rows with the columns that the database computes, in a FROM clause: the log does not have
 * them (not all servers send them), and indexes and constraints may look at them. What they are made
 * of may be unknown: `knows` says so. Their expressions can call functions, see `evaluate`.
 */
export function withGenerated(table: StagedTable, from: string): string {
  if (!knowsAll(table)) return from;
  const { facts } = table;
  const computed = facts.columns.flatMap(({ name, expression }) =>
    expression === null ? [] : [`(${expression}) AS ${quoteIdentifier(name)}`],
  );
  return computed.length === 0 ? from : `(SELECT g.*, ${computed.join(', ')} FROM ${from} g)`;
}

/** Whether {@link withGenerated} computes anything, which may call functions. */
export function hasGenerated({ facts }: StagedTable): boolean {
  return facts.columns.some(({ expression }) => expression !== null);
}

/** Whether the staged rows have all columns that are written, and so all that an expression can read. */
export function knowsAll({ facts, columns, wide }: StagedTable): boolean {
  if (wide !== null && wide.hidden.size > 0) return false;
  const known = new Set(columns.map(({ name }) => name));
  return facts.columns.every(({ name, generated }) => generated || known.has(name));
}

/** Whether they have these; what a computed column is made of is not asked one by one. */
export function knows(table: StagedTable, columns: readonly string[]): boolean {
  const known = new Set(table.columns.map(({ name }) => name));
  return columns.every((name) => known.has(name)) || knowsAll(table);
}
