import { MARKER_OLD } from '../change/row-images.ts';
import type { LogRecord } from '../log/log.ts';
import type { TableName } from '../source/undo-target.ts';
import { readPages } from './read-changes.ts';
import type { StageOptions } from './stage-changes.ts';
import { versionsOf } from './table-versions.ts';

/** Hands over the changes, not undone, of tables whose rows have no key. */
export async function stageLater(
  { log, workspace, selection, extra, signal }: StageOptions,
  bags: readonly TableName[],
): Promise<void> {
  const versions = bags.flatMap((table) => versionsOf(log, table));
  const undone = new Set(extra.map(({ offset }) => offset));
  const request = {
    from: selection.from,
    to: log.head,
    tables: new Set(versions.map(({ id }) => id)),
  };
  for await (const page of readPages(log, request, signal)) {
    const records = page.filter(
      (record) => isWhole(record) && !undone.has(record.offset) && !selection.accepts(record),
    );
    if (records.length > 0) await workspace.stageLater(records);
  }
}

function isWhole({ operation, images }: LogRecord): boolean {
  return operation === 'insert' || (operation !== 'truncate' && images[0] === MARKER_OLD);
}
