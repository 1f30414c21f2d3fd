import { qualifiedName } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LogRecord, TableId } from '../../log/log.ts';
import type { SnapshotRows, SourceSnapshot } from '../../source/table-snapshot.ts';
import {
  collectByKey,
  collectCounts,
  collectKey,
  type KeyLoss,
  type LossAt,
} from './collect-past.ts';
import type { PastColumns } from './past-columns.ts';
import type { PastRow, PastRowCounts, PastRowsByKey, PastRowStore } from './past-rows.ts';
import { keyText, keyValues } from './row-key.ts';
import { findRecords, readRecords, type SearchableLog, type TableName } from './searchable-log.ts';

/**
 * A part of a past table whose rows are in one place now: the table itself, or a partition that has
 * left it since. A key may be in several of them by now, so each is gone back in by itself.
 */
export interface PastPart extends TableName {
  /** The versions of its changes. */
  readonly tables: ReadonlySet<TableId>;
  /** Partitions, by their numbers, whose present rows are none of it. */
  readonly without: readonly string[];
}

/** How the parts of a table are read. */
export interface PastReading {
  readonly log: SearchableLog;
  readonly snapshot: SourceSnapshot;
  readonly store: PastRowStore;
  /** Where in the log the moment lies. */
  readonly offset: number;
  readonly columns: PastColumns;
  readonly onProgress: (done: number, total: number) => void;
}

/** Goes back in a table whose rows nothing identifies: counts them. */
export async function openCounts(
  reading: PastReading,
  part: PastPart,
  signal: AbortSignal,
): Promise<{ readonly past: PastRowCounts; readonly rows: AsyncGenerator<PastRow> }> {
  const past = reading.store.counts();
  await guarded(past, () =>
    collectCounts(past, changesSince(reading, part, signal), reading.columns),
  );
  return { past, rows: rowsByCount(reading, part, past) };
}

/** Goes back in a table by its key; `key` are the columns' present names. */
export async function openByKey(
  reading: PastReading,
  part: PastPart,
  key: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly past: PastRowsByKey; readonly rows: AsyncGenerator<PastRow> }> {
  const past = reading.store.byKey();
  await guarded(past, () =>
    collectByKey(past, changesSince(reading, part, signal), reading.columns),
  );
  return { past, rows: rowsByKey(reading, part, { key, keys: null }, past) };
}

/** Some rows of a part, by their keys. */
export interface PastRowsOfKeys {
  readonly past: PastRowsByKey;
  readonly rows: readonly PastRow[];
  /** Keys of which it is known what they were. */
  readonly decided: ReadonlySet<string>;
  /** Why it is not known of others. */
  readonly losses: ReadonlyMap<string, KeyLoss>;
}

/** Goes back in single rows. */
export async function openKeys(
  reading: PastReading,
  part: PastPart,
  wanted: {
    readonly key: readonly string[];
    readonly keys: ReadonlySet<string>;
    readonly losses: readonly LossAt[];
  },
  signal: AbortSignal,
): Promise<PastRowsOfKeys> {
  const { columns } = reading;
  const past = reading.store.byKey();
  return await guarded(past, async () => {
    const decided = new Set<string>();
    const losses = new Map<string, KeyLoss>();
    for (const key of wanted.keys) {
      const changes = changesSince(reading, part, signal, key);
      const loss = await collectKey(past, changes, { columns, key, losses: wanted.losses });
      if (loss !== null) losses.set(key, loss);
      else if (past.has(key)) decided.add(key);
    }
    const rows: PastRow[] = [];
    // A row that is there, and that nothing happened to since, was there then.
    const found = rowsByKey(reading, part, wanted, past, (key) => {
      if (losses.get(key)?.changedAfter !== true) decided.add(key);
    });
    for await (const row of found) rows.push(row);
    return { past, rows, decided, losses };
  });
}

async function guarded<Result>(past: Disposable, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    past[Symbol.dispose]();
    throw error;
  }
}

/** A part's changes from the moment up to the snapshot, in log order; all, or those of one key. */
async function* changesSince(
  { log, snapshot, offset, onProgress }: PastReading,
  { tables }: PastPart,
  signal: AbortSignal,
  key?: string,
): AsyncGenerator<LogRecord> {
  if (tables.size === 0) return;
  const range = { from: offset, to: log.head, tables };
  const records =
    key === undefined
      ? readRecords(log, range, signal)
      : findRecords(log, { ...range, key }, signal);
  let last: LogRecord['transaction'] | null = null;
  let shown = false;
  for await (const record of records) {
    // Transactions after the snapshot are in the log already, and not in the rows.
    if (record.transaction !== last) shown = snapshot.includes(record.transaction);
    last = record.transaction;
    if (shown) yield record;
    onProgress(record.offset - range.from, range.to - range.from);
  }
}

/** Present rows whose key nothing happened to, and what the others were. */
async function* rowsByKey(
  { snapshot, columns }: PastReading,
  part: PastPart,
  wanted: { readonly key: readonly string[]; readonly keys: ReadonlySet<string> | null },
  past: PastRowsByKey,
  onKept: (key: string) => void = () => undefined,
): AsyncGenerator<PastRow> {
  const { key, keys } = wanted;
  const places = key.map((column) => columns.present.indexOf(column));
  const request = rowsOf(part, columns);
  const values = keys === null ? null : [...keys].map((text) => keyValues(text, key.length));
  const select = values === null ? request : { ...request, keys: { columns: key, values } };
  for await (const page of snapshot.rows(select)) {
    for (const row of page) {
      const text = keyText(places.map((place) => row[place] ?? ''));
      if (keys?.has(text) === false) continue;
      const then = past.take(text);
      if (then === undefined) onKept(text);
      if (then !== null) yield then ?? columns.readPresent(row);
    }
  }
  yield* past.rest();
}

/** Present rows less those that were not there, and those that were there and are not any more. */
async function* rowsByCount(
  { snapshot, columns }: PastReading,
  part: PastPart,
  past: PastRowCounts,
): AsyncGenerator<PastRow> {
  for await (const page of snapshot.rows(rowsOf(part, columns))) {
    for (const present of page) {
      const row = columns.readPresent(present);
      if (!past.cancel(row)) yield row;
    }
  }
  const missing = past.missing();
  if (missing > 0) {
    throw new TidingsError('AS_OF_CONTRADICTION', { table: qualifiedName(part), rows: missing });
  }
  yield* past.rest();
}

function rowsOf({ schema, name, without }: PastPart, columns: PastColumns): SnapshotRows {
  return {
    schema,
    name,
    columns: columns.present,
    ...(without.length === 0 ? {} : { without }),
  };
}
