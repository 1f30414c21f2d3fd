import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  FindRequest,
  LogFork,
  LogGap,
  LoggedMark,
  LoggedTable,
  LoggedTransaction,
  LogReader,
  ReadPage,
  ReadRequest,
  RowFinder,
  TableId,
} from '../log.ts';
import { logPruned } from '../log-pruned.ts';
import type { LogSearch, TransactionPage, TransactionRequest } from '../log-search.ts';
import { LARGE_TRANSACTION } from './format.ts';
import { marksFrom } from './mark-rows.ts';
import { tableSeed } from './key-hash.ts';
import { directoryBytes } from './segment-files.ts';
import type { LogView, ViewHolder } from './log-view.ts';
import { type Acceptance, PageCollector } from './page-collector.ts';
import { CODE_OF } from './block.ts';
import { findInSegment } from './row-search.ts';
import type { SegmentCache } from './segment-cache.ts';
import { corrupt } from './errors.ts';
import type { SegmentReader } from './segment-reader.ts';
import { type OffsetRange, scanAll, scanTables } from './segment-scan.ts';

/** How much of a long search runs before others get their turn; milliseconds. */
const TURN = 4;

/** Transactions of a page unless the reader asks for another number. */
const DEFAULT_TRANSACTIONS = 100;
/** Offsets whose transactions are looked at in one go when no index helps: some 10 ms at most. */
const SCAN_STRETCH = 65_536;

/** Reads the segments of a log. What there is, the view says; it may change between calls. */
export class SqliteReader implements LogReader, RowFinder, LogSearch {
  readonly #directory: string;
  readonly #source: string;
  readonly #holder: ViewHolder;
  readonly #cache: SegmentCache;
  #tables: ReadonlyMap<TableId, LoggedTable> = new Map();
  #tablesOf: readonly LoggedTable[] = [];

  constructor(options: {
    readonly directory: string;
    readonly source: string;
    readonly holder: ViewHolder;
    readonly cache: SegmentCache;
  }) {
    this.#directory = options.directory;
    this.#source = options.source;
    this.#holder = options.holder;
    this.#cache = options.cache;
  }

  get head(): number {
    return this.#view.head;
  }

  get floor(): number {
    return this.#view.segments[0]?.first ?? 0;
  }

  get position(): string | null {
    return this.#view.state.reached;
  }

  get lineage(): string | null {
    return this.#view.state.lineage;
  }

  tables(): readonly LoggedTable[] {
    return this.#view.tables;
  }

