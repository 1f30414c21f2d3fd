import type { TablePatterns } from '../../../change/table-pattern.ts';
import type { TableDefinition } from '../../../change/table.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import type { SetUpOptions } from '../../source.ts';
import {
  announcedRootsSql,
  announcementsRightsSql,
  pruneAnnouncementsSql,
  type Superseding,
  supersedingSql,
} from '../relation/announcements-table.ts';
import { announceRelations } from '../relation/announce-relations.ts';
import { isMisplaced, type PublicationNames, type TablesQuery } from './captured-tables.ts';
import { fingerprintCatalogue } from '../relation/catalogue-fingerprint.ts';
import type { PlacementProgress } from './place-tables.ts';
import { publicationNames, readPublications } from './publication.ts';
import { type PublicationLook, PublicationWatch, readMoment } from './publication-watch.ts';
import { encodingWarning, requireEncoding } from '../connection/encoding.ts';
import { inheritanceWarning } from '../relation/inheritance.ts';
import { lsnToPosition } from '../wire/position.ts';
import { removeAll } from './remove-all.ts';
import { missingRights, type PublishedTables } from './rights.ts';
import { replaceSlot } from './replace-slot.ts';
import { readFacts, requireServer, type ServerFacts } from '../check/server-facts.ts';
import {
  advanceSlot,
  confirmedPosition,
  createSlot,
  findSlot,
  lossOf,
  type Slot,
  type SlotOwner,
} from './slot.ts';
import { sqlState } from '../connection/source-error.ts';
import type { SqlSession } from '../connection/sql-session.ts';
import { makeTrigger, readTrigger, type TableTrigger } from './table-trigger.ts';

export interface SetupOptions {
  readonly source: string;
  readonly session: SqlSession;
  readonly patterns: TablePatterns;
  /** Told of what limits capture without ending it, once for each new finding. */
  readonly onWarning: (warning: TidingsError) => void;
  /** Told how far many tables have been published. */
  readonly onProgress: (progress: PlacementProgress) => void;
}

/** How long set-up waits for a table that somebody is changing; milliseconds. */
const SETUP_LOCK_TIMEOUT = 10_000;
/**
 * The same while changes stream. Short, because the question whether a change is visible waits
 * behind it on the same connection.
 */
const FOLLOW_LOCK_TIMEOUT = 100;

/** How long the tables are not looked at when nothing seems to have changed; milliseconds. */
const LOOK_PAUSE = 60_000;

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * All that Tidings makes in the database: two publications, an event trigger with its function when
 * the role is a superuser, and the slot. Whatever is there already is used as it is, so an
 * administrator can make everything by hand and leave the role without rights.
 */
export class Setup {
  readonly #options: SetupOptions;
  readonly names: PublicationNames;
  readonly #watch: PublicationWatch;
  /** The catalogue in which everything was in its place, and when. */
  #seen: { readonly what: string; readonly at: number } | null = null;
  /** The state of the event trigger under which everything was announced; null for none. */
  #announcedUnder: string | null = null;
  /** Announcements that older ones may be forgotten for once the slot has passed the position. */
  #superseding: { readonly rows: readonly Superseding[]; readonly end: string } | null = null;

  constructor(options: SetupOptions) {
    this.#options = options;
    this.names = publicationNames(options.source);
    this.#watch = new PublicationWatch({ ...options, names: this.names });
  }

