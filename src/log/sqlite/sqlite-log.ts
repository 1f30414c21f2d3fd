import { mkdirSync } from 'node:fs';
import { isTidingsError } from '../../errors/tidings-error.ts';
import type {
  FindRequest,
  Log,
  LogReader,
  LogWriter,
  ReadPage,
  ReadRequest,
  RowFinder,
} from '../log.ts';
import type { LogSearch, TransactionPage, TransactionRequest } from '../log-search.ts';
import type { OnCommitPoint } from './commit-points.ts';
import { corrupt, withLogErrors } from './errors.ts';
import { type LogView, NEW_LOG, readView, type ViewHolder } from './log-view.ts';
import type { SegmentSummary } from './retention.ts';
import { SegmentCache } from './segment-cache.ts';
import { databaseBytes, listSegments, removeParts, type SegmentFile } from './segment-files.ts';
import { SegmentWriter } from './segment-writer.ts';
import { SqliteReader } from './sqlite-reader.ts';
import {
  type LostBeginning,
  lostBeginning,
  SEGMENTS_GONE,
  stateFloor,
  statedFloor,
} from './stated-floor.ts';
import { SqliteLogWriter } from './sqlite-writer.ts';

/**
 * Bytes of a segment after which the next one begins, at a transaction's end: about a million rows
 * of 200 bytes. Retention removes whole segments, so it frees space in steps of this size, and a
 * terabyte of log is 4,000 files; sealing one costs tens of milliseconds.
 */
export const SEGMENT_BYTES = 256 * 1024 * 1024;

/**
 * Bytes of records the writer holds in memory. A larger transaction goes to a file of its own in
 * pieces of this size, so it also is the least size of the segments that large transactions make.
 * Syncing a piece blocks the process: 25 to 80 ms for 8 MiB, twice that for 16 MiB.
 */
export const MEMORY_BYTES = 8 * 1024 * 1024;

export interface SqliteLogOptions {
  /** The log's own directory; made when it is missing. No other process may write there. */
  readonly directory: string;
  /** The source's name; a log of another source is refused. */
  readonly source: string;
  /** Default {@link SEGMENT_BYTES}. */
  readonly segmentBytes?: number | undefined;
  /** Default {@link MEMORY_BYTES}. */
  readonly memoryBytes?: number | undefined;
  /** Called at each commit point, for tests that crash there. */
  readonly onCommitPoint?: OnCommitPoint | undefined;
}

/** A log in SQLite files, opened by its writer. */
export interface SqliteLog extends Log, RowFinder, LogSearch {
  /** What was missing before the oldest record when it was opened, and nobody had trimmed. */
  readonly lostBeginning: LostBeginning | null;
  /** The log's segments, oldest first, as retention looks at them. */
  segments(): Promise<readonly SegmentSummary[]>;
}

/** A log in SQLite files that another process may be writing. */
export interface SqliteLogReader extends LogReader, RowFinder, LogSearch, AsyncDisposable {
  /** Looks again how far the log goes. `read` does it by itself when it comes to the head. */
  refresh(): Promise<void>;
  /** See {@link SqliteLog.segments}. */
  segments(): Promise<readonly SegmentSummary[]>;
}

/**
 * Opens the log of one source for writing, or begins it. What a crash left unfinished is removed:
 * it was never acknowledged or seen.
 * @throws TidingsError `DATA_NEWER`, `LOG_CORRUPT`, `LOG_FULL` or `LOG_IO`.
 */
// oxlint-disable-next-line typescript/require-await -- SQLite is synchronous; the port is not.
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const { directory, source } = options;
  const segments = withLogErrors(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    removeParts(directory);
    return listSegments(directory);
  });
  if (segments.length === 0) segments.push(beginLog(directory, source));
  const holder: ViewHolder = { view: readView(segments, source) };
  checkChain(segments, source, holder.view.head);
  const lost = withLogErrors(directory, () => checkBeginning(directory, segments));
  const cache = new SegmentCache(directory, true);
  const writer = new SqliteLogWriter({
    directory,
    source,
    segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
    memoryBytes: options.memoryBytes ?? MEMORY_BYTES,
    holder,
    closeReader: (first) => cache.close(first),
    onCommitPoint: options.onCommitPoint ?? (() => undefined),
  });
  return new OpenSqliteLog({ directory, source, holder, cache }, writer, lost);
}

/**
 * Opens the log of one source for reading, also while another process writes it. A log that does
 * not exist yet is empty until it does.
 * @throws TidingsError `DATA_NEWER`, `LOG_CORRUPT` or `LOG_IO`.
 */
export async function openSqliteLogReader(options: {
  readonly directory: string;
  readonly source: string;
}): Promise<SqliteLogReader> {
  const view: LogView = { segments: [], head: 0, state: NEW_LOG, ...NOTHING };
  const cache = new SegmentCache(options.directory, false);
  const reader = new FollowingReader({ ...options, holder: { view }, cache });
  await reader.refresh();
  return reader;
}

/** What a log knows besides its records, in one that is new. */
const NOTHING = { tables: [], gaps: [], forks: [], marks: [] };

