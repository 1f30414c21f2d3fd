import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import { sleep } from '../../../util/sleep.ts';
import { earlier, type KnownHistory, type Parting } from '../../source-history.ts';
import { TransactionComparison } from './compare-transactions.ts';
import { connect, type ConnectOptions, destroyConnection } from '../connection/connect.ts';
import { lastWords } from '../connection/last-words.ts';
import {
  compareLineages,
  FIRST_LINEAGE,
  type Lineage,
  lineageText,
  parseHistory,
  parseLineage,
  parseStarted,
  type Place,
} from './lineage.ts';
import { lsnToPosition } from '../wire/position.ts';
import { readSlot } from '../wire/read-slot.ts';
import { confirmedPosition, lossOf, type Slot } from '../setup/slot.ts';
import { sqlState, toSourceError } from '../connection/source-error.ts';
import type { SqlSession } from '../connection/sql-session.ts';
import { findUncommitted } from '../relation/transaction-status.ts';

export interface ContinuationOptions {
  readonly connection: ConnectOptions;
  readonly session: SqlSession;
  readonly publications: readonly string[];
  readonly slot: Slot | null;
}

/** What was found. `doubt`: why the slot could not be compared. */
interface Found {
  readonly lineage: string;
  readonly parting: Parting | null;
  readonly doubt: TidingsError | null;
}

/** The first eight digits of a WAL file's name are the timeline's number. */
const PLACE = `SELECT pg_catalog.pg_is_in_recovery() AS standby,
  (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint::text AS started,
  CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_insert_lsn()::text END AS lsn,
  CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_flush_lsn()::text END AS flushed,
  CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN substr(
    pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8) END AS timeline`;

/** There is no file with the timeline's history. */
const NO_SUCH_FILE = '58P01';

/** So many of the log's newest transactions are asked for by their ids. */
const ASKED = 1_000;

/** How long the server may take to let go of the slot, and how often that is looked at; milliseconds. */
const RELEASE_DEADLINE = 5_000;
const RELEASE_PAUSE = 10;

/**
 * Compares the server's history with the log's (invariant 15); changes nothing in the database.
 *
 * Timeline and position tell most of it. They tell nothing of a copy of the data directory that was
 * started as it is: it keeps its timeline, and may have written past the log's position by now. So
 * what the slot still has is compared with the log as well. That takes reading all of it once more,
 * and is not needed for a server process that has run since the last comparison: a history goes back
 * only while the server does not run. Nor for a slot that is confirmed up to the log's position: this
 * history itself was told that the log has it.
 * @param known null for a log that has not begun.
 * @throws TidingsError `SOURCE_STANDBY`, `SLOT_IN_USE`, or why the server cannot be asked.
 */
export async function findContinuation(
  options: ContinuationOptions,
  known: KnownHistory | null,
  signal: AbortSignal,
): Promise<Found> {
  const place = await readPlace(options, signal);
  const lineage = place.lineage === null ? '' : lineageText(place.lineage, place.started);
  if (known === null) return { lineage, parting: null, doubt: null };
  const course = compareLineages(
    { lineage: parseLineage(known.lineage), position: known.position },
    place,
  );
  const told: Parting | null =
    course.kind === 'continues'
      ? null
      : { abandoned: course.to, to: course.to, reason: course.reason };
  if (told === null && parseStarted(known.lineage) === place.started) {
    return { lineage, parting: null, doubt: null };
  }
  const { parting, doubt } = await compareContent(
    { ...options, flushed: place.flushed },
    known,
    signal,
  );
  return { lineage, parting: earlier(told, parting), doubt };
}

