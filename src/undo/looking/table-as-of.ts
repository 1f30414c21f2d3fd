import { qualifiedName, type TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LoggedMark, LoggedTable } from '../../log/log.ts';
import type { SnapshotTable, SourceSnapshot } from '../../source/table-snapshot.ts';
import { sleep } from '../../util/sleep.ts';
import { type AlignOptions, openAligned, showsAllBefore } from './align.ts';
import { byNameNote } from './by-name-note.ts';
import type { LossAt } from './collect-past.ts';
import { idsOf, knownTables } from './known-tables.ts';
import { resolveMoment } from './log-boundary.ts';
import { boundaryAt, markInWords } from './marks-since.ts';
import type { Moment } from './moment.ts';
import { PastColumns } from './past-columns.ts';
import { openByKey, openCounts, openKeys, type PastPart, type PastReading } from './past-part.ts';
import { type LostPartition, type PastPartitions, pastPartitions } from './past-partitions.ts';
import type { PastRow, PastRowStore } from './past-rows.ts';
import {
  type PastVersions,
  pastVersions,
  requireAllCaptured,
  requireCapturedThen,
  sharedKey,
} from './past-versions.ts';
import { PresentColumns } from './present-columns.ts';
import { findPresent } from './present-table.ts';
import { parseRowKey } from './row-key.ts';
import { schemaChangeSinceText } from './schema-change-text.ts';
import { schemaChangeSince } from './schema-changes.ts';
import { recordAt, type SearchableLog, type TableName } from './searchable-log.ts';