function beginLog(directory: string, source: string): SegmentFile {
  // It would number its records from 0 again (invariant 3).
  if (statedFloor(directory) !== null) throw corrupt(directory, SEGMENTS_GONE);
  const origin = { directory, source, first: 0, state: NEW_LOG, ...NOTHING };
  const segment = SegmentWriter.create(origin, () => 0);
  segment.commit();
  segment.publish();
  segment.settle();
  return { first: 0, path: segment.path };
}

/** A log that says nothing of its floor has it where it begins now: an earlier version has written it. */
function checkBeginning(directory: string, [oldest]: readonly SegmentFile[]): LostBeginning | null {
  const floor = oldest?.first ?? 0;
  if (statedFloor(directory) !== null) return lostBeginning(directory, floor);
  try {
    stateFloor(directory, floor);
  } catch (error) {
    // On a full disk the log can still be read; it is stated at the next opening.
    if (!isTidingsError(error, 'LOG_FULL')) throw error;
  }
  return null;
}

/** A newest segment that begins elsewhere than the one before it ends would be a hole, or worse. */
function checkChain(segments: readonly SegmentFile[], source: string, head: number): void {
  const newest = segments.at(-1);
  const before = segments.slice(0, -1);
  const previous = before.at(-1);
  if (newest === undefined || previous === undefined) return;
  const { head: end } = readView(before, source);
  if (end !== newest.first || head < newest.first) {
    throw corrupt(newest.path, `it begins at ${newest.first}, but ${previous.path} ends at ${end}`);
  }
}

interface Parts {
  readonly directory: string;
  readonly source: string;
  readonly holder: ViewHolder;
  readonly cache: SegmentCache;
}

/** The reader plus what both kinds of opened log add to it. */
class SegmentedReader extends SqliteReader {
  readonly parts: Parts;
  /** The latest commit of segments that do not change any more, by first offset. */
  readonly #latest = new Map<number, number>();

  constructor(parts: Parts) {
    super(parts);
    this.parts = parts;
  }

  // oxlint-disable-next-line typescript/require-await -- Like the port's other reads.
  async segments(): Promise<readonly SegmentSummary[]> {
    const { cache, holder } = this.parts;
    const { segments, head } = holder.view;
    return segments.map(({ first, path }, index) => {
      const next = segments[index + 1];
      const newest =
        this.#latest.get(first) ??
        cache.use(first, holder.view, (segment) => segment.latestCommit());
      if (next !== undefined) this.#latest.set(first, newest);
      return { first, end: next?.first ?? head, bytes: databaseBytes(path), newest };
    });
  }
}

class OpenSqliteLog extends SegmentedReader implements SqliteLog {
  readonly lostBeginning: LostBeginning | null;
  readonly #writer: SqliteLogWriter;
  #closed = false;

  constructor(parts: Parts, writer: SqliteLogWriter, lost: LostBeginning | null) {
    super(parts);
    this.#writer = writer;
    this.lostBeginning = lost;
  }

  get writer(): LogWriter {
    return this.#writer;
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise; SQLite is synchronous.
  async trim(before: number): Promise<number> {
    this.#writer.trim(before);
    return this.floor;
  }

  // oxlint-disable-next-line typescript/require-await -- The interface's promise.
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#writer.close();
    } finally {
      this.parts.cache[Symbol.dispose]();
    }
  }
}

class FollowingReader extends SegmentedReader implements SqliteLogReader {
  // oxlint-disable-next-line typescript/require-await -- The interface's promise.
  async refresh(): Promise<void> {
    const { directory, source, holder } = this.parts;
    const segments = readSegments(directory);
    if (segments.length === 0) return;
    const view = readView(segments, source);
    // Changes of one table version share one table object, whenever they are read.
    const known = new Map(holder.view.tables.map((table) => [table.id, table]));
    const tables = view.tables.map((table) => known.get(table.id) ?? table);
    holder.view = { ...view, tables: tables.length === known.size ? holder.view.tables : tables };
  }

  override async read(request: ReadRequest): Promise<ReadPage> {
    return this.#upToDate(request.from, () => super.read(request));
  }

  override async find(request: FindRequest): Promise<ReadPage> {
    return this.#upToDate(request.from ?? this.floor, () => super.find(request));
  }

  // oxlint-disable-next-line typescript/require-await -- The interface's promise.
  async [Symbol.asyncDispose](): Promise<void> {
    this.parts.cache[Symbol.dispose]();
  }

  override async findTransactions(request: TransactionRequest): Promise<TransactionPage> {
    return this.#upToDate(this.floor, () => super.findTransactions(request));
  }

  async #upToDate<Page>(from: number, read: () => Promise<Page>): Promise<Page> {
    if (from >= this.head) await this.refresh();
    try {
      return await read();
    } catch (error) {
      if (!isTidingsError(error, 'LOG_IO')) throw error;
      // The writer has sealed or removed the file just then: what the log looks like now counts.
      await this.refresh();
      return read();
    }
  }
}

function readSegments(directory: string): SegmentFile[] {
  try {
    return listSegments(directory);
  } catch (error) {
    // Nothing has been captured from this source yet.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
