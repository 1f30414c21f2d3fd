import type { Change } from '../../change/change.ts';
import { type ChangeDecoder, createChangeDecoder } from '../../change/decode.ts';
import { decodeListed, type OnPassedOver } from '../../change/decode-listed.ts';
import type { StoredTransaction } from '../../change/stored-change.ts';
import { qualifiedName } from '../../change/table.ts';
import { formatMicros } from '../../change/time.ts';
import { TransactionReader } from '../../change/transaction-reader.ts';
import type { Config } from '../../config/define-config.ts';
import { noSource } from '../../config/needed.ts';
import { resolveConfig } from '../../config/resolve-config.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { abandonedText } from '../../log/forks.ts';
import { readRecordAt } from '../../log/kept-aside.ts';
import type { LogFork, LoggedTransaction, LogRecord } from '../../log/log.ts';
import type { SqliteLogReader } from '../../log/sqlite/sqlite-log.ts';
import { ChangeCounts } from '../../undo/looking/change-counts.ts';
import {
  allSchemaChanges,
  byTable,
  ListedSchemaChanges,
  type SchemaChange,
  schemaChangeSince,
  schemaChangeSinceAny,
  type VersionAt,
} from '../../undo/looking/schema-changes.ts';
import { findTransactions, planSearch } from '../../undo/looking/find-transactions.ts';
import { idsOf } from '../../undo/looking/known-tables.ts';
import { locate, type LocatePlaces, parseTarget } from '../../undo/looking/locate.ts';
import { resolveTable } from '../../undo/looking/resolve-table.ts';
import { rowHistory } from '../../undo/looking/row-history.ts';
import { parseRowKey } from '../../undo/looking/row-key.ts';
import { readRecords } from '../../undo/looking/searchable-log.ts';
import { DIALECTS, openLogReader } from '../adapters.ts';
import { keptAside } from '../kept-aside.ts';
import { historyAside, searchAside } from './aside-notes.ts';
import type {
  FindQuery,
  FoundReport,
  HistoryQuery,
  LogBeginning,
  Looking,
  RowHistory,
  Search,
  ShowQuery,
  Shown,
  TableQuery,
  TableView,
  TransactionReport,
} from './looking.ts';
import { countUnknownKeys, namedTable } from './named-table.ts';
import { readSearch } from './read-search.ts';
import { openTableView } from './table-view.ts';

/** What was abandoned shows in a row's history all the same: somebody was told of it. */
function forkNote(fork: LogFork): string {
  const { offset, reason } = fork;
  return `The history of the source went back before offset ${offset} (${reason}): ${abandonedText(fork)} abandoned.`;
}

/** Opens a look at the logs of a data directory; nothing is opened or connected before it is asked for. */
export async function openLooking(config: Parameters<typeof resolveConfig>[0]): Promise<Looking> {
  return await Promise.resolve(new DiskLooking(resolveConfig(config)));
}

/** A source's log with what reads it. */
interface OpenLog {
  readonly source: string;
  readonly log: SqliteLogReader;
  readonly decoder: ChangeDecoder;
}

class DiskLooking implements Looking {
  readonly #config: Config;
  readonly #opened = new AsyncDisposableStack();
  readonly #logs = new Map<string, OpenLog>();
  readonly #transactions = new TransactionReader();

