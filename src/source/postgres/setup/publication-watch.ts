import { formatMicros } from '../../../change/time.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import {
  type Alterations,
  alterationsText,
  findAlterations,
  type Place,
  placesAfter,
} from './altered-publication.ts';
import {
  type CapturedTable,
  isMisplaced,
  listTables,
  type PublicationNames,
  readTables,
  type TablesQuery,
} from './captured-tables.ts';
import { ALTERED, sayUnpublishedSql } from './lost-changes.ts';
import { placeTables, type PlacementProgress, type Unplaced } from './place-tables.ts';
import { lsnToPosition } from '../wire/position.ts';
import { publicationsSql, readPublications } from './publication.ts';
import { OWN_STATEMENTS_SQL } from './repaired-by-others.ts';
import type { PublishedTables } from './rights.ts';
import type { SqlSession } from '../connection/sql-session.ts';

export interface PublicationWatchOptions {
  readonly source: string;
  readonly session: SqlSession;
  readonly names: PublicationNames;
  /** Told of what is not captured, once for each new finding. */
  readonly onWarning: (warning: TidingsError) => void;
  /** Told how far many tables have been published. */
  readonly onProgress: (progress: PlacementProgress) => void;
}

/** The publications and their tables at a moment. */
export interface PublicationLook extends PublishedTables {
  readonly altered: Alterations;
}

export interface Moment {
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC, on the database's clock. */
  readonly at: number;
}

const NOTHING: Alterations = { operations: [], tables: new Map() };

/**
 * Keeps the publications as they have to be, and notices what somebody else altered in them: what was
 * not published meanwhile is said in the stream, in the transaction that puts it right.
 */
export class PublicationWatch {
  readonly #options: PublicationWatchOptions;
  /** Where the tables are that are published. */
  #places = new Map<string, Place>();
  #begun = false;
  /** The last look that found nothing altered. */
  #right: Moment | null = null;
  /** What was found and is not in the stream yet. */
  #unsaid: Alterations = NOTHING;
  #warnedOf: string | null = null;
  #unplaced = '';

  constructor(options: PublicationWatchOptions) {
    this.#options = options;
  }

  /** True when {@link begin} was called. */
  get begun(): boolean {
    return this.#begun;
  }

  /**
   * From here on the changes of what is published are captured; before, nothing can be lost.
   * @param captured oids of tables whose changes have been captured already.
   */
  begin(captured: Iterable<string> = []): void {
    this.#begun = true;
    for (const oid of captured) this.#places.set(oid, 'insertOnly');
  }

