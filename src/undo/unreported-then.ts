import type { LoggedTable } from '../log/log.ts';
import { groupVersions, idsOf } from './looking/known-tables.ts';
import { lastRecordBefore, type SearchableLog } from './looking/searchable-log.ts';
import type { Selection } from './selection.ts';

/**
 * Tables, or partitions of some, that reported no updates and deletes for a part of the range: the
 * version in force then says so, whatever they report by now (invariant 14). When that ended is not
 * in the log, so one that began before the range counts, too.
 */
export async function unreportedThen(
  log: SearchableLog,
  { from, to, tables, bookkeeping }: Pick<Selection, 'from' | 'to' | 'tables' | 'bookkeeping'>,
  signal: AbortSignal,
): Promise<readonly LoggedTable[]> {
  const found: LoggedTable[] = [];
  for (const group of groupVersions(log)) {
    const selected = group.filter(({ id }) => tables?.has(id) !== false && !bookkeeping.has(id));
    const places = Map.groupBy(selected, ({ origin }) => origin?.partition?.id);
    for (const versions of places.values()) {
      const silent = versions.filter(({ identity }) => identity === 'nothing');
      const [first] = silent;
      if (first === undefined) continue;
      const within = await log.read({ from, to, tables: idsOf(silent), limit: 1 });
      const before = await lastRecordBefore(log, { to: from, tables: idsOf(versions) }, signal);
      if (within.records.length > 0 || before?.table.identity === 'nothing') found.push(first);
    }
  }
  return found;
}
