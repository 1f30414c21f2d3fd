import type { CheckResult } from '../../../observe/check-result.ts';
import type { ServerSettings } from './check-settings.ts';
import { type CapturedTable, listTables } from '../setup/captured-tables.ts';
import type { ServerFacts } from './server-facts.ts';

/** PostgreSQL 19 has REPACK (CONCURRENTLY). */
const HAS_REPACK = 190_000;

/**
 * What REPACK (CONCURRENTLY) and capture are to each other. It refuses tables with REPLICA IDENTITY
 * FULL; and while it runs no slot but its own moves on, so that what it writes counts against the
 * bound of a slot whose reader is up to date. Said also where neither is the case: `doctor` itself
 * advises a bound and REPLICA IDENTITY FULL.
 */
export function* checkRepack(
  { version }: ServerFacts,
  { slotWalLimit }: ServerSettings,
  tables: readonly CapturedTable[],
): Generator<CheckResult> {
  if (version < HAS_REPACK) return;
  const name = 'repack';
  const full = tables.filter((table) => table.full && table.wantedInAll);
  const which = full.length === 0 ? '; none has it' : `: ${listTables(full)}`;
  yield {
    name,
    status: 'ok',
    message: `REPACK (CONCURRENTLY) refuses tables with REPLICA IDENTITY FULL, which undo needs${which}. REPACK without it takes them, and locks them meanwhile.`,
  };
  // The WAL was about twice the table's size in what was measured: docs/guide/postgresql.md.
  const bound =
    slotWalLimit >= 0
      ? `slots may hold back ${slotWalLimit} MB; above three times the largest table that you repack is safe.`
      : 'a bound has to be above three times the largest table that you repack.';
  yield {
    name,
    status: 'ok',
    message: `REPACK (CONCURRENTLY) of a large table can cost a slot with a bound, however up to date its reader is: it writes about twice the table's size, so ${bound}`,
  };
}