  /** Reads everything, and compares it with what it was. */
  async look(query: TablesQuery, signal: AbortSignal): Promise<PublicationLook> {
    const { session, names } = this.#options;
    const moment = await readMoment(session, signal);
    const publications = await readPublications(session, names, signal);
    const tables = await readTables(session, query, signal);
    const { all, insertOnly } = publications;
    // A lost one is an error of its own, and whoever makes it again has not made up for the loss.
    if (all === null || insertOnly === null) return { publications, tables, altered: NOTHING };
    const altered = this.#begun
      ? findAlterations([all, insertOnly], tables, this.#places, this.#right !== null)
      : NOTHING;
    this.#places = placesAfter(tables, this.#places, altered.tables);
    const text = alterationsText(altered, tables);
    this.#warnOfAlterations(text, moment);
    await this.#sayOfOthers(altered, tables, signal);
    this.#unsaid = altered;
    if (text === null) this.#right = moment;
    return { publications, tables, altered };
  }

  /** Nothing was altered since the last look, up to this moment. */
  stillRight(moment: Moment): void {
    this.#right = moment;
  }

  /**
   * Makes what is missing of the publications themselves, and corrects what is different.
   * @param run runs statements in one transaction.
   */
  async correct(
    { publications, altered }: PublicationLook,
    version: number,
    run: (sql: string) => Promise<unknown>,
  ): Promise<void> {
    const statements = publicationsSql(this.#options.source, publications, version);
    if (statements.length === 0) return;
    const { operations } = altered;
    const said = operations.length === 0 ? [] : [this.#saySql(operations.join('; '))];
    await run([OWN_STATEMENTS_SQL, ...statements, ...said].join('\n'));
    this.#unsaid = { ...this.#unsaid, operations: [] };
  }

  /** Puts tables where they belong. */
  async place(
    tables: readonly CapturedTable[],
    { altered }: PublicationLook,
    lockTimeout: number,
    signal: AbortSignal,
  ): Promise<readonly Unplaced[]> {
    const { session, names, onProgress } = this.#options;
    const misplaced = tables.filter(isMisplaced);
    const unplaced = await placeTables(
      misplaced,
      {
        session,
        names,
        lockTimeout,
        onProgress,
        alsoSql: (some) => {
          const text = alterationsText({ operations: [], tables: altered.tables }, some);
          return text === null ? [] : [this.#saySql(text)];
        },
      },
      signal,
    );
    const failed = new Set(unplaced.map(({ table }) => table.oid));
    for (const { oid, wantedInAll, wantedInInsertOnly } of misplaced) {
      if (failed.has(oid) || !(wantedInAll || wantedInInsertOnly)) continue;
      this.#places.set(oid, wantedInAll ? 'all' : 'insertOnly');
    }
    const left = [...this.#unsaid.tables].filter(([oid]) => failed.has(oid));
    this.#unsaid = { ...this.#unsaid, tables: new Map(left) };
    return unplaced;
  }

  /** What somebody put right where we could not is a loss all the same. */
  async #sayOfOthers(
    altered: Alterations,
    tables: readonly CapturedTable[],
    signal: AbortSignal,
  ): Promise<void> {
    const before = this.#unsaid;
    const passed = {
      operations: altered.operations.length === 0 ? before.operations : [],
      tables: new Map([...before.tables].filter(([oid]) => !altered.tables.has(oid))),
    };
    const text = alterationsText(passed, tables);
    if (text !== null) await this.#options.session.query(this.#saySql(text), signal);
  }

  /** Warns of tables that could not be put where they belong, unless they are the same as before. */
  warnOfUnplaced(unplaced: readonly Unplaced[]): void {
    const { source, onWarning } = this.#options;
    const [first] = unplaced;
    const tables = listTables(unplaced.map(({ table }) => table));
    if (tables === this.#unplaced) return;
    this.#unplaced = tables;
    if (first === undefined) return;
    const reason = first.error instanceof Error ? first.error.message : String(first.error);
    const details = { source, tables, reason };
    onWarning(new TidingsError('TABLES_NOT_FOLLOWED', details, { cause: first.error }));
  }

  #warnOfAlterations(what: string | null, { at }: Moment): void {
    const { source, onWarning } = this.#options;
    if (what === this.#warnedOf) return;
    this.#warnedOf = what;
    if (what === null) return;
    const since = this.#right === null ? 'an unknown time' : formatMicros(this.#right.at);
    const until = formatMicros(at);
    onWarning(new TidingsError('PUBLICATION_ALTERED', { source, what, since, until }));
  }

  #saySql(what: string): string {
    const { source } = this.#options;
    const from = this.#right?.position ?? null;
    return sayUnpublishedSql(source, { from, reason: `${ALTERED}${what}` });
  }
}

/** Where the server is. */
export async function readMoment(session: SqlSession, signal: AbortSignal): Promise<Moment> {
  const [now] = await session.query<{ readonly lsn: string; readonly at: string }>(
    {
      name: 'tidings moment',
      text: `SELECT pg_current_wal_insert_lsn()::text AS lsn,
        (extract(epoch FROM clock_timestamp()) * 1e6)::bigint::text AS at`,
    },
    signal,
  );
  if (now === undefined) throw new Error('The server does not know where it is');
  return { position: lsnToPosition(now.lsn), at: Number(now.at) };
}
