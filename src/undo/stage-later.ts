import { MARKER_OLD } from '../change/row-images.ts';
import type { LogRecord } from '../log/log.ts';
import type { TableName } from '../source/undo-target.ts';
import { readPages } from './read-pages.ts';
import { readTruncated } from './read-truncated.ts';
import { requireText, requireTexts } from './require-text.ts';
import type { StageOptions } from './stage-changes.ts';
import { presumedTables, versionsOf } from './table-versions.ts';

/** Hands over the changes, not undone, of tables whose rows have no key. */
export async function stageLater(
  { source, log, workspace, selection, extra, signal }: StageOptions,
  bags: readonly TableName[],
): Promise<void> {
  // The log may have been read anew since the others were staged.
  workspace.presume(presumedTables(log));
  const versions = bags.flatMap((table) => versionsOf(log, table));
  const undone = new Set(extra.map(({ offset }) => offset));
  const request = {
    from: selection.from,
    to: log.head,
    tables: new Set(versions.map(({ id }) => id)),
  };
  const isLater = (record: LogRecord): boolean =>
    !undone.has(record.offset) && !selection.accepts(record);
  const truncates: LogRecord[] = [];
  for await (const page of readPages(log, request, signal)) {
    const later = page.filter(isLater);
    truncates.push(...later.filter(({ operation }) => operation === 'truncate'));
    const records = later.filter(isWhole);
    for (const record of records) requireText(source, record);
    if (records.length > 0) await workspace.stageLater(records);
  }
  // A truncate has removed rows without saying which; bringing them back is a later change as well.
  for (const truncate of truncates) {
    const { history } = await readTruncated(log, truncate, signal);
    await workspace.stageLaterTruncate(truncate, requireTexts(source, history));
  }
}

function isWhole({ operation, images }: LogRecord): boolean {
  return operation === 'insert' || (operation !== 'truncate' && images[0] === MARKER_OLD);
}
