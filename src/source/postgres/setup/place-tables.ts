import { isTidingsError } from '../../../errors/tidings-error.ts';
import type { CapturedTable, PublicationNames } from './captured-tables.ts';
import { inStatements, placementSql } from './publication.ts';
import { OWN_STATEMENTS_SQL } from './repaired-by-others.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** A table that could not be put where it belongs. */
export interface Unplaced {
  readonly table: CapturedTable;
  readonly error: unknown;
}

/** How many tables of all that have to be put somewhere are there. */
export interface PlacementProgress {
  readonly done: number;
  readonly all: number;
}

export interface PlaceOptions {
  readonly session: SqlSession;
  readonly names: PublicationNames;
  /** How long to wait for a table that somebody is changing; milliseconds. */
  readonly lockTimeout: number;
  /** SQL that runs in the transaction that places these. */
  readonly alsoSql: (tables: readonly CapturedTable[]) => readonly string[];
  /** Told when it takes more than one statement. */
  readonly onProgress: (progress: PlacementProgress) => void;
}

/**
 * After so many tables the connection is opened anew: the server's process remembers every table that
 * it has put somewhere (some 8 kB each) for as long as the connection lasts.
 */
const TABLES_PER_CONNECTION = 2_000;

/**
 * Puts tables where they belong: some hundred in a transaction (see `TABLES_PER_STATEMENT`) or, if
 * that fails, each of them for itself. Nothing of it grows with the number of tables but the time.
 */
export async function placeTables(
  tables: readonly CapturedTable[],
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<readonly Unplaced[]> {
  const { session, onProgress } = options;
  const unplaced: Unplaced[] = [];
  let done = 0;
  let connected = 0;
  for (const some of inStatements(tables)) {
    unplaced.push(...(await placeSome(some, options, signal)));
    done += some.length;
    connected += some.length;
    if (some.length < tables.length) onProgress({ done, all: tables.length });
    if (connected < TABLES_PER_CONNECTION) continue;
    connected = 0;
    await session.reopen();
  }
  return unplaced;
}

async function placeSome(
  tables: readonly CapturedTable[],
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<readonly Unplaced[]> {
  try {
    await place(tables, options, signal);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    // Without a connection there is nothing to try.
    if (!isTidingsError(error, 'SOURCE_FAILED')) throw error;
    if (tables.length <= 1) return tables.map((table) => ({ table, error }));
  }
  const unplaced: Unplaced[] = [];
  for (const table of tables) {
    try {
      await place([table], options, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isTidingsError(error, 'SOURCE_FAILED')) throw error;
      unplaced.push({ table, error });
    }
  }
  return unplaced;
}

/** In one transaction, so that no change falls between two publications. */
async function place(
  tables: readonly CapturedTable[],
  { session, names, lockTimeout, alsoSql }: PlaceOptions,
  signal: AbortSignal,
): Promise<void> {
  const statements = placementSql(tables, names);
  if (statements.length === 0) return;
  await session.query(
    [
      `SET LOCAL lock_timeout = ${lockTimeout};`,
      OWN_STATEMENTS_SQL,
      ...statements,
      ...alsoSql(tables),
    ].join('\n'),
    signal,
  );
}
