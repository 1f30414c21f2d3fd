import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FindRequest, LogReader, LogRecord, ReadRequest, RowFinder } from '../log/log.ts';
import { groupVersions, idsOf } from './looking/known-tables.ts';
import { readPages } from './read-pages.ts';
import type { Selection } from './selection.ts';

/** The selected changes, in the order of their offsets. */
export async function* readSelected(
  log: LogReader & RowFinder,
  selection: Selection,
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  const pages =
    selection.keys === undefined
      ? readPages(log, rangeOf(selection), signal)
      : readKeys(log, selection, selection.keys, signal);
  for await (const page of pages) {
    const records = page.filter((record) => selection.accepts(record));
    if (records.length > 0) yield records;
  }
}

function rangeOf({ from, to, tables }: Selection): ReadRequest & { readonly to: number } {
  return { from, to, ...(tables === undefined ? {} : { tables }) };
}

/** The changes of single rows, through the index by key. */
async function* readKeys(
  log: LogReader & RowFinder,
  { from, to, tables }: Selection,
  keys: NonNullable<Selection['keys']>,
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  // An update that changes a key is found under both; it must be taken once.
  const taken = new Set<number>();
  for (const versions of groupVersions(log)) {
    const ids = [...idsOf(versions)].filter((id) => tables?.has(id) !== false && keys.has(id));
    const wanted = new Set(ids.flatMap((id) => [...(keys.get(id) ?? [])]));
    for (const key of wanted) {
      const row = { tables: new Set(ids), key, from, to };
      for await (const page of readRow(log, row, signal)) {
        const fresh = page.filter(({ offset }) => !taken.has(offset));
        for (const { offset, previousKey } of fresh) if (previousKey !== null) taken.add(offset);
        yield fresh;
      }
    }
  }
}

/** The changes of one row. */
export async function* readRow(
  log: RowFinder,
  row: FindRequest & { readonly from: number; readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  let { from } = row;
  while (from < row.to) {
    signal.throwIfAborted();
    const page = await log.find({ ...row, from });
    if (page.records.length > 0) yield page.records;
    else await nextTurn();
    from = page.next;
  }
}
