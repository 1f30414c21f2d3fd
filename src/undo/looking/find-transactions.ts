import type { Operation } from '../../change/change.ts';
import type {
  LoggedTable,
  LoggedTransaction,
  LogRecord,
  ReadRequest,
  TableId,
} from '../../log/log.ts';
import { ChangeCounts, type TableCount } from './change-counts.ts';
import { certainText, type ContextCondition, matchesContext } from './context-condition.ts';
import {
  findRecords,
  readRecords,
  readTransactions,
  type SearchableLog,
} from './searchable-log.ts';
import type { VersionAt } from './schema-changes.ts';
import type { ValueMatcher } from './value-condition.ts';

/** What is searched for; everything given has to be true. */
export interface SearchRequest {
  /** Offsets; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
  /** Versions of the tables that are meant; null for all tables. */
  readonly tables: readonly LoggedTable[] | null;
  readonly operations: ReadonlySet<Operation> | null;
  /** One row; the key index finds its changes. */
  readonly row: { readonly tables: ReadonlySet<TableId>; readonly keys: readonly string[] } | null;
  readonly values: readonly ValueMatcher[];
  /** A condition on the change; null when it has no answer for it. */
  readonly holds: ((record: LogRecord) => boolean | null) | null;
  /** At least so many of a transaction's changes match. */
  readonly minChanges: number;
  readonly context: readonly ContextCondition[];
  /** Transactions at most. */
  readonly limit: number;
}

/** A transaction with changes that match. */
export interface FoundTransaction {
  readonly transaction: LoggedTransaction;
  /** The changes that match, by table. */
  readonly tables: readonly TableCount[];
  /** How many there are. */
  readonly matching: number;
  /** The first of each table version. */
  readonly versions: readonly VersionAt[];
}

/** What is known of a search beside what it found. */
export interface SearchProgress {
  /** Called with the number of offsets that were looked at, of how many. */
  onProgress(done: number, total: number): void;
  /** Changes of which the log knows too little to compare them. */
  undecided: number;
}

/** How a search goes about it. */
export type SearchPlan =
  /** The key index finds the changes. */
  | 'row'
  /** The index of transactions finds candidates. */
  | 'transactions'
  /** Stretches of the log without the tables are passed over. */
  | 'tables'
  /** Everything in the range is read. */
  | 'everything';

/** How {@link findTransactions} will search. */
export function planSearch(request: SearchRequest): SearchPlan {
  if (request.row !== null) return 'row';
  const unlimited =
    request.operations === null && request.values.length === 0 && request.holds === null;
  const anything = unlimited && request.tables === null;
  if (request.minChanges > 1 || request.context.length > 0 || anything) return 'transactions';
  return request.tables === null ? 'everything' : 'tables';
}

/** Transactions with changes that match, newest first. Memory does not grow with the log. */
export function findTransactions(
  log: SearchableLog,
  request: SearchRequest,
  progress: SearchProgress,
  signal: AbortSignal,
): AsyncGenerator<FoundTransaction> {
  const search = new Search(log, request, progress, signal);
  const plan = planSearch(request);
  if (plan === 'row') return search.byRow();
  return plan === 'transactions' ? search.byTransaction() : search.byScan();
}

/** Offsets that are read in one go on the way back through the log. */
const STRETCH = 32_768;

/** Candidates that are read together at most. */
const BATCH = 256;

/** Matching changes of one transaction. */
interface Matches {
  readonly transaction: LoggedTransaction;
  readonly counts: ChangeCounts;
}

class Search {
  readonly #log: SearchableLog;
  readonly #request: SearchRequest;
  readonly #progress: SearchProgress;
  readonly #signal: AbortSignal;
  /** What of the request the log itself can tell. */
  readonly #coarse: Pick<ReadRequest, 'tables' | 'operations' | 'containing'>;