/** Which table, when, and what of it. */
export interface AsOfRequest {
  readonly table: TableName;
  readonly moment: Moment;
  /** Only these rows, by their keys then; as `parseRowKey` reads them. Default: all. */
  readonly keys?: readonly string[];
  /** Only these columns have to be known. Default: all. */
  readonly columns?: readonly string[];
  /** Others are read as well, where they are known; default: only those of the key. */
  readonly readsOthers?: boolean;
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
  /** What it is called now: its name then may be another table's. */
  readonly present: TableName;
  /** Where in the log the moment lies: transactions from here on had not been committed. */
  readonly offset: number;
  /** Columns of the present table that are not shown: added since, or computed and not reported. */
  readonly leftOut: readonly string[];
  /** What somebody who names the table should know, in sentences: what it is called now, and such. */
  readonly notes: readonly string[];
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
  const { log, source, store, onProgress } = options;
  const { present, table } = await findPresent(snapshot, log, source, request.table);
  const boundary = await boundaryAt(log, request.moment, offset);
  const tables = await knownTables(log);
  const parted = await pastPartitions(log, snapshot, table, tables, boundary);
  const { absent, detached, lost, unwatched } = parted;
  if (unwatched !== null) throw partitionsUnwatched(unwatched);
  const losses = await Promise.all(lost.map((each) => lossOf(log, each)));
  if (losses[0] !== undefined && request.keys === undefined) throw losses[0].error;
  const own = table.versions.filter(({ origin }) => !absent.has(origin?.partition?.id ?? ''));
  const versions = await pastVersions(
    log,
    [...own, ...detached.flatMap((each) => each.versions.filter(({ id }) => !idsOf(own).has(id)))],
    offset,
    { table: present.definition, detached: detached.map((each) => each.table.definition) },
    signal,
  );
  requireAllCaptured(versions, present);
  await requireCapturedThen(log, present, offset);
  const names = new PresentColumns(
    present,
    detached.map((each) => each.table),
    table.versions,
  );
  const { columns: asked = null, readsOthers = false } = request;
  const columns = PastColumns.choose(versions, names, { asked, readsOthers });
  const key = sharedKey(versions, columns, names);
  const parts = partsOf(present.definition, own, parted);
  const reading = { log, snapshot, store, offset, columns, onProgress };
  const rows =
    request.keys === undefined
      ? await openAll(reading, { parts, key }, opened, signal)
      : await openSome(
          reading,
          { parts, losses, ...readKeys(request.keys, key, versions) },
          opened,
          signal,
        );
  const about = { asked: request.table, versions, offset, present };
  const notes = await notesOf(log, about, signal);
  const resources = opened.move();
  return {
    definition: shownDefinition(versions.past, columns),
    leftOut: newColumns(columns, present.definition),
    present: nameOf(present.definition),
    notes,
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

/** The places where the table's rows are now, with the versions of their changes. */
function partsOf(
  present: TableDefinition,
  own: readonly LoggedTable[],
  { absent, detached }: PastPartitions,
): readonly PastPart[] {
  const moved = new Set(detached.flatMap(({ versions }) => [...idsOf(versions)]));
  const left = detached.flatMap(({ table }) => table.definition.origin?.id ?? []);
  const rest = own.map(({ id }) => id).filter((id) => !moved.has(id));
  return [
    { ...nameOf(present), tables: new Set(rest), without: [...absent, ...left] },
    ...detached.map(({ table, versions }): PastPart => ({
      ...nameOf(table.definition),
      tables: idsOf(versions),
      without: [],
    })),
  ];
}

/** What is read of a table. */
interface Wanted {
  readonly parts: readonly PastPart[];
  /** Present names of the columns that identify a row; null when nothing does. */
  readonly key: readonly string[] | null;
  readonly losses: readonly LossAt[];
}

/** All rows; nothing of the table is lost. */
async function openAll(
  reading: PastReading,
  { parts, key }: Omit<Wanted, 'losses'>,
  opened: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<AsyncIterable<PastRow>> {
  const streams: AsyncIterable<PastRow>[] = [];
  for (const part of parts) {
    const { past, rows } =
      key === null
        ? await openCounts(reading, part, signal)
        : await openByKey(reading, part, key, signal);
    opened.use(past);
    streams.push(rows);
  }
  return oneAfterTheOther(streams);
}

/** Single rows: each has to be told by its own changes, or by being there still. */
async function openSome(
  reading: PastReading,
  {
    parts,
    losses,
    ...wanted
  }: Wanted & { readonly key: readonly string[]; readonly keys: ReadonlySet<string> },
  opened: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<AsyncIterable<PastRow>> {
  const rows: PastRow[] = [];
  const decided = new Set<string>();
  const doubts = new Map<string, LossAt>();
  for (const part of parts) {
    const found = await openKeys(reading, part, { ...wanted, losses }, signal);
    opened.use(found.past);
    rows.push(...found.rows);
    for (const each of found.decided) decided.add(each);
    for (const [each, loss] of found.losses) doubts.set(each, loss);
  }
  for (const each of wanted.keys) {
    const doubt = doubts.get(each) ?? losses[0];
    if (!decided.has(each) && doubt !== undefined) throw doubt.error;
  }
  return oneAfterTheOther([rows]);
}

async function* oneAfterTheOther(
  streams: readonly (AsyncIterable<PastRow> | Iterable<PastRow>)[],
): AsyncGenerator<PastRow> {
  for (const stream of streams) yield* stream;
}

/** @throws TidingsError `TABLE_WITHOUT_KEY`, `AS_OF_KEY_UNKNOWN`, `KEY_INVALID` */
function readKeys(
  texts: readonly string[],
  key: readonly string[] | null,
  { past, logged }: PastVersions,
): { readonly key: readonly string[]; readonly keys: ReadonlySet<string> } {
  const table = qualifiedName(past);
  if (key === null && logged.some(({ keyUnknown }) => keyUnknown === true)) {
    throw new TidingsError('AS_OF_KEY_UNKNOWN', { table });
  }
  const keys = new Set(texts.flatMap((text) => [...parseRowKey([past], text)]));
  if (key === null) throw new TidingsError('TABLE_WITHOUT_KEY', { table });
  return { key, keys };
}

/** Not even of single rows: one that is there, and did not change, may have come with a partition. */
function partitionsUnwatched(mark: LoggedMark): TidingsError {
  const details = { table: qualifiedName(mark), after: mark.offset };
  return new TidingsError('AS_OF_PARTITIONS_UNWATCHED', details);
}

/** A partition's loss as what it means for the table: the error, and from where on it may be felt. */
async function lossOf(log: SearchableLog, { mark, reason }: LostPartition): Promise<LossAt> {
  const { offset, since, transaction } = mark;
  const next = offset < log.head ? (await recordAt(log, offset)).transaction : null;
  // A moment within a transaction would mean its beginning, and the mark lies after that.
  const inside = next !== null && next.position === transaction?.position;
  const error = new TidingsError('AS_OF_PARTITION', {
    table: qualifiedName(mark),
    mark: markInWords(mark),
    reason,
    after: inside ? next.last + 1 : offset,
  });
  return { offset: since, partition: mark.partition?.id, error };
}

function nameOf({ schema, name }: TableDefinition): TableName {
  return { schema, name };
}

function newColumns({ known }: PastColumns, now: TableDefinition): readonly string[] {
  return now.columns.map(({ name }) => name).filter((name) => !known.includes(name));
}

/** What somebody should know of a table that is shown as it was at an offset. */
interface About {
  readonly asked: TableName;
  readonly versions: PastVersions;
  readonly offset: number;
  readonly present: SnapshotTable;
}

async function notesOf(
  log: SearchableLog,
  about: About,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { asked, versions, present } = about;
  const byName = await byNameNote(log, versions.logged, signal);
  return [
    ...nameNotes(asked, versions.past, present.definition),
    ...(await alteredSince(log, about, signal)),
    ...(byName === null ? [] : [byName]),
  ];
}

/** What the table is called now, and was called then, where that is not what was asked for. */
function nameNotes(
  asked: TableName,
  then: TableDefinition,
  now: TableDefinition,
): readonly string[] {
  const names = new Set([asked, then, now].map(qualifiedName));
  if (names.size === 1) return [];
  return [`${qualifiedName(now)} was called ${qualifiedName(then)} then.`];
}

/** What has become of its columns since, when the log has a version of it from then. */
async function alteredSince(
  log: SearchableLog,
  { versions: { past, logged }, offset, present }: About,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const version = logged.find((each) => each === past);
  if (version === undefined) return [];
  const start = { version, offset: offset - 1 };
  // Which columns identify its rows, the catalogue says in another way than the stream.
  const now = { ...present.definition, computed: present.computed, keyUnknown: true };
  const change = await schemaChangeSince(log, start, now, signal);
  return change === null ? [] : [schemaChangeSinceText(change)];
}

function shownDefinition(then: TableDefinition, { columns, names }: PastColumns): TableDefinition {
  const key = then.key.map((index) => names.indexOf(then.columns[index]?.name ?? ''));
  return { ...then, columns, key: key.includes(-1) ? [] : key };
}
