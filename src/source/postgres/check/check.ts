import type { TablePatterns } from '../../../change/table-pattern.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import type { CheckResult } from '../../../observe/check-result.ts';
import {
  checkRights,
  checkServer,
  checkSlots,
  checkTimeout,
  checkTls,
  checkWalBound,
} from './check-server.ts';
import { checkLocks, readLockRoom } from './check-locks.ts';
import { checkPublications } from './check-publications.ts';
import { checkRepack } from './check-repack.ts';
import { checkNewTables, checkTables } from './check-tables.ts';
import { readSettings } from './check-settings.ts';
import { checkInheritance } from '../relation/inheritance.ts';
import { readTables, readSkipped } from '../setup/captured-tables.ts';
import type { ConnectOptions } from '../connection/connect.ts';
import { checkEncoding } from '../connection/encoding.ts';
import { readSilenced } from '../setup/event-triggers.ts';
import { publicationNames, readPublications } from '../setup/publication.ts';
import { readFacts } from './server-facts.ts';
import { checkStandbys, readStandbys } from './check-standbys.ts';
import { findSlot } from '../setup/slot.ts';
import type { SqlSession } from '../connection/sql-session.ts';
import { readTrigger } from '../setup/table-trigger.ts';

export interface CheckOptions {
  readonly connection: ConnectOptions;
  readonly session: SqlSession;
  readonly patterns: TablePatterns;
}

/**
 * Looks at everything capture needs, and changes nothing. What makes the rest impossible to look at
 * (no connection) is itself a result.
 * @throws the signal's reason when it aborts.
 */
export async function checkSource(
  options: CheckOptions,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  try {
    for await (const result of runChecks(options, signal)) results.push(result);
  } catch (error) {
    signal.throwIfAborted();
    if (!isTidingsError(error)) throw error;
    const name = results.length === 0 ? 'connection' : 'checks';
    results.push({ name, status: 'failed', message: error.message, fix: error.hint });
  }
  return results;
}

async function* runChecks(
  { connection, session, patterns }: CheckOptions,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  const { source } = connection;
  const facts = await readFacts(session, signal);
  const settings = await readSettings(session, signal);
  yield checkTls(connection.url, settings);
  yield* checkServer(facts);
  const owner = { source, database: facts.database, databaseOid: facts.databaseOid };
  const slot = facts.standby ? null : await findSlot(session, owner, signal);
  yield checkEncoding(facts, slot !== null);
  yield* checkSlots(source, settings, slot);
  if (!facts.standby) {
    yield* checkStandbys(source, facts.version, {
      slot,
      standbys: await readStandbys(session, signal),
    });
  }
  yield checkWalBound(settings);
  yield checkTimeout(settings);
  const names = publicationNames(source);
  const query = { patterns, names, triggered: true };
  const trigger = await readTrigger(session, source, query, signal);
  const triggered = facts.superuser || (trigger?.enabled === true && trigger.current);
  const tables = await readTables(session, { ...query, triggered }, signal);
  const publications = await readPublications(session, names, signal);
  yield* checkRights(source, facts, publications, tables);
  if (slot !== null) yield checkPublications(source, publications, tables);
  yield* checkTables(tables, await readSkipped(session, patterns, signal));
  yield* checkInheritance(session, patterns, signal);
  yield checkLocks(await readLockRoom(session, patterns, signal));
  yield* checkRepack(facts, settings, tables);
  yield checkNewTables(source, query, triggered, await readSilenced(session, signal));
}
