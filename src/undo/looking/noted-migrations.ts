import { readStoredRows } from '../../change/stored-rows.ts';
import { qualifiedName } from '../../change/table.ts';
import type { LoggedTable, LogRecord, TableId } from '../../log/log.ts';
import { toolTableOf } from '../migration-tools.ts';
import { idsOf } from './known-tables.ts';
import { firstRecordLeft, readRecords, type SearchableLog } from './searchable-log.ts';
import { readWhatIsLeft } from './what-is-left.ts';

/** A migration that a tool noted in its bookkeeping. */
export interface NotedMigration {
  readonly tool: string;
  /** `schema.name` of the bookkeeping. */
  readonly table: string;
  /** As the tool calls it; empty where the bookkeeping does not say. */
  readonly name: string;
  /** True when the note was removed: the migration was taken back. */
  readonly reverted: boolean;
  /** The offset at which it was noted. */
  readonly offset: number;
}

/** Where a schema change lies: after the last change with the columns before, not after `to`. */
export interface SchemaChangePlace {
  readonly from: number;
  /** Exclusive: where the transaction ends that has the first change with the columns after it. */
  readonly to: number;
  /** Versions of the table with the columns before. */
  readonly before: readonly LoggedTable[];
}

/** At most so many are looked at, the newest: a table that hardly ever changes has all of them before it. */
const MOST = 20;

/**
 * What migration tools noted while a table's columns became others. DDL locks its table against
 * everybody, so a migration that did it lies between the last change before and the first one after;
 * that another one which lies there did it as well is not ruled out.
 */
export async function notedMigrations(
  log: SearchableLog,
  { from, to, before }: SchemaChangePlace,
  signal: AbortSignal,
): Promise<readonly NotedMigration[]> {
  const notes = (await notesIn(log, signal)).filter(({ offset }) => offset >= from && offset < to);
  const found = new Map<string, NotedMigration>();
  for (const { end, ...note } of notes.slice(-MOST).toReversed()) {
    const after = { from: end, to, tables: idsOf(before) };
    if ((await firstRecordLeft(log, after, signal)) !== null) break;
    const { tool, name, reverted, offset } = note;
    // Of one that is noted when it begins and when it ends, the beginning counts.
    found.set(name === '' ? String(offset) : JSON.stringify([tool, name, reverted]), note);
  }
  return [...found.values()].sort((one, other) => one.offset - other.offset);
}

/** A note with the offset at which its transaction has ended. */
type Note = NotedMigration & { readonly end: number };

/** What was read of a log the last time, and how far it went then. */
const read = new WeakMap<
  SearchableLog,
  { readonly from: number; readonly head: number; readonly notes: readonly Note[] }
>();

/** All notes of a log; a plan asks for each of its tables. */
async function notesIn(log: SearchableLog, signal: AbortSignal): Promise<readonly Note[]> {
  return await readWhatIsLeft(log, 0, (from) => notesFrom(log, from, signal));
}

async function notesFrom(
  log: SearchableLog,
  from: number,
  signal: AbortSignal,
): Promise<readonly Note[]> {
  const { head } = log;
  const last = read.get(log);
  if (last !== undefined && last.from === from && last.head === head) return last.notes;
  const tables = bookkeepingWithNames(log);
  const notes: Note[] = [];
  if (tables.size > 0) {
    const request = { from, to: head, tables: new Set(tables.keys()) };
    for await (const record of readRecords(log, request, signal)) {
      if (record.operation === 'truncate') continue;
      const { tool, names } = tables.get(record.table.id) ?? { tool: '', names: [] };
      notes.push({
        tool,
        table: qualifiedName(record.table),
        name: nameIn(record, names),
        reverted: record.operation === 'delete',
        offset: record.offset,
        end: record.transaction.last + 1,
      });
    }
  }
  read.set(log, { from, head, notes });
  return notes;
}

function bookkeepingWithNames(
  log: SearchableLog,
): ReadonlyMap<TableId, { readonly tool: string; readonly names: readonly string[] }> {
  const tables = new Map<TableId, { tool: string; names: readonly string[] }>();
  for (const version of log.tables()) {
    const found = toolTableOf(version);
    if (found?.names === undefined) continue;
    tables.set(version.id, { tool: found.tool, names: found.names });
  }
  return tables;
}

function nameIn({ table, images }: LogRecord, names: readonly string[]): string {
  const { before, after } = readStoredRows(images);
  const row = after ?? before;
  return names
    .map((name) => row?.cell(table.columns.findIndex((column) => column.name === name)) ?? '')
    .filter((text) => text !== '')
    .join('.');
}
