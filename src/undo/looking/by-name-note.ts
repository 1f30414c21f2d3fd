import { qualifiedName } from '../../change/table.ts';
import type { LoggedTable } from '../../log/log.ts';
import { idsOf } from './known-tables.ts';
import { lastRecordBefore, type SearchableLog } from './searchable-log.ts';

/**
 * What somebody should know whose answer rests on versions that know their table by its name alone, as a
 * log of an older Tidings has them (invariant 14): two tables that exchanged their names since are one
 * in it. Null when there are no changes of such versions.
 * @param versions those of one table.
 */
export async function byNameNote(
  log: SearchableLog,
  versions: readonly LoggedTable[],
  signal: AbortSignal,
): Promise<string | null> {
  const old = versions.filter(({ origin }) => origin === undefined);
  const last = await lastRecordBefore(log, { to: log.head, tables: idsOf(old) }, signal);
  if (last === null) return null;
  const names = [...new Set(old.map(qualifiedName))].join(' or ');
  return `Changes before offset ${last.offset + 1} are of whatever table was called ${names} then: an older version wrote them down by that name alone, so some may be another table's that had it before.`;
}
