import { isTidingsError } from '../../../errors/tidings-error.ts';
import type { CheckResult } from '../../../observe/check-result.ts';
import { type CapturedTable } from '../setup/captured-tables.ts';
import type { ServerSettings } from './check-settings.ts';
import { isRemote } from '../connection/connect.ts';
import type { readPublications } from '../setup/publication.ts';
import { missingRights } from '../setup/rights.ts';
import {
  hasWalLevel,
  neededWalLevel,
  OLDEST_VERSION,
  type ServerFacts,
  versionText,
} from './server-facts.ts';
import { lossOf, type Slot } from '../setup/slot.ts';

/** The newest version that the tests run on. */
export const NEWEST_TESTED = 18;
/** A stream that is quiet for longer than this is cut before a slow network is heard of. */
const SHORT_TIMEOUT = 10_000;

/** Whether the connection is encrypted, and whether it should be. */
export function checkTls(url: string, { tls }: ServerSettings): CheckResult {
  const name = 'connection';
  if (tls !== null) return { name, status: 'ok', message: `Connected, encrypted with ${tls}.` };
  if (!isRemote(url)) return { name, status: 'ok', message: 'Connected, on this machine.' };
  return {
    name,
    status: 'warning',
    message: 'Connected over the network without encryption: rows travel in the clear.',
    fix: 'Add ?sslmode=verify-full to the url.',
  };
}

export function* checkServer(facts: ServerFacts): Generator<CheckResult> {
  const version = versionText(facts.version);
  const supported = facts.version >= OLDEST_VERSION;
  const tested = facts.version < (NEWEST_TESTED + 1) * 10_000;
  yield {
    name: 'version',
    status: !supported ? 'failed' : tested ? 'ok' : 'warning',
    message: !supported
      ? `PostgreSQL ${version}; Tidings needs 14 or newer.`
      : tested
        ? `PostgreSQL ${version}.`
        : `PostgreSQL ${version} is newer than what Tidings is tested on (${NEWEST_TESTED}).`,
    ...(supported ? {} : { fix: 'Upgrade the server.' }),
  };
  if (facts.standby) {
    yield {
      name: 'primary',
      status: 'failed',
      message: 'The server is a standby, which takes no publications.',
      fix: 'Point the url at the primary.',
    };
  }
  yield checkWalLevel(facts);
}

function checkWalLevel(facts: ServerFacts): CheckResult {
  const name = 'wal_level';
  const { walLevel } = facts;
  if (hasWalLevel(facts)) return { name, status: 'ok', message: `wal_level is ${walLevel}.` };
  const needed = neededWalLevel(facts);
  return {
    name,
    status: 'failed',
    message: `wal_level is ${walLevel}; capture needs ${needed}.`,
    sql: `ALTER SYSTEM SET wal_level = ${needed};  -- then restart the server`,
  };
}

/** The slot itself, or whether one can be made; and the two connections. */
export function* checkSlots(
  source: string,
  settings: ServerSettings,
  slot: Slot | null,
): Generator<CheckResult> {
  const { maxSlots, usedSlots, maxSenders, usedSenders } = settings;
  const loss = slot === null ? null : lossOf(slot);
  const full = slot === null && usedSlots >= maxSlots;
  yield {
    name: 'slot',
    status: loss !== null || full ? 'failed' : 'ok',
    message:
      loss !== null
        ? `Slot ${slot?.slot_name} was given up by the server: ${loss}.`
        : slot !== null
          ? `Slot ${slot.slot_name} is there${slot.active_pid === null ? '' : ' and in use'}.`
          : `${usedSlots} of ${maxSlots} replication slots are used${full ? ': none is left' : ''}.`,
    ...(loss !== null ? { fix: `tidings start --accept-gap ${source}` } : {}),
    ...(full
      ? { sql: `ALTER SYSTEM SET max_replication_slots = ${maxSlots + 10};  -- then restart` }
      : {}),
  };
  const active = slot?.active_pid !== null && slot !== null;
  const noSender = !active && usedSenders >= maxSenders;
  yield {
    name: 'connections',
    status: noSender ? 'failed' : 'ok',
    message: `Tidings uses two connections, one of them for replication; ${usedSenders} of ${maxSenders} WAL senders are used${noSender ? ': none is left' : ''}.`,
    ...(noSender
      ? { sql: `ALTER SYSTEM SET max_wal_senders = ${maxSenders + 10};  -- then restart` }
      : {}),
  };
}

/** Invariant 12: a stopped Tidings must not fill the database's disk. */
export function checkWalBound({ slotWalLimit }: ServerSettings): CheckResult {
  const name = 'retained WAL';
  if (slotWalLimit >= 0) {
    return {
      name,
      status: 'ok',
      message: `Slots may hold back at most ${slotWalLimit} MB of WAL.`,
    };
  }
  return {
    name,
    status: 'warning',
    message:
      'Slots may hold back WAL without bound: a Tidings that is stopped for long fills the disk.',
    sql: "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf();",
  };
}

export function checkTimeout({ senderTimeout }: ServerSettings): CheckResult {
  const name = 'wal_sender_timeout';
  if (senderTimeout === 0) {
    return {
      name,
      status: 'warning',
      message:
        'The server never gives up a silent connection, so a broken one keeps the slot in use.',
      sql: "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
    };
  }
  if (senderTimeout < SHORT_TIMEOUT) {
    return {
      name,
      status: 'warning',
      message: `The server gives up a connection after ${senderTimeout} ms of silence; a short hiccup of the network ends it.`,
      sql: "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
    };
  }
  return {
    name,
    status: 'ok',
    message: `A lost connection is noticed after ${senderTimeout / 1000} s.`,
  };
}

/** What `setUp` would need and the role does not have. */
export function* checkRights(
  source: string,
  facts: ServerFacts,
  publications: Awaited<ReturnType<typeof readPublications>>,
  tables: readonly CapturedTable[],
): Generator<CheckResult> {
  const name = 'rights';
  try {
    const { missing, sql } = missingRights(source, facts, { publications, tables });
    yield missing.length === 0
      ? { name, status: 'ok', message: `Role ${facts.role} has the rights that capture needs.` }
      : {
          name,
          status: 'failed',
          message: `Role ${facts.role} ${missing.join('; it ')}.`,
          sql: sql.join('\n'),
        };
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    yield { name: 'publications', status: 'failed', message: error.message, fix: error.hint };
  }
}
