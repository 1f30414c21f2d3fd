import { isTidingsError } from '../../../errors/tidings-error.ts';
import {
  CREATE_DEADLINE,
  createSlot,
  dropSlot,
  PLUGIN,
  type Slot,
  type SlotOwner,
  whyNotMade,
} from './slot.ts';
import type { SqlSession } from '../connection/sql-session.ts';
import { endsStandbyDecoding } from '../history/standby-decoding.ts';

/**
 * Puts a new slot, at the present, in the place of one that is there.
 *
 * A temporary slot is made before and dropped after it, for two reasons. Since PostgreSQL 19 a moment
 * without any logical slot can cost the server's standbys theirs, see `endsStandbyDecoding`. And what
 * keeps a slot from being made, such as a transaction that is open, is met while the old one stands.
 * Its session's end takes it away, so nothing is left of it whatever happens. So does any error in
 * that session: where another database's source takes the name that has just become free, the moment
 * without a slot is there all the same.
 * @returns the new slot.
 * @throws TidingsError `SLOT_BLOCKED`, `SLOT_IN_USE`, `SLOTS_EXHAUSTED`.
 */
export async function replaceSlot(
  session: SqlSession,
  old: Slot,
  owner: SlotOwner,
  signal: AbortSignal,
): Promise<Slot> {
  await makeBridge(session, old, owner, signal);
  try {
    await dropSlot(session, old, owner.source, signal);
    return await createSlot(session, owner, signal);
  } finally {
    // A session that was lost meanwhile has taken it along.
    await session
      .query(`SELECT pg_drop_replication_slot(slot_name) FROM ${BRIDGE}`, signal)
      .catch(() => undefined);
  }
}

/** Its name begins unlike all other names of ours: those have a source's name behind `tidings_`. */
const BRIDGE_NAME = `'tidings' || pg_backend_pid()`;
const BRIDGE = `pg_replication_slots WHERE slot_name = ${BRIDGE_NAME} AND temporary`;

async function makeBridge(
  session: SqlSession,
  old: Slot,
  { source }: SlotOwner,
  signal: AbortSignal,
): Promise<void> {
  try {
    await session.query(
      `SET LOCAL statement_timeout = ${CREATE_DEADLINE};
       SELECT pg_create_logical_replication_slot(${BRIDGE_NAME}, '${PLUGIN}', true);`,
      signal,
    );
  } catch (cause) {
    const error = await whyNotMade(session, { slot: old.slot_name, source }, cause, signal);
    // With every slot of the server in use the old one has to make room, unless that costs others.
    const full = isTidingsError(error, 'SLOTS_EXHAUSTED');
    if (!full || (await endsStandbyDecoding(session, old.slot_name, signal))) throw error;
  }
}