  constructor(
    log: SearchableLog,
    request: SearchRequest,
    progress: SearchProgress,
    signal: AbortSignal,
  ) {
    this.#log = log;
    this.#request = request;
    this.#progress = progress;
    this.#signal = signal;
    const { tables, operations, values } = request;
    const versions = tables ?? log.tables();
    const [containing] = values.flatMap((each) => each.needle(versions) ?? []);
    this.#coarse = {
      ...(tables === null ? {} : { tables: new Set<TableId>(tables.map(({ id }) => id)) }),
      ...(operations === null ? {} : { operations }),
      ...(containing === undefined ? {} : { containing }),
    };
  }

  /** Candidates from the index of transactions; they are read to count what matches. */
  async *byTransaction(): AsyncGenerator<FoundTransaction> {
    const { from, to, limit } = this.#request;
    let left = limit;
    for await (const candidates of this.#candidates()) {
      this.#progress.onProgress(to - (candidates.at(-1)?.first ?? to), to - from);
      for (const matches of await this.#count(candidates)) {
        const found = this.#judge(matches);
        if (found === null) continue;
        yield found;
        left -= 1;
        if (left <= 0) return;
      }
    }
  }

  /** Transactions that may match, newest first, as many as are worth reading together. */
  async *#candidates(): AsyncGenerator<readonly LoggedTransaction[]> {
    const { from, to, minChanges, context } = this.#request;
    const contextWith = certainText(context);
    const wanted = {
      from,
      to,
      minRecords: minChanges,
      ...(contextWith === null ? {} : { contextWith }),
    };
    let batch: LoggedTransaction[] = [];
    let changes = 0;
    for await (const transaction of readTransactions(this.#log, wanted, this.#signal)) {
      if (!matchesContext(transaction, context)) continue;
      batch.push(transaction);
      changes += transaction.last - transaction.first + 1;
      if (batch.length < BATCH && changes < STRETCH) continue;
      yield batch;
      batch = [];
      changes = 0;
    }
    if (batch.length > 0) yield batch;
  }

  /** Reads candidates one by one, or all that lies between them where they lie close together. */
  async #count(candidates: readonly LoggedTransaction[]): Promise<readonly Matches[]> {
    const counted = candidates.map((transaction) => ({ transaction, counts: new ChangeCounts() }));
    const byFirst = new Map(counted.map((matches) => [matches.transaction.first, matches.counts]));
    const ranges = candidates.map(({ first, last }) => ({ from: first, to: last + 1 }));
    const whole = { from: ranges.at(-1)?.from ?? 0, to: ranges[0]?.to ?? 0 };
    const changes = ranges.reduce((sum, range) => sum + range.to - range.from, 0);
    const close = changes * 4 >= whole.to - whole.from;
    for (const { from, to } of close ? [whole] : ranges) {
      const range = { from, to: Math.min(to, this.#request.to) };
      for await (const record of this.#matching(range)) {
        byFirst.get(record.transaction.first)?.add(record);
      }
    }
    return counted;
  }

  /**
   * Reads stretch by stretch from the end. Only the transaction in which a stretch begins may have
   * more changes before it; it waits for the next one.
   */
  async *byScan(): AsyncGenerator<FoundTransaction> {
    const { from, to } = this.#request;
    let left = this.#request.limit;
    let open = new Map<number, Matches>();
    for (let end = to; end > from;) {
      const begin = Math.max(from, end - STRETCH);
      for await (const record of this.#matching({ from: begin, to: end })) note(open, record);
      end = begin;
      this.#progress.onProgress(to - begin, to - from);
      const whole = [...open.values()]
        .filter(({ transaction }) => transaction.first >= begin || begin === from)
        .sort((one, other) => other.transaction.first - one.transaction.first);
      open = new Map([...open].filter(([first]) => first < begin && begin !== from));
      for (const matches of whole) {
        const found = this.#judge(matches);
        if (found === null) continue;
        yield found;
        left -= 1;
        if (left <= 0) return;
      }
    }
  }

  /** The key index gives a row's changes oldest first, so the newest of them are kept. */
  async *byRow(): AsyncGenerator<FoundTransaction> {
    const { row, from, to, limit, context } = this.#request;
    const found = new Map<number, Matches>();
    for (const key of row?.keys ?? []) {
      if (row === null) continue;
      const { tables } = row;
      const records = findRecords(this.#log, { tables, key, from, to }, this.#signal);
      for await (const record of records) {
        const wanted = this.#isWanted(record) && matchesContext(record.transaction, context);
        if (!wanted || record.operation === 'truncate') continue;
        note(found, record);
        const [oldest] = found.keys();
        if (found.size > limit && oldest !== undefined) found.delete(oldest);
      }
    }
    await this.#countUnknownKeys();
    const newestFirst = [...found.values()].sort(
      (one, other) => other.transaction.first - one.transaction.first,
    );
    for (const matches of newestFirst) {
      const judged = this.#judge(matches);
      if (judged !== null) yield judged;
    }
  }

  /** Changes of which no key is known are in the index under none: they may be of the row. */
  async #countUnknownKeys(): Promise<void> {
    const { row, from, to } = this.#request;
    const unknown = this.#log
      .tables()
      .filter(({ id, keyUnknown }) => keyUnknown === true && row?.tables.has(id) === true);
    if (unknown.length === 0) return;
    const range = { from, to, tables: new Set(unknown.map(({ id }) => id)) };
    for await (const record of readRecords(this.#log, range, this.#signal)) {
      if (record.operation !== 'truncate' && this.#isWanted(record)) this.#progress.undecided += 1;
    }
  }

  async *#matching(range: {
    readonly from: number;
    readonly to: number;
  }): AsyncGenerator<LogRecord> {
    for await (const record of readRecords(
      this.#log,
      { ...range, ...this.#coarse },
      this.#signal,
    )) {
      if (this.#isWanted(record)) yield record;
    }
  }

  #isWanted(record: LogRecord): boolean {
    const { operations, values, holds } = this.#request;
    if (operations?.has(record.operation) === false) return false;
    let undecided = false;
    const answers = [
      ...values.map((value) => () => value.matches(record)),
      ...(holds === null ? [] : [() => holds(record)]),
    ];
    for (const answer of answers) {
      const matches = answer();
      if (matches === false) return false;
      undecided ||= matches === null;
    }
    if (undecided) this.#progress.undecided += 1;
    return !undecided;
  }

  #judge({ transaction, counts }: Matches): FoundTransaction | null {
    const { total: matching, tables, versions } = counts;
    return matching < Math.max(1, this.#request.minChanges)
      ? null
      : { transaction, tables, matching, versions };
  }
}

function note(matches: Map<number, Matches>, record: LogRecord): void {
  const { transaction } = record;
  let found = matches.get(transaction.first);
  if (found === undefined) {
    found = { transaction, counts: new ChangeCounts() };
    matches.set(transaction.first, found);
  }
  found.counts.add(record);
}
