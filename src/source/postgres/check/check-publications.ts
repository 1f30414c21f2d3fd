import type { CheckResult } from '../../../observe/check-result.ts';
import { alterationsText, findAlterations } from '../setup/altered-publication.ts';
import type { CapturedTable } from '../setup/captured-tables.ts';
import type { readPublications } from '../setup/publication.ts';

/** Whether the publications are what a slot that exists has to read. */
export function checkPublications(
  source: string,
  publications: Awaited<ReturnType<typeof readPublications>>,
  tables: readonly CapturedTable[],
): CheckResult {
  const name = 'publications';
  const { all, insertOnly } = publications;
  if (all === null || insertOnly === null) {
    return {
      name,
      status: 'failed',
      message:
        'A publication was dropped: changes that were made since then cannot be had any more.',
      fix: `tidings start --accept-gap ${source}`,
    };
  }
  const before = new Map(tables.map(({ oid }) => [oid, 'all'] as const));
  const textOf = (since: boolean): string | null =>
    alterationsText(findAlterations([all, insertOnly], tables, before, since), tables);
  const [text, left] = [textOf(false), textOf(true)];
  if (text === null && left !== null) {
    return {
      name,
      status: 'warning',
      message: `The publications are not as this version makes them: ${left}. Right after an upgrade, of Tidings or of the server, that is how it should be; else somebody altered them, and changes made since are not whole in the log.`,
      fix: 'tidings start   # puts it right',
    };
  }
  if (text === null) {
    return { name, status: 'ok', message: 'The publications have all that is captured.' };
  }
  return {
    name,
    status: 'failed',
    message: `The publications lack something: ${left ?? text}. Changes that are not published are not in the log, and cannot be had later.`,
    // By hand it would be right too, and nobody would know of the loss.
    fix: 'tidings start   # puts it right, within seconds while it runs, and notes the gap in the log',
  };
}
