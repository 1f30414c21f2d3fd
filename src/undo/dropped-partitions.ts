import type { LoggedMark, LoggedTable } from '../log/log.ts';
import { isMarkOf } from './looking/marks-since.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import { readTruncated } from './read-truncated.ts';

/** A partition that was dropped, and all of whose rows the log knows: they can come back. */
export interface DroppedPartition {
  readonly mark: LoggedMark;
  /** Of its rows. */
  readonly table: LoggedTable;
  /** Before which the rows were there; as of a truncate. */
  readonly offset: number;
}

/**
 * A partition that is dropped takes its rows with it as a truncate does.
 * @returns null when the log does not know all of them.
 */
export async function droppedPartition(
  log: SearchableLog,
  mark: LoggedMark,
  signal: AbortSignal,
): Promise<DroppedPartition | null> {
  const table = log
    .tables()
    .findLast(
      (version) =>
        version.origin?.partition !== undefined &&
        version.origin.partition.id === mark.partition?.id &&
        isMarkOf(mark, version),
    );
  if (mark.kind !== 'dropped' || table === undefined) return null;
  const dropped = { mark, table, offset: mark.offset };
  const { history, isWhole } = await readTruncated(log, dropped, signal);
  for await (const page of history) if (page.length > 0 && !isWhole()) return null;
  return isWhole() ? dropped : null;
}
