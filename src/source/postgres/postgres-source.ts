import { compileTablePatterns, type TablePatterns } from '../../change/table-pattern.ts';
import { isTidingsError, type TidingsError } from '../../errors/tidings-error.ts';
import { sleep } from '../../util/sleep.ts';
import type { CheckResult } from '../../observe/check-result.ts';
import type {
  Removal,
  SetUpOptions,
  Source,
  SourceStatus,
  StreamOptions,
  VisibilitySnapshot,
} from '../source.ts';
import type { NamedRelation } from '../named-relation.ts';
import type { Continuation, KnownHistory } from '../source-history.ts';
import type { TableName, TypedTable } from '../typed-table.ts';
import { checkSource } from './check/check.ts';
import type { ConnectOptions } from './connection/connect.ts';
import { describeTables } from './describe-tables.ts';
import { POSTGRES_DIALECT } from './values/dialect.ts';
import { findContinuation } from './history/find-continuation.ts';
import { isSlotElsewhere, readIdentity } from './history/identity.ts';
import { parseLineage } from './history/lineage.ts';
import { isSourceName } from './names.ts';
import type { PlacementProgress } from './setup/place-tables.ts';
import {
  fingerprintPartitions,
  listPartitions,
  type PartitionFingerprint,
  PartitionWatch,
} from './relation/partition-watch.ts';
import { readRelations } from './relation/read-relations.ts';
import { RelationCatalog } from './relation/relation-catalog.ts';
import type { CatalogQuery } from './relation/relation-types.ts';
import { Setup } from './setup/setup.ts';
import { confirmedPosition, requireSlot, type Slot, whyLost } from './setup/slot.ts';
import { SqlSession } from './connection/sql-session.ts';
import { endsStandbyDecoding } from './history/standby-decoding.ts';
import { readStatus } from './setup/status.ts';
import { streamChanges } from './wire/stream-changes.ts';
import { nameUnreadable } from './wire/unreadable-change.ts';
import { UnreadableValues } from './wire/unreadable-values.ts';
import { parseSnapshot, SNAPSHOT_STATEMENT } from './setup/visibility.ts';

export interface PostgresSourceOptions {
  /** `[a-z0-9_-]`, at most 43 characters: part of names in the database, see `names.ts`. */
  readonly name: string;
  /** `postgresql://user:password@host:port/database?sslmode=…` */
  readonly url: string;
  /** Patterns of tables to capture, see `change/table-pattern.ts`. */
  readonly tables: readonly string[];
  /** Told of what limits capture without ending it. Default: nobody is. */
  readonly onWarning?: (warning: TidingsError) => void;
  /** Told how far set-up is, where it has many tables to publish. Default: nobody is. */
  readonly onProgress?: ((progress: PlacementProgress) => void) | undefined;
  /** Told of each value that has no meaning in the database's encoding. Default: nobody is. */
  readonly onUnreadable?: (() => void) | undefined;
}

/** How often new tables are looked for when no event trigger does it at once; milliseconds. */
const FOLLOW_PAUSE = 2_000;
/** The same as a safety net behind the event trigger. */
const TRIGGERED_FOLLOW_PAUSE = 10_000;

/** A PostgreSQL database, captured by logical replication. It uses two connections. */
export class PostgresSource implements Source {
  readonly name: string;
  readonly dialect = POSTGRES_DIALECT;
  readonly #connection: ConnectOptions;
  readonly #patterns: TablePatterns;
  readonly #session: SqlSession;
  readonly #setup: Setup;
  readonly #catalog: RelationCatalog;
  readonly #unreadable: UnreadableValues;
  readonly #onWarning: (warning: TidingsError) => void;
  #acknowledged: string | null = null;
  /** On which the histories were compared last. */
  #timeline: number | null = null;