  /**
   * Makes what is missing. The slot comes last: a publication has to exist at every point in the
   * WAL that the slot will read.
   * @throws TidingsError `RIGHTS_MISSING` with the SQL that an administrator runs; others that say
   *   what to change. With slot `expect` tables that cannot be captured are only a warning: capture
   *   of all others must not stop because somebody made a table.
   */
  async ensure({ slot, known = [] }: SetUpOptions, signal: AbortSignal): Promise<void> {
    const { source, session } = this.#options;
    const facts = await readFacts(session, signal);
    requireServer(source, facts);
    this.#lookAtEncoding(facts, slot);
    if (slot === 'expect' && !this.#watch.begun) await this.#remember(known, signal);
    const found = await this.#find(facts, signal);
    const missing = (['all', 'insertOnly'] as const).filter(
      (kind) => found.publications[kind] === null,
    );
    if (slot === 'expect' && missing[0] !== undefined) {
      const gone = (await findSlot(session, this.#owner(facts), signal)) === null;
      throw gone && missing.length > 1
        ? new TidingsError('SOURCE_UNINSTALLED', { source })
        : new TidingsError('PUBLICATION_LOST', { source, publication: this.names[missing[0]] });
    }
    if (slot === 'create') this.#requireRights(facts, found);
    await this.#makePublications(facts, found, slot, signal);
    if (slot === 'create') await this.#makeSlot(facts, missing.length > 0, signal);
    await this.#lookAtChildren(signal);
    // From here on everything that is published is captured.
    this.#watch.begin();
    // Behind the slot: from here on the event trigger announces what changes.
    await this.#announce(facts, signal);
  }

  /** What was captured before this process began: of what the log knows, and of what was announced. */
  async #remember(known: readonly TableDefinition[], signal: AbortSignal): Promise<void> {
    const { source, session } = this.#options;
    const tables = known.flatMap(({ origin }) => origin?.id ?? []);
    const [rights] = await session.query(announcementsRightsSql(source), signal);
    const announced =
      rights === undefined || !Object.values(rights).every(Boolean)
        ? []
        : await session.query<{ readonly root: string }>(announcedRootsSql(source), signal);
    this.#watch.begin([...tables, ...announced.map(({ root }) => root)]);
  }

  /** @param outdated true when a slot that exists was made before its publications. */
  async #makeSlot(facts: ServerFacts, outdated: boolean, signal: AbortSignal): Promise<void> {
    const { session } = this.#options;
    const owner = this.#owner(facts);
    const existing = await findSlot(session, owner, signal);
    if (existing === null) {
      await createSlot(session, owner, signal);
      return;
    }
    if (!outdated) return;
    // Made before its publications, it would stumble over WAL from before they existed.
    if (lossOf(existing) === null)
      await advanceSlot(session, existing, this.#options.source, signal);
    else await replaceSlot(session, existing, owner, signal);
  }

  /** Has what the captured relations are at the moment beside what the event trigger says of them. */
  async #announce({ superuser }: ServerFacts, signal: AbortSignal): Promise<void> {
    if (!superuser) return;
    const trigger = await this.#readTrigger(signal);
    const state = trigger?.enabled === true ? trigger.state : null;
    // Since then the event trigger has announced everything itself.
    if (state !== null && state === this.#announcedUnder) return;
    await announceRelations(this.#options, signal);
    this.#announcedUnder = state;
  }

  /** Forgets announcements that no change can need that the slot has still to send. */
  async #prune(signal: AbortSignal): Promise<void> {
    const { source, session } = this.#options;
    const facts = await readFacts(session, signal);
    if (!facts.superuser) return;
    const slot = await findSlot(session, this.#owner(facts), signal);
    const confirmed = slot === null ? null : confirmedPosition(slot);
    const superseding = this.#superseding;
    if (superseding !== null && confirmed !== null && confirmed >= superseding.end) {
      const { rows } = superseding;
      const values = [rows.map(({ relation }) => relation), rows.map(({ lsn }) => lsn)];
      await session.query({ text: pruneAnnouncementsSql(source), values }, signal);
      this.#superseding = null;
    }
    if (this.#superseding !== null) return;
    const rows = await session.query<Superseding & { readonly end: string }>(
      supersedingSql(source),
      signal,
    );
    const ends = rows.map(({ end }) => lsnToPosition(end)).toSorted();
    const end = ends.at(-1);
    this.#superseding = end === undefined ? null : { rows, end };
  }

  /** Makes a new slot at the present, and returns its position. */
  async renew(signal: AbortSignal): Promise<string> {
    const { source, session } = this.#options;
    const facts = await readFacts(session, signal);
    requireServer(source, facts);
    const found = await this.#find(facts, signal);
    this.#requireRights(facts, found);
    await this.#makePublications(facts, found, 'create', signal);
    this.#watch.begin();
    const owner = this.#owner(facts);
    const old = await findSlot(session, owner, signal);
    const slot = await (old === null
      ? createSlot(session, owner, signal)
      : replaceSlot(session, old, owner, signal));
    const position = confirmedPosition(slot);
    await this.#announce(facts, signal);
    if (position === null) throw new Error(`The new slot of ${source} has no position`);
    return position;
  }

  /**
   * Looks whether tables came, went, or gained or lost their identity, and has the publications
   * follow.
   * @returns true when an event trigger does the same at once, and this is only a safety net.
   */
  async follow(signal: AbortSignal): Promise<boolean> {
    const { session } = this.#options;
    const triggered = await this.#isTriggered(signal);
    if (triggered) await this.#prune(signal);
    const moment = await readMoment(session, signal);
    const fingerprint = await fingerprintCatalogue(session, this.names, signal);
    const seen = `${fingerprint} ${String(triggered)}`;
    if (seen === this.#seen?.what && performance.now() - this.#seen.at < LOOK_PAUSE) {
      this.#watch.stillRight(moment);
      return triggered;
    }
    const found = await this.#watch.look(this.#query(triggered), signal);
    const { all, insertOnly } = found.publications;
    // A lost one ends the stream.
    if (all === null || insertOnly === null) return triggered;
    if (!all.correct || !insertOnly.correct) {
      const { version } = await readFacts(session, signal);
      await this.#watch.correct(found, version, (sql) => session.query(sql, signal));
    }
    const unplaced = await this.#watch.place(found.tables, found, FOLLOW_LOCK_TIMEOUT, signal);
    this.#watch.warnOfUnplaced(unplaced);
    // What was put somewhere is looked at once more.
    const settled = all.correct && insertOnly.correct && !found.tables.some(isMisplaced);
    this.#seen = settled ? { what: seen, at: performance.now() } : null;
    return triggered;
  }

  /** The slot, or null, and whose it is. */
  async slot(
    signal: AbortSignal,
  ): Promise<{ readonly slot: Slot | null; readonly owner: SlotOwner }> {
    const { session } = this.#options;
    const owner = this.#owner(await readFacts(session, signal));
    return { slot: await findSlot(session, owner, signal), owner };
  }

  /** Whether slot and publications are there, and the slot has not passed the position. */
  async hasAllSince(position: string, signal: AbortSignal): Promise<boolean> {
    const { session } = this.#options;
    const { slot } = await this.slot(signal);
    const { all, insertOnly } = await readPublications(session, this.names, signal);
    if (slot === null || lossOf(slot) !== null || all === null || insertOnly === null) return false;
    return (confirmedPosition(slot) ?? position) <= position;
  }

  /**
   * Removes everything; each line says one thing that was removed.
   * @throws TidingsError `RIGHTS_MISSING` with the SQL for all that is left.
   */
  async remove(signal: AbortSignal): Promise<readonly string[]> {
    const { session } = this.#options;
    const facts = await readFacts(session, signal);
    const slot = await findSlot(session, this.#owner(facts), signal);
    return await removeAll({ ...this.#options, names: this.names, slot, role: facts.role }, signal);
  }

  #owner({ database, databaseOid }: ServerFacts): SlotOwner {
    return { source: this.#options.source, database, databaseOid };
  }

  #query(triggered: boolean): TablesQuery {
    return { patterns: this.#options.patterns, names: this.names, triggered };
  }

  async #isTriggered(signal: AbortSignal): Promise<boolean> {
    const trigger = await this.#readTrigger(signal);
    return trigger?.enabled === true && trigger.current && trigger.fires;
  }

  #readTrigger(signal: AbortSignal): Promise<TableTrigger | null> {
    const { session, source } = this.#options;
    return readTrigger(session, source, this.#query(true), signal);
  }

  async #find(facts: ServerFacts, signal: AbortSignal): Promise<PublicationLook> {
    const triggered = facts.superuser || (await this.#isTriggered(signal));
    return this.#watch.look(this.#query(triggered), signal);
  }

  #requireRights(facts: ServerFacts, found: PublishedTables): void {
    const { source } = this.#options;
    const { missing, sql } = missingRights(source, facts, found);
    if (missing.length === 0) return;
    throw new TidingsError('RIGHTS_MISSING', {
      source,
      role: facts.role,
      missing: missing.join('; it '),
      sql: sql.join('\n'),
    });
  }

  async #makePublications(
    facts: ServerFacts,
    found: PublicationLook,
    slot: 'create' | 'expect',
    signal: AbortSignal,
  ): Promise<void> {
    const watch = this.#watch;
    await watch.correct(found, facts.version, (sql) =>
      this.#run(sql, 'may not make or change its publications', signal),
    );
    // The trigger comes after them: it would make each statement cost more. Partitioned tables wait
    // for it, because a partition that is made before may have no identity.
    const early = found.tables.filter((table) => !(facts.superuser && table.partitioned));
    let unplaced = await watch.place(early, found, SETUP_LOCK_TIMEOUT, signal);
    if (facts.superuser) {
      await makeTrigger(this.#options, this.#query(true), signal);
      // And with them those that were made between the first look and the trigger.
      const late = await watch.look(this.#query(true), signal);
      unplaced = await watch.place(late.tables, late, SETUP_LOCK_TIMEOUT, signal);
    }
    watch.warnOfUnplaced(unplaced);
    if (slot === 'create' && unplaced[0] !== undefined) throw unplaced[0].error;
  }

  /** A log that is there goes on as long as it can; one that is not must not begin. */
  #lookAtEncoding(facts: ServerFacts, slot: 'create' | 'expect'): void {
    const { source, onWarning } = this.#options;
    if (slot === 'create') requireEncoding(source, facts);
    const warning = encodingWarning(source, facts);
    if (warning !== null) onWarning(warning);
  }

  /** What is read with a captured table and is not captured with it. */
  async #lookAtChildren(signal: AbortSignal): Promise<void> {
    const { source, onWarning } = this.#options;
    const warning = await inheritanceWarning(source, this.#options, signal);
    if (warning !== null) onWarning(warning);
  }

  async #run(sql: string, missing: string, signal: AbortSignal): Promise<void> {
    const { source, session } = this.#options;
    try {
      await session.query(sql, signal);
    } catch (error) {
      if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
      const { role } = await readFacts(session, signal);
      throw new TidingsError('RIGHTS_MISSING', { source, role, missing, sql }, { cause: error });
    }
  }
}