  constructor(config: Config) {
    this.#config = config;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  async history(query: HistoryQuery, signal: AbortSignal): Promise<RowHistory> {
    const { source, log, decoder } = await this.#open(query.source);
    const table = resolveTable(log, source, query.table);
    const { versions: tables, notes } = await namedTable(log, table, signal);
    const keys = parseRowKey(tables, query.key);
    const range = { from: log.floor, to: log.head };
    const records = rowHistory(log, { tables: idsOf(tables), keys, ...range }, signal);
    const versions = decodeAll(newest(records, query.limit), decoder, query.onPassedOver);
    const begins = await beginningOf(log);
    const unknown = await countUnknownKeys(log, tables, signal);
    const aside = await historyAside(this.#places(source, log), tables, keys);
    return {
      source,
      table: qualifiedName(table),
      begins,
      gaps: await log.gaps(),
      schemaChanges: await allSchemaChanges(log, tables, signal),
      notes: [
        ...notes,
        ...[unknown, aside].filter((note) => note !== null),
        ...log.forks().map(forkNote),
      ],
      versions,
    };
  }

  async show(query: ShowQuery, signal: AbortSignal): Promise<Shown> {
    const target = parseTarget(query.target);
    const named = 'source' in target ? target.source : query.source;
    const { source, log, decoder } = await this.#open(named);
    const places = this.#places(source, log);
    const located = await locate(places, target);
    if ('record' in located) {
      const { record } = located;
      const first = { version: record.table, offset: record.offset };
      return {
        change: decoder.decode(record),
        isAside: record.offset < log.floor,
        schemaChange: await schemaChangeSince(log, first, null, signal),
      };
    }
    const { transaction, older, kept } = located;
    const records = (): AsyncIterable<LogRecord> =>
      kept === null
        ? readRecords(log, { from: transaction.first, to: transaction.last + 1 }, signal)
        : recordsAside(places, kept);
    let counted: Promise<ChangeCounts> | null = null;
    const count = (): Promise<ChangeCounts> => (counted ??= countChanges(records()));
    return {
      transaction: this.#report(source, transaction),
      older: older.map((each) => this.#report(source, each)),
      kept,
      counts: async () => (await count()).tables,
      schemaChanges: async () => await changesOfTables(log, (await count()).versions, signal),
      changes: () => decodeAll(records(), decoder, query.onPassedOver),
    };
  }

  async find(query: FindQuery, signal: AbortSignal): Promise<Search> {
    const { source, log, decoder } = await this.#open(query.source);
    const request = await readSearch({ source, log, decoder }, query);
    const aside = await searchAside(this.#places(source, log), query);
    const progress = { undecided: 0, onProgress: query.onProgress ?? (() => undefined) };
    const found = findTransactions(log, request, progress, signal);
    const report = (transaction: LoggedTransaction): TransactionReport =>
      this.#report(source, transaction);
    return {
      source,
      plan: planSearch(request),
      range: { from: request.from, to: request.to },
      begins: await beginningOf(log),
      notes: aside === null ? [] : [aside],
      found: reports(),
      undecided: () => progress.undecided,
    };

    async function* reports(): AsyncGenerator<FoundReport> {
      const listed = new ListedSchemaChanges(log);
      for await (const { transaction, matching, tables, versions } of found) {
        const schemaChanges = await listed.next(versions, signal);
        yield { transaction: report(transaction), matching, tables, schemaChanges };
      }
    }
  }

  async table(query: TableQuery, signal: AbortSignal): Promise<TableView> {
    const { source, log } = await this.#open(query.source);
    return openTableView({ config: this.#config, source, log }, query, signal);
  }

  #places(source: string, log: SqliteLogReader): LocatePlaces {
    return { source, log, kept: keptAside(this.#config) };
  }

  async #open(name?: string): Promise<OpenLog> {
    const source = name ?? this.#onlySource();
    if (!Object.hasOwn(this.#config.sources, source)) {
      throw new TidingsError('SOURCE_UNKNOWN', { source });
    }
    let open = this.#logs.get(source);
    if (open === undefined) {
      const log = this.#opened.use(await openLogReader(this.#config, source));
      open = { source, log, decoder: createChangeDecoder(source, DIALECTS) };
      this.#logs.set(source, open);
    }
    await open.log.refresh();
    return open;
  }

  #onlySource(): string {
    const names = Object.keys(this.#config.sources);
    const [first, ...others] = names;
    if (first === undefined) throw noSource('command');
    if (others.length === 0) return first;
    throw new TidingsError('SOURCE_AMBIGUOUS', { sources: names.join(', ') });
  }

  #report(source: string, transaction: StoredTransaction): TransactionReport {
    const { id, position, committedAt, first, last } = transaction;
    return {
      source,
      id,
      position,
      committedAt: formatMicros(committedAt),
      context: this.#transactions.context(transaction),
      first,
      last,
      changes: last - first + 1,
    };
  }
}

async function countChanges(records: AsyncIterable<LogRecord>): Promise<ChangeCounts> {
  const counts = new ChangeCounts();
  for await (const record of records) counts.add(record);
  return counts;
}

/** What has become of the tables of these changes since. */
async function changesOfTables(
  log: SqliteLogReader,
  changes: readonly VersionAt[],
  signal: AbortSignal,
): Promise<readonly SchemaChange[]> {
  const found: SchemaChange[] = [];
  for (const all of byTable(log, changes)) {
    const change = await schemaChangeSinceAny(log, all, null, signal);
    if (change !== null) found.push(change);
  }
  return found;
}

async function beginningOf(log: SqliteLogReader): Promise<LogBeginning> {
  const at = await log.beginning();
  return { offset: log.floor, at: at === null ? null : formatMicros(at) };
}

/** Records that were kept aside; one that was forgotten since is passed over. */
async function* recordsAside(
  places: LocatePlaces,
  offsets: readonly number[],
): AsyncGenerator<LogRecord> {
  for (const offset of offsets) {
    const record = await readRecordAt(places, offset);
    if (record !== null) yield record;
  }
}

async function* decodeAll(
  records: AsyncIterable<LogRecord>,
  decoder: ChangeDecoder,
  onPassedOver: OnPassedOver | undefined,
): AsyncGenerator<Change> {
  for await (const record of records) {
    const change = decodeListed(decoder, record, onPassedOver);
    if (change !== null) yield change;
  }
}

/** The last so many of a stream; all of it without a limit. */
async function* newest(
  records: AsyncIterable<LogRecord>,
  limit: number | undefined,
): AsyncGenerator<LogRecord> {
  if (limit === undefined) {
    yield* records;
    return;
  }
  const kept: LogRecord[] = [];
  for await (const record of records) {
    kept.push(record);
    if (kept.length > limit) kept.shift();
  }
  yield* kept;
}