  /** @throws TablePatternError; Error for a name that cannot be part of PostgreSQL's names. */
  constructor(options: PostgresSourceOptions) {
    const { name, url, tables, onWarning = () => undefined, onUnreadable } = options;
    const { onProgress = () => undefined } = options;
    if (!isSourceName(name)) {
      throw new Error(`${JSON.stringify(name)} cannot name a PostgreSQL source`);
    }
    this.name = name;
    this.#onWarning = onWarning;
    this.#connection = { source: name, url };
    this.#patterns = compileTablePatterns(tables);
    this.#session = new SqlSession(this.#connection);
    this.#setup = new Setup({
      source: name,
      session: this.#session,
      patterns: this.#patterns,
      onWarning,
      onProgress,
    });
    this.#catalog = new RelationCatalog({
      source: name,
      patterns: this.#patterns,
      query: this.#query,
    });
    this.#unreadable = new UnreadableValues({ source: name, onWarning, onUnreadable });
  }

  check(signal: AbortSignal): Promise<readonly CheckResult[]> {
    return checkSource(
      { connection: this.#connection, session: this.#session, patterns: this.#patterns },
      signal,
    );
  }

  relations(asked: TablePatterns | null, signal: AbortSignal): Promise<readonly NamedRelation[]> {
    return readRelations(this.#session, { captured: this.#patterns, asked }, signal);
  }

  describe(tables: readonly TableName[], signal: AbortSignal): Promise<readonly TypedTable[]> {
    return describeTables(this.#session, tables, signal);
  }

  identify(signal: AbortSignal): Promise<string> {
    return readIdentity(
      (statement) => this.#session.query(statement, signal),
      this.#connection,
      signal,
    );
  }

  isElsewhere(signal: AbortSignal): Promise<boolean> {
    return isSlotElsewhere((statement) => this.#session.query(statement, signal), this.name);
  }

  async continuation(known: KnownHistory | null, signal: AbortSignal): Promise<Continuation> {
    const { slot, owner } = await this.#setup.slot(signal);
    const { lineage, parting, doubt } = await findContinuation(
      {
        connection: this.#connection,
        session: this.#session,
        publications: this.#publications,
        slot,
      },
      known,
      signal,
    );
    this.#timeline = parseLineage(lineage)?.at(-1)?.id ?? null;
    if (parting === null) {
      const lost = known === null ? null : whyLost(slot, owner, known.position);
      return { lineage, rewound: null, doubt, lost };
    }
    const complete = await this.#setup.hasAllSince(parting.to, signal);
    return { lineage, rewound: { ...parting, complete }, doubt, lost: null };
  }

  setUp(signal: AbortSignal, options: SetUpOptions): Promise<void> {
    return this.#setup.ensure(options, signal);
  }

  async tearDownCosts(signal: AbortSignal): Promise<readonly string[]> {
    try {
      const { slot } = await this.#setup.slot(signal);
      const name = slot?.slot_name;
      if (name === undefined) return [];
      if (!(await endsStandbyDecoding(this.#session, name, signal))) return [];
      return [
        `${name} is the last logical slot of its server. With wal_level = replica that ends logical decoding, and every logical slot on its standbys is lost. ALTER SYSTEM SET wal_level = logical; and a restart before prevent it.`,
      ];
    } catch (error) {
      // Removing then meets the same, and says so.
      if (isTidingsError(error)) return [];
      throw error;
    }
  }

  tearDown(signal: AbortSignal): Promise<Removal> {
    return this.#setup.remove(signal);
  }

  async stream({ from, known, receiver, signal }: StreamOptions): Promise<void> {
    this.#catalog.remember(known?.tables ?? []);
    const partitions = new PartitionWatch(known?.marks ?? [], from);
    const slot = await this.#findSlot(from, signal);
    if (slot === null) return;
    // Durable by what `from` means; so a new connection need not wait for the first flush.
    if (from !== null) this.acknowledge(from);
    const ended = new AbortController();
    const following = this.#followTables(partitions, AbortSignal.any([signal, ended.signal]));
    const publications = this.#publications;
    try {
      await streamChanges({
        ...this.#connection,
        slot: slot.slot_name,
        publications,
        from,
        timeline: this.#timeline,
        receiver,
        acknowledged: () => this.#acknowledged,
        catalog: this.#catalog,
        partitions,
        onPassedOver: this.#onWarning,
        unconverted: {
          query: this.#query,
          onUnreadable: (value) => this.#unreadable.add(value),
        },
        signal,
      });
    } catch (error) {
      if (!isTidingsError(error, 'SOURCE_UNREADABLE')) throw error;
      const change = { connection: this.#connection, slot: slot.slot_name, publications };
      throw await nameUnreadable(error, change, signal);
    } finally {
      ended.abort();
      await following;
    }
  }

  acknowledge(position: string): void {
    if (this.#acknowledged === null || position > this.#acknowledged) this.#acknowledged = position;
  }

  async visibility(signal: AbortSignal): Promise<VisibilitySnapshot> {
    const [row] = await this.#session.query<{ snapshot: string }>(SNAPSHOT_STATEMENT, signal);
    return parseSnapshot(row?.snapshot ?? '');
  }

  async status(signal: AbortSignal): Promise<SourceStatus> {
    const { slot } = await this.#setup.slot(signal);
    return readStatus(this.#session, slot, signal);
  }

  async carriedOver(signal: AbortSignal): Promise<string> {
    const { slot, owner } = await this.#setup.slot(signal);
    const position = confirmedPosition(requireSlot(slot, owner, null));
    if (position === null) throw new Error(`The slot of ${this.name} has no position`);
    return position;
  }

  restart(signal: AbortSignal): Promise<string> {
    this.#acknowledged = null;
    return this.#setup.renew(signal);
  }

  async rejoin(from: string, signal: AbortSignal): Promise<string> {
    this.#acknowledged = null;
    return (await this.#setup.hasAllSince(from, signal)) ? from : this.#setup.renew(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  readonly #query: CatalogQuery = (statement, signal) => this.#session.query(statement, signal);

  get #publications(): readonly string[] {
    return [this.#setup.names.all, this.#setup.names.insertOnly];
  }

  /** Null when the signal aborted. */
  async #findSlot(from: string | null, signal: AbortSignal): Promise<Slot | null> {
    try {
      const { slot, owner } = await this.#setup.slot(signal);
      return requireSlot(slot, owner, from);
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  /** Has the publications follow the tables while changes stream. */
  async #followTables(partitions: PartitionWatch, signal: AbortSignal): Promise<void> {
    let pause = 0;
    let seen: PartitionFingerprint | null = null;
    for (;;) {
      await sleep(pause, signal);
      if (signal.aborted) return;
      try {
        const now = await fingerprintPartitions(this.#session, signal);
        if (now.fingerprint === seen?.fingerprint && !partitions.isUnsure) {
          partitions.unchanged(seen.position);
        } else {
          const { known } = partitions;
          const list = await listPartitions(this.#session, this.#patterns, known, signal);
          partitions.listed(list, now.position);
        }
        seen = now;
        pause = (await this.#setup.follow(signal)) ? TRIGGERED_FOLLOW_PAUSE : FOLLOW_PAUSE;
      } catch {
        // A broken connection ends the stream too, and that says so; anything else is as good the
        // next time.
        pause = FOLLOW_PAUSE;
      }
    }
  }
}
