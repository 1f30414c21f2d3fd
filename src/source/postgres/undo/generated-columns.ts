import { quoteIdentifier } from '../quote.ts';
import type { StagedTable } from './staged-table.ts';

/**
 * Staged rows with the columns that the database computes, in a FROM clause: the log does not have
 * them (not all servers send them), and indexes and constraints may look at them. To be asked for only
 * when `knowsGenerated`; expressions can call functions, see `evaluate`.
 */
export function withGenerated({ facts }: StagedTable, from: string): string {
  const computed = facts.columns.flatMap(({ name, expression }) =>
    expression === null ? [] : [`(${expression}) AS ${quoteIdentifier(name)}`],
  );
  return computed.length === 0 ? from : `(SELECT g.*, ${computed.join(', ')} FROM ${from} g)`;
}

/** Whether the staged rows have all columns that are written, and so all that an expression can read. */
export function knowsAll({ facts, columns }: StagedTable): boolean {
  const known = new Set(columns.map(({ name }) => name));
  return facts.columns.every(({ name, generated }) => generated || known.has(name));
}
