import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import { sleep } from '../../../util/sleep.ts';
import { ownName } from '../names.ts';
import { lsnToPosition } from '../wire/position.ts';
import { quoteLiteral } from '../quote.ts';
import { FAILOVER_SINCE } from '../check/server-facts.ts';
import { sqlState } from '../connection/source-error.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** A source's replication slot as the server shows it. */
export interface Slot {
  readonly slot_name: string;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly active_pid: number | null;
  readonly restart_lsn: string | null;
  readonly confirmed_flush_lsn: string | null;
  /** `reserved`, `extended`, `unreserved` or `lost`. */
  readonly wal_status: string | null;
  /** Bytes that may still be written before the slot is lost; null without a limit. */
  readonly safe_wal_size: number | null;
  /** PostgreSQL 16 and newer: true when recovery conflicts took the slot's data away. */
  readonly conflicting?: boolean | null;
  /** PostgreSQL 17 and newer: why the server gave up the slot. */
  readonly invalidation_reason?: string | null;
  /** PostgreSQL 17 and newer: true when standbys keep it, so that it is there after a failover. */
  readonly failover?: boolean;
}

/** Which slot is meant. */
export interface SlotOwner {
  readonly source: string;
  readonly database: string;
  readonly databaseOid: number;
}

export const PLUGIN = 'pgoutput';
/** How long transactions that are open already may hold up a new slot; milliseconds. */
export const CREATE_DEADLINE = 20_000;
/** How long a reader that is just ending may take to let go of its slot; milliseconds. */
const RELEASE_DEADLINE = 2_000;

const IN_USE = '55006';
const NO_SUCH_OBJECT = '42704';
const EXISTS = '42710';
const CANCELLED = '57014';
const LIMIT_REACHED = '53400';

/**
 * A slot's names. Slots belong to the whole server, so the source `main` of two databases would want
 * the same one; the second gets its database's oid.
 */
function slotNames({ source, databaseOid }: SlotOwner): readonly [string, string] {
  return [ownName(source), `${ownName(source)}_${databaseOid}`];
}

/** The columns differ by version, hence as JSON. */
function readSlots(
  session: SqlSession,
  owner: SlotOwner,
  signal: AbortSignal,
): Promise<readonly Slot[]> {
  const names = slotNames(owner).map(quoteLiteral).join(', ');
  const text = `SELECT to_jsonb(s) AS slot
    FROM pg_replication_slots s WHERE slot_name IN (${names}) ORDER BY length(slot_name)`;
  return session
    .query<{ readonly slot: Slot }>(text, signal)
    .then((rows) => rows.map((row) => row.slot));
}

/** The source's slot in this database, or null. */
export async function findSlot(
  session: SqlSession,
  owner: SlotOwner,
  signal: AbortSignal,
): Promise<Slot | null> {
  const slots = await readSlots(session, owner, signal);
  return slots.find((slot) => isOurs(slot, owner)) ?? null;
}

function isOurs(slot: Slot, owner: SlotOwner): boolean {
  return slot.database === owner.database && slot.plugin === PLUGIN;
}

/**
 * Makes the slot. The server first waits for every transaction that is open, in any database.
 * @returns the slot.
 * @throws TidingsError `SLOT_BLOCKED` with who is in the way, `SLOT_TAKEN`, `SLOTS_EXHAUSTED`.
 */
export async function createSlot(
  session: SqlSession,
  owner: SlotOwner,
  signal: AbortSignal,
  deadline = CREATE_DEADLINE,
): Promise<Slot> {
  const { source } = owner;
  const taken = new Set((await readSlots(session, owner, signal)).map((slot) => slot.slot_name));
  const [first] = slotNames(owner);
  const name = slotNames(owner).find((candidate) => !taken.has(candidate));
  if (name === undefined) {
    throw new TidingsError('SLOT_TAKEN', { source, slot: first, slotSql: quoteLiteral(first) });
  }
  const options = await failoverOption(session, signal);
  try {
    await session.query(
      `SET LOCAL statement_timeout = ${deadline};
       SELECT pg_create_logical_replication_slot(${quoteLiteral(name)}, '${PLUGIN}'${options});`,
      signal,
    );
  } catch (error) {
    // Another database's source of the same name was faster: the other name is still free.
    if (sqlState(error) === EXISTS) return createSlot(session, owner, signal, deadline);
    throw await whyNotMade(session, { slot: name, source }, error, signal);
  }
  const slot = await findSlot(session, owner, signal);
  if (slot === null) throw new TidingsError('SLOT_MISSING', { source, slot: name });
  return slot;
}

/** What the server's refusal to make a slot means: `SLOT_BLOCKED`, `SLOTS_EXHAUSTED`, or itself. */
export async function whyNotMade(
  session: SqlSession,
  slot: { readonly slot: string; readonly source: string },
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const state = sqlState(error);
  if (state === CANCELLED) return blocked(session, slot, error, signal);
  if (state !== LIMIT_REACHED) return error;
  return new TidingsError('SLOTS_EXHAUSTED', { source: slot.source }, { cause: error });
}

/** Where standbys can keep a slot, ours is one that they do: it costs nothing where there are none. */
async function failoverOption(session: SqlSession, signal: AbortSignal): Promise<string> {
  const [row] = await session.query<{ readonly version: number }>(
    `SELECT pg_catalog.current_setting('server_version_num')::int AS version`,
    signal,
  );
  return (row?.version ?? 0) >= FAILOVER_SINCE ? ', false, false, true' : '';
}

