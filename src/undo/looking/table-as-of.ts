import { qualifiedName, type TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LoggedTable, LogRecord } from '../../log/log.ts';
import type { SnapshotTable, SourceSnapshot } from '../../source/table-snapshot.ts';
import { sleep } from '../../util/sleep.ts';
import { type AlignOptions, openAligned, showsAllBefore } from './align.ts';
import { collectByKey, collectCounts } from './collect-past.ts';
import { resolveMoment } from './log-boundary.ts';
import type { Moment } from './moment.ts';
import { PastColumns } from './past-columns.ts';
import type { PastRow, PastRowCounts, PastRowsByKey, PastRowStore } from './past-rows.ts';
import {
  pastVersions,
  requireAllCaptured,
  requireCapturedThen,
  sharedKey,
} from './past-versions.ts';
import { keyText, keyValues, parseRowKey } from './row-key.ts';
import { findRecords, readRecords, type TableName } from './searchable-log.ts';

/** Which table, when, and what of it. */
export interface AsOfRequest {
  readonly table: TableName;
  readonly moment: Moment;
  /** Only these rows, by their keys then; as `parseRowKey` reads them. Default: all. */
  readonly keys?: readonly string[];
  /** Only these columns have to be known. Default: all. */
  readonly columns?: readonly string[];
}

export interface AsOfOptions extends AlignOptions {
  readonly store: PastRowStore;
  /** Told how far reading the changes since then has come. */
  readonly onProgress: (done: number, total: number) => void;
}

/** A table as it was. Disposing ends the reading. */
export interface PastTable extends AsyncDisposable {
  /** With the columns that can be shown, in their order then. */
  readonly definition: TableDefinition;
  /** Where in the log the moment lies: transactions from here on had not been committed. */
  readonly offset: number;
  /** Columns of the present table that are not shown: added since, or computed and not reported. */
  readonly leftOut: readonly string[];
  /** In no particular order. */
  readonly rows: AsyncIterable<PastRow>;
}

/**
 * A table as it was at a moment: its present rows, with every change since then taken back. All that
 * stands against it is found here; the rows are then read from the database while they are asked
 * for. Nothing is written.
 * @throws TidingsError `AS_OF_*`, `LOG_BEHIND`, `LOG_LAGS`, `KEY_INVALID`, `SNAPSHOT_REFUSED`, and
 *   what connecting throws.
 */