async function readPlace(
  { connection, session }: ContinuationOptions,
  signal: AbortSignal,
): Promise<Place & { readonly flushed: string; readonly started: string }> {
  const [row] = await session.query<{
    readonly standby: boolean;
    readonly started: string;
    readonly lsn: string | null;
    readonly flushed: string | null;
    readonly timeline: string | null;
  }>(PLACE, signal);
  if (row === undefined || row.standby || row.lsn === null || row.flushed === null) {
    throw new TidingsError('SOURCE_STANDBY', { source: connection.source });
  }
  const timeline = Number.parseInt(row.timeline ?? '', 16);
  const lineage = timeline === 1 ? FIRST_LINEAGE : await readLineage(connection, timeline, signal);
  const position = lsnToPosition(row.lsn);
  return { lineage, position, flushed: lsnToPosition(row.flushed), started: row.started };
}

/** Null when the server does not have the history any more. */
async function readLineage(
  options: ConnectOptions,
  timeline: number,
  signal: AbortSignal,
): Promise<Lineage | null> {
  const client = await connect({ ...options, replication: true }, signal);
  try {
    const { rows } = await client.query<{ content: Buffer | string }>(
      `TIMELINE_HISTORY ${timeline}`,
    );
    const content = rows[0]?.content ?? '';
    return parseHistory(content.toString(), timeline);
  } catch (error) {
    if (sqlState(error) === NO_SUCH_FILE) return null;
    signal.throwIfAborted();
    throw toSourceError(options.source, lastWords(client, error));
  } finally {
    destroyConnection(client);
  }
}

/** With the position up to which the server can send anything. */
interface ContentOptions extends ContinuationOptions {
  readonly flushed: string;
}

async function compareContent(
  options: ContentOptions,
  known: KnownHistory,
  signal: AbortSignal,
): Promise<Omit<Found, 'lineage'>> {
  const { slot, session, connection } = options;
  const begin = slot === null || lossOf(slot) !== null ? null : confirmedPosition(slot);
  if (slot === null || begin === null) {
    // Its stream will say that the slot is gone; the ids are left to ask for.
    return {
      parting: await findUncommitted(session, await known.newest(ASKED), signal),
      doubt: null,
    };
  }
  if (begin >= known.position) return { parting: null, doubt: null };
  const { source } = connection;
  if (slot.active_pid !== null) {
    const reason = `server process ${slot.active_pid} streams from it`;
    throw new TidingsError('SLOT_IN_USE', { source, slot: slot.slot_name, reason });
  }
  try {
    const slotted = { known, begin, name: slot.slot_name };
    return { parting: await compareSlot(options, slotted, signal), doubt: null };
  } catch (error) {
    if (!isTidingsError(error) || error.retryable) throw error;
    const parting = await findUncommitted(session, await known.newest(ASKED), signal);
    return { parting, doubt: error };
  }
}

async function compareSlot(
  { connection, session, publications, flushed }: ContentOptions,
  slot: { readonly known: KnownHistory; readonly begin: string; readonly name: string },
  signal: AbortSignal,
): Promise<Parting | null> {
  const { known, begin, name } = slot;
  const { from, leftOut, transactions } = await known.since(begin);
  const logged = transactions[Symbol.asyncIterator]();
  const comparison = new TransactionComparison({
    logged,
    from,
    to: known.position,
    begin,
    leftOut,
  });
  let parting: Parting | null = null;
  try {
    await readSlot(
      {
        ...connection,
        slot: name,
        publications,
        // A server that is behind the log would never come to the log's position.
        to: known.position < flushed ? known.position : flushed,
        async take(found) {
          for (const transaction of found) parting ??= await comparison.compare(transaction);
          return parting === null;
        },
      },
      signal,
    );
    parting ??= await comparison.end();
  } finally {
    await logged.return?.();
    await untilFree(session, name, signal);
  }
  return parting;
}

/** The stream comes next, and needs the slot. One that stays in use says so there. */
async function untilFree(session: SqlSession, name: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + RELEASE_DEADLINE;
  const statement = {
    text: 'SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active',
    values: [name],
  };
  while (performance.now() < deadline && !signal.aborted) {
    if ((await session.query(statement, signal)).length === 0) return;
    await sleep(RELEASE_PAUSE, signal);
  }
}