async function blocked(
  session: SqlSession,
  { slot, source }: { readonly slot: string; readonly source: string },
  cause: unknown,
  signal: AbortSignal,
): Promise<TidingsError> {
  const [blocker] = await session.query<{ readonly what: string }>(
    `SELECT * FROM (
       SELECT format('pid %s (user %s, database %s, %s, since %s): %s', pid, usename, datname, state,
         to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS'), left(regexp_replace(query, '\\s+', ' ', 'g'), 100)) AS what,
         xact_start AS since
       FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
       UNION ALL
       SELECT format('prepared transaction %s of %s', gid, owner), prepared FROM pg_prepared_xacts
     ) open ORDER BY since LIMIT 1`,
    signal,
  );
  const reason = blocker?.what ?? 'it has ended meanwhile';
  return new TidingsError('SLOT_BLOCKED', { source, slot, reason }, { cause });
}

/**
 * Whether the log can be continued from this slot.
 * @param from the position up to which the log is complete; null when the log is new.
 * @throws TidingsError `SLOT_MISSING`, `SLOT_INVALIDATED`, `SLOT_MOVED`, `SLOT_IN_USE`
 */
export function requireSlot(slot: Slot | null, owner: SlotOwner, from: string | null): Slot {
  const { source } = owner;
  if (slot === null) throw new TidingsError('SLOT_MISSING', { source, slot: slotNames(owner)[0] });
  const { slot_name: name, active_pid: pid } = slot;
  const lost = lossOf(slot);
  if (lost !== null)
    throw new TidingsError('SLOT_INVALIDATED', { source, slot: name, reason: lost });
  const confirmed = confirmedPosition(slot);
  if (from !== null && confirmed !== null && confirmed > from) {
    const bytes = String(BigInt(`0x${confirmed}`) - BigInt(`0x${from}`));
    throw new TidingsError('SLOT_MOVED', { source, slot: name, from, to: confirmed, bytes });
  }
  if (pid !== null) {
    const reason = `server process ${pid} streams from it`;
    throw new TidingsError('SLOT_IN_USE', { source, slot: name, reason });
  }
  return slot;
}

/**
 * Why the log cannot be continued from this slot, for whoever only looks; null when it can, and while
 * somebody reads it, who may have come further than the log that was looked at.
 */
export function whyLost(slot: Slot | null, owner: SlotOwner, from: string): TidingsError | null {
  try {
    if (slot?.active_pid === null || slot === null) requireSlot(slot, owner, from);
    return null;
  } catch (error) {
    if (isTidingsError(error)) return error;
    throw error;
  }
}

/** Why the server gave the slot up; null when it did not. */
export function lossOf(slot: Slot): string | null {
  const { invalidation_reason: reason, wal_status: status, conflicting } = slot;
  if (reason !== null && reason !== undefined) return reason;
  if (status === 'lost') return 'the WAL it needs was removed';
  return conflicting === true ? 'it conflicted with recovery' : null;
}

/** The position up to which the slot's reader said that everything is durable. */
export function confirmedPosition(slot: Slot): string | null {
  return slot.confirmed_flush_lsn === null ? null : lsnToPosition(slot.confirmed_flush_lsn);
}

/**
 * Moves a slot that nobody reads to the present, over what it has still to send. It stays what its
 * administrator made of it, such as one that standbys keep.
 * @throws TidingsError `SLOT_IN_USE`
 */
export async function advanceSlot(
  session: SqlSession,
  slot: Slot,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  const { slot_name: name } = slot;
  const statement = {
    text: 'SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())',
    values: [name],
  };
  try {
    await session.query(statement, signal);
  } catch (error) {
    if (sqlState(error) !== IN_USE || !isTidingsError(error)) throw error;
    const details = { source, slot: name, reason: error.message };
    throw new TidingsError('SLOT_IN_USE', details, { cause: error });
  }
}

/**
 * Drops a slot that exists.
 * A reader that is just ending is waited for; nobody else's is ended.
 * @throws TidingsError `SLOT_IN_USE`, also when the reader does not let go of it in time.
 */
export async function dropSlot(
  session: SqlSession,
  slot: Slot,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  const { slot_name: name } = slot;
  const deadline = Date.now() + RELEASE_DEADLINE;
  for (;;) {
    const failure = await tryDrop(session, name, signal);
    if (failure === null) return;
    if (Date.now() > deadline) {
      const details = { source, slot: name, reason: failure.message };
      throw new TidingsError('SLOT_IN_USE', details, { cause: failure });
    }
    await sleep(50, signal);
  }
}

/** The same for an administrator. */
export function dropSlotSql({ slot_name: name }: Slot): string {
  return `SELECT pg_drop_replication_slot(${quoteLiteral(name)});`;
}

/** Null when the slot is gone, else the error that says who uses it. */
async function tryDrop(
  session: SqlSession,
  name: string,
  signal: AbortSignal,
): Promise<Error | null> {
  try {
    await session.query({ text: 'SELECT pg_drop_replication_slot($1)', values: [name] }, signal);
    return null;
  } catch (error) {
    const state = sqlState(error);
    if (state === NO_SUCH_OBJECT) return null;
    if (state === IN_USE && isTidingsError(error)) return error;
    throw error;
  }
}
