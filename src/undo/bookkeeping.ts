import { namesTable, type TablePatterns } from '../change/table-pattern.ts';
import { qualifiedName } from '../change/table.ts';
import type { LogReader, LogRecord, TableId } from '../log/log.ts';
import { groupVersions } from './looking/known-tables.ts';
import type { TableName } from '../source/undo-target.ts';
import { readRecords, type SearchableLog } from './looking/searchable-log.ts';
import { toolOf } from './migration-tools.ts';
import { versionsOf } from './table-versions.ts';
import type { UndoLeftOut, UndoRequest } from './undo-plan.ts';

/** By version of a table that is a migration tool's bookkeeping: the tool. */
export type Bookkeeping = ReadonlyMap<TableId, string>;

/**
 * The bookkeeping of migration tools in a log. Its rows say what the tool has done to the schema, and
 * an undo takes nothing of that back: a row that comes or goes makes the tool refuse to run, or run
 * a migration again.
 */
export function bookkeepingIn(log: LogReader): Bookkeeping {
  const found = new Map<TableId, string>();
  if (!log.tables().some((version) => toolOf(version) !== null)) return found;
  for (const versions of groupVersions(log)) {
    // A table that had a tool's columns once is the tool's, also after somebody added one.
    const tool = versions.map(toolOf).find((each) => each !== null);
    if (tool === undefined) continue;
    for (const { id } of versions) found.set(id, tool);
  }
  return found;
}

/** What of it an undo leaves out: all that the request does not name. */
export function bookkeepingLeftOut(log: LogReader, patterns: TablePatterns | null): Bookkeeping {
  const all = bookkeepingIn(log);
  if (patterns === null || all.size === 0) return all;
  const named = groupVersions(log).filter((versions) =>
    versions.some(({ schema, name }) => namesTable(patterns, schema, name)),
  );
  const ids = new Set(named.flatMap((versions) => versions.map(({ id }) => id)));
  return new Map([...all].filter(([id]) => !ids.has(id)));
}

/** Whether a table of the source is one of these, by its number or, where it has none, by its name. */
export function isBookkeeping(log: LogReader, of: Bookkeeping, table: TableName): boolean {
  return of.size > 0 && versionsOf(log, table).some(({ id }) => of.has(id));
}

/** What an undo leaves out, in numbers. */
export async function countLeftOut(
  log: SearchableLog,
  leftOut: Bookkeeping,
  {
    from,
    to,
    wants,
    signal,
  }: {
    readonly from: number;
    readonly to: number;
    /** Whether a change would be undone if its table were any other. */
    readonly wants: (record: LogRecord) => boolean;
    readonly signal: AbortSignal;
  },
): Promise<readonly UndoLeftOut[]> {
  if (leftOut.size === 0) return [];
  const found = new Map<string, { table: string; tool: string; changes: number }>();
  const request = { from, to, tables: new Set(leftOut.keys()) };
  for await (const record of readRecords(log, request, signal)) {
    if (!wants(record)) continue;
    const table = qualifiedName(record.table);
    const tool = leftOut.get(record.table.id) ?? '';
    const counted = found.get(table) ?? { table, tool, changes: 0 };
    counted.changes += 1;
    found.set(table, counted);
  }
  return [...found.values()];
}

/** Says what was left out and how it is undone all the same. */
export function leftOutWarnings(
  leftOut: readonly UndoLeftOut[],
  request: UndoRequest,
): readonly string[] {
  return leftOut.map(({ table, tool, changes }) => {
    const some = changes === 1 ? '1 change' : `${changes} changes`;
    // A transaction that is asked for without tables is one of all tables.
    const others = request.tables === undefined ? "--table '*.*' " : '';
    return `${table} is how ${tool} knows what it has done to the schema: ${some} of it stay${changes === 1 ? 's' : ''}. To undo that too, name the table: ${others}--table ${asOption(table)}.`;
  });
}

function asOption(table: string): string {
  return /^[\w.]+$/.test(table) ? table : `'${table}'`;
}