  marks(): readonly LoggedMark[] {
    return marksFrom(this.#view.marks, this.floor);
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise; SQLite is synchronous.
  async read(request: ReadRequest): Promise<ReadPage> {
    const { tables } = request;
    const collector = new PageCollector(this.#tableMap(), request, acceptance(request));
    const wanted = tables === undefined ? null : JSON.stringify([...tables]);
    return this.#collect(request, collector, (segment, range) =>
      wanted === null
        ? scanAll(segment, collector, range)
        : scanTables(segment, collector, range, wanted),
    );
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise; SQLite is synchronous.
  async find(request: FindRequest): Promise<ReadPage> {
    const { tables: ids, key } = request;
    const seeds = new Set<number>();
    for (const version of this.tables()) if (ids.has(version.id)) seeds.add(tableSeed(version));
    const from = request.from ?? this.floor;
    const collector = new PageCollector(this.#tableMap(), request, {
      record: ([id, operation, ownKey, previousKey]) =>
        ids.has(id) && (operation === 't' || ownKey === key || previousKey === key),
    });
    const search = { seeds, key, tables: JSON.stringify([...ids]) };
    return this.#collect({ ...request, from }, collector, (segment, range) =>
      findInSegment(segment, collector, range, search),
    );
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise; SQLite is synchronous.
  async offsetAt(committedAt: number): Promise<number> {
    const { segments, head } = this.#view;
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = segments[middle]?.first ?? 0;
      const latest = this.#cache.use(first, this.#view, (segment) => segment.latestCommit());
      if (latest >= committedAt) high = middle;
      else low = middle + 1;
    }
    for (const { first } of segments.slice(low)) {
      const found = this.#cache.use(first, this.#view, (segment) => segment.offsetAt(committedAt));
      if (found !== null) return Math.min(found, head);
    }
    return head;
  }

  async transactionsById(id: string): Promise<readonly LoggedTransaction[]> {
    const found: LoggedTransaction[] = [];
    for await (const first of this.#newestFirst()) {
      found.push(...this.#cache.use(first, this.#view, (segment) => segment.transactionsById(id)));
    }
    const { head } = this.#view;
    return found.filter((transaction) => transaction.last < head);
  }

  async lastTransactions(limit: number): Promise<readonly LoggedTransaction[]> {
    const found: LoggedTransaction[] = [];
    const { head } = this.#view;
    for await (const first of this.#newestFirst()) {
      const left = limit - found.length;
      found.push(
        ...this.#cache.use(first, this.#view, (segment) => segment.lastTransactions(head, left)),
      );
      if (found.length >= limit) break;
    }
    return found;
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise; SQLite is synchronous.
  async findTransactions(request: TransactionRequest): Promise<TransactionPage> {
    const { segments, head } = this.#view;
    const { minRecords = 1, contextWith = null, limit = DEFAULT_TRANSACTIONS } = request;
    const from = Math.max(request.from ?? 0, this.floor);
    // An index passes over what does not match; without one a stretch at a time is looked at.
    const stretch = minRecords >= LARGE_TRANSACTION ? head : SCAN_STRETCH;
    const deadline = performance.now() + TURN;
    const found: LoggedTransaction[] = [];
    let next = Math.min(request.to ?? head, head);
    while (next > from && found.length < limit) {
      const first = segments.findLast((segment) => segment.first < next)?.first ?? 0;
      const range = { from: Math.max(from, first, next - stretch), to: next };
      const left = limit - found.length;
      const matching = this.#cache.use(first, this.#view, (segment) =>
        segment.findTransactions(range, { minRecords, contextWith }, left),
      );
      found.push(...matching);
      next = matching.length < left ? range.from : (matching.at(-1)?.first ?? range.from);
      // Only now: a page makes way, also where the time was over before it began.
      if (performance.now() > deadline) break;
    }
    return { transactions: found, next };
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise; SQLite is synchronous.
  async beginning(): Promise<number | null> {
    const [oldest] = this.#view.segments;
    if (oldest === undefined || this.position === null) return null;
    const { first } = oldest;
    const time = this.#cache.use(first, this.#view, (segment) => segment.beginning());
    return time === null ? null : Date.parse(time) * 1000;
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise.
  async gaps(): Promise<readonly LogGap[]> {
    const { floor } = this;
    return this.#view.gaps.filter((gap) => gap.offset >= floor);
  }

  forks(): readonly LogFork[] {
    const { forks } = this.#view;
    // Asked for each change that is delivered.
    return forks.length === 0 ? forks : forks.filter((fork) => fork.offset >= this.floor);
  }

  // oxlint-disable-next-line typescript/require-await -- The port's promise.
  async size(): Promise<{ readonly bytes: number; readonly segments: number }> {
    return { bytes: directoryBytes(this.#directory), segments: this.#view.segments.length };
  }

  get #view(): LogView {
    return this.#holder.view;
  }

  #tableMap(): ReadonlyMap<TableId, LoggedTable> {
    const { tables } = this.#view;
    if (tables !== this.#tablesOf) {
      this.#tablesOf = tables;
      this.#tables = new Map(tables.map((table) => [table.id, table]));
    }
    return this.#tables;
  }

  /** Goes from segment to segment until the page is full, or everything up to `to` was looked at. */
  #collect(
    request: { readonly from: number; readonly to?: number },
    collector: PageCollector,
    read: (segment: SegmentReader, range: OffsetRange) => number,
  ): ReadPage {
    const { segments, head } = this.#view;
    const { floor } = this;
    if (request.from < floor) {
      const { from: offset } = request;
      throw logPruned({ offset, source: this.#source, floor });
    }
    const to = Math.min(request.to ?? head, head);
    let next = request.from;
    while (next < to) {
      const index = segments.findLastIndex((segment) => segment.first <= next);
      const first = segments[index]?.first ?? floor;
      const range = { from: next, to: Math.min(to, segments[index + 1]?.first ?? to) };
      next = this.#cache.use(first, this.#view, (segment) => {
        const reached = read(segment, range);
        if (reached > range.from) return reached;
        throw corrupt(segment.path, `the records from offset ${range.from} on are missing`);
      });
      if (collector.done) break;
    }
    return { records: collector.records, next };
  }

  /** Lets others have their turn between segments; those that were removed meanwhile are left out. */
  async *#newestFirst(): AsyncGenerator<number> {
    let turn = performance.now();
    for (const { first } of this.#view.segments.toReversed()) {
      if (performance.now() - turn > TURN) {
        await nextTurn();
        turn = performance.now();
      }
      if (first < this.floor) return;
      yield first;
    }
  }
}

/** What of a request can be told from a block, and from a record without its images. */
function acceptance({ tables, operations, containing }: ReadRequest): Acceptance | null {
  if (tables === undefined && operations === undefined && containing === undefined) return null;
  const codes = operations === undefined ? null : [...operations].map((each) => CODE_OF[each]);
  const needle = containing === undefined ? null : Buffer.from(containing);
  return {
    block: ({ records, images }) =>
      (codes === null || codes.some((code) => records.includes(`"${code}"`))) &&
      (needle === null ||
        Buffer.from(images.buffer, images.byteOffset, images.length).includes(needle)),
    record: ([id, operation]) =>
      (tables === undefined || tables.has(id)) && (codes === null || codes.includes(operation)),
  };
}
