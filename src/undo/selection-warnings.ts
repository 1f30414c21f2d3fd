import { leftOutWarnings } from './bookkeeping.ts';
import { readRecords, type SearchableLog } from './looking/searchable-log.ts';
import { opposingPartitions, partitionWarning } from './partition-changes.ts';
import type { TableSql } from './partition-remedy.ts';
import type { Selection } from './selection.ts';
import type { UndoRequest } from './undo-plan.ts';

/** What a selection leaves out although it may have been meant. */
export async function selectionWarnings(
  log: SearchableLog,
  selection: Selection,
  {
    request,
    tableSql,
    signal,
  }: {
    readonly request: UndoRequest;
    readonly tableSql: TableSql;
    readonly signal: AbortSignal;
  },
): Promise<readonly string[]> {
  const opposing = new Set(opposingPartitions(selection));
  const partitions = selection.partitions.filter((change) => !opposing.has(change));
  const unknown = await countUnknownKeys(log, selection, signal);
  return [
    ...leftOutWarnings(selection.leftOut, request),
    ...partitions.map((change) => partitionWarning(change, tableSql)),
    ...(unknown === 0
      ? []
      : [
          `The key of ${unknown === 1 ? '1 change' : `${unknown} changes`} in this range is not known: they are not undone, although they may be of these rows.`,
        ]),
  ];
}

/** Changes that a selection by key cannot find. */
async function countUnknownKeys(
  log: SearchableLog,
  { keys, tables, from, to }: Selection,
  signal: AbortSignal,
): Promise<number> {
  if (keys === undefined) return 0;
  const unknown = log
    .tables()
    .filter(({ id, keyUnknown }) => keyUnknown === true && tables?.has(id) !== false);
  if (unknown.length === 0) return 0;
  let count = 0;
  const request = { from, to, tables: new Set(unknown.map(({ id }) => id)) };
  for await (const { operation } of readRecords(log, request, signal)) {
    if (operation !== 'truncate') count += 1;
  }
  return count;
}
