import type { LoggedMark, LoggedTransaction, TableId } from '../log/log.ts';
import type { UndoTarget } from '../source/undo-target.ts';
import { isCapturedSince } from './looking/capture-chain.ts';
import { type KnownTable, knownTables } from './looking/known-tables.ts';
import { recordAt, type SearchableLog } from './looking/searchable-log.ts';
import type { Selection } from './selection.ts';

/**
 * Versions of tables that were added to capture after a moment: they changed before that without the
 * log knowing, so that nothing can go back to it. A partition that became a table of its own since then
 * is none of them: what happened to it before is its table's.
 */
export async function tablesAddedLater(
  { log, target }: { readonly log: SearchableLog; readonly target: UndoTarget },
  { from, tables }: Pick<Selection, 'from' | 'tables'>,
  signal: AbortSignal,
): Promise<ReadonlySet<TableId>> {
  const added = new Set<TableId>();
  const around = await transactionsAround(log, from);
  if (around.length === 0) return added;
  const selected = (await knownTables(log)).filter((table) => isSelected(table, tables));
  const names = selected.map(({ id, schema, name }) =>
    id === null ? { schema, name } : { schema, name, id },
  );
  const captures = await target.captureOf(names, signal);
  for (const [index, table] of selected.entries()) {
    const now = captures[index] ?? null;
    if (now === null || !around.every((each) => now.addedAfter(each))) continue;
    const left = partedMark(log, table, from);
    if (left !== undefined && isCapturedSince(log, left, now)) continue;
    for (const version of table.versions) added.add(version.id);
  }
  return added;
}

function isSelected({ versions }: KnownTable, tables: Selection['tables']): boolean {
  return tables === undefined || versions.some(({ id }) => tables.has(id));
}

async function transactionsAround(
  log: SearchableLog,
  offset: number,
): Promise<readonly LoggedTransaction[]> {
  const around: LoggedTransaction[] = [];
  if (offset > log.floor) around.push((await recordAt(log, offset - 1)).transaction);
  if (offset < log.head) around.push((await recordAt(log, offset)).transaction);
  return around;
}

/** The mark by which a table, that was a partition at an offset, became one of its own. */
function partedMark(
  log: SearchableLog,
  { id }: KnownTable,
  offset: number,
): LoggedMark | undefined {
  return log
    .marks()
    .find(
      ({ kind, partition, link, offset: at }) =>
        kind === 'detached' && at >= offset && (partition?.id === id || link?.id === id),
    );
}