export async function openPastTable(
  options: AsOfOptions,
  request: AsOfRequest,
  signal: AbortSignal,
): Promise<PastTable> {
  await using opened = new AsyncDisposableStack();
  const { snapshot, offset } = await openAt(options, request, signal);
  opened.use(snapshot);
  const { log, source, store } = options;
  const present = await requirePresent(snapshot, source, request.table);
  const versions = await pastVersions(log, request.table, offset, present.definition, signal);
  requireAllCaptured(versions, present);
  await requireCapturedThen(log, present, offset);
  const columns = PastColumns.choose(versions.past, versions.later, request.columns ?? null);
  const key = sharedKey(versions, columns.names);
  const keys = request.keys?.flatMap((text) => [...parseRowKey([versions.past], text)]) ?? null;
  if (keys !== null && key === null) {
    throw new TidingsError('TABLE_WITHOUT_KEY', { table: qualifiedName(request.table) });
  }
  const reading = { ...request.table, columns, key, keys: keys === null ? null : new Set(keys) };
  const changes = changesSince(
    { options, snapshot, reading, offset, tables: versions.logged },
    signal,
  );
  let rows: AsyncIterable<PastRow>;
  if (key === null) {
    const past = opened.use(store.counts());
    await collectCounts(past, changes, columns);
    rows = rowsByCount(snapshot, reading, past);
  } else {
    const past = opened.use(store.byKey());
    await collectByKey(past, changes, columns, reading.keys);
    rows = rowsByKey(snapshot, { ...reading, key }, past);
  }
  const resources = opened.move();
  return {
    definition: shownDefinition(versions.past, columns),
    leftOut: newColumns(versions.past, present.definition),
    offset,
    rows,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** How often a snapshot is taken anew because it did not show everything yet; and the pause before. */
const ATTEMPTS = 50;
const PAUSE = 100;

/** A snapshot that shows everything before the moment, and the moment's offset. */
async function openAt(
  options: AsOfOptions,
  { table, moment }: AsOfRequest,
  signal: AbortSignal,
): Promise<{ readonly snapshot: SourceSnapshot; readonly offset: number }> {
  const { log, source } = options;
  let offset: number | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await using opened = new AsyncDisposableStack();
    const snapshot = opened.use(await openAligned(options, signal));
    offset ??= await resolveMoment(log, source, qualifiedName(table), moment);
    if (await showsAllBefore(snapshot, log, offset)) {
      opened.move();
      return { snapshot, offset };
    }
    await sleep(PAUSE, signal);
  }
  throw new TidingsError('LOG_LAGS', { source, seconds: (ATTEMPTS * PAUSE) / 1000 });
}

async function requirePresent(
  snapshot: SourceSnapshot,
  source: string,
  table: TableName,
): Promise<SnapshotTable> {
  const present = await snapshot.describe(table);
  if (present !== null) return present;
  throw new TidingsError('AS_OF_NO_TABLE', { source, table: qualifiedName(table) });
}

/** What is read of a table. */
interface Reading extends TableName {
  readonly columns: PastColumns;
  /** The columns that identify a row, if any do. */
  readonly key: readonly string[] | null;
  /** Only these rows; null for all. */
  readonly keys: ReadonlySet<string> | null;
}

interface Since {
  readonly options: AsOfOptions;
  readonly snapshot: SourceSnapshot;
  readonly reading: Reading;
  readonly offset: number;
  readonly tables: readonly LoggedTable[];
}

/** The table's changes from the moment up to the snapshot, in log order (for one key at a time). */
async function* changesSince(since: Since, signal: AbortSignal): AsyncGenerator<LogRecord> {
  const { options, snapshot, reading, offset, tables } = since;
  const { log, onProgress } = options;
  const range = { from: offset, to: log.head };
  let last: LogRecord['transaction'] | null = null;
  let shown = false;
  for await (const record of records()) {
    // Transactions after the snapshot are in the log already, and not in the rows.
    if (record.transaction !== last) shown = snapshot.includes(record.transaction);
    last = record.transaction;
    if (shown) yield record;
    onProgress(record.offset - range.from, range.to - range.from);
  }

  async function* records(): AsyncGenerator<LogRecord> {
    const ids = new Set(tables.map(({ id }) => id));
    if (reading.keys === null) {
      if (ids.size > 0) yield* readRecords(log, { ...range, tables: ids }, signal);
      return;
    }
    const { schema, name: table } = reading;
    for (const key of reading.keys)
      yield* findRecords(log, { ...range, schema, table, key }, signal);
  }
}

/** Present rows whose key nothing happened to, and what the others were. */
async function* rowsByKey(
  snapshot: SourceSnapshot,
  { schema, name, columns, key, keys }: Reading & { readonly key: readonly string[] },
  past: PastRowsByKey,
): AsyncGenerator<PastRow> {
  const places = key.map((column) => columns.names.indexOf(column));
  const wanted = {
    schema,
    name,
    columns: columns.names,
    ...(keys === null
      ? {}
      : { keys: { columns: key, values: [...keys].map((text) => keyValues(text, key.length)) } }),
  };
  for await (const page of snapshot.rows(wanted)) {
    for (const row of page) {
      const text = keyText(places.map((place) => row[place] ?? ''));
      if (keys?.has(text) === false) continue;
      const then = past.take(text);
      if (then !== null) yield then ?? row;
    }
  }
  yield* past.rest();
}

/** Present rows less those that were not there, and those that were there and are not any more. */
async function* rowsByCount(
  snapshot: SourceSnapshot,
  { schema, name, columns }: Reading,
  past: PastRowCounts,
): AsyncGenerator<PastRow> {
  for await (const page of snapshot.rows({ schema, name, columns: columns.names })) {
    for (const row of page) if (!past.cancel(row)) yield row;
  }
  const missing = past.missing();
  if (missing > 0) {
    const details = { table: qualifiedName({ schema, name }), rows: missing };
    throw new TidingsError('AS_OF_CONTRADICTION', details);
  }
  yield* past.rest();
}

function newColumns(past: TableDefinition, present: TableDefinition): readonly string[] {
  const known = new Set(past.columns.map(({ name }) => name));
  return present.columns.map(({ name }) => name).filter((name) => !known.has(name));
}

function shownDefinition(then: TableDefinition, { columns, names }: PastColumns): TableDefinition {
  const key = then.key.map((index) => names.indexOf(then.columns[index]?.name ?? ''));
  return { ...then, columns, key: key.includes(-1) ? [] : key };
}
