import { TidingsError } from '../../../errors/tidings-error.ts';
import { announcementsName, announcementsRightsSql } from '../relation/announcements-table.ts';
import { OWN_SCHEMA, type PublicationNames } from './captured-tables.ts';
import { emptyPublication } from './drop-publication.ts';
import { dropPublicationSql, readPublications } from './publication.ts';
import { quoteIdentifier } from '../quote.ts';
import { dropSlot, dropSlotSql, type Slot } from './slot.ts';
import { sqlState } from '../connection/source-error.ts';
import type { SqlSession } from '../connection/sql-session.ts';
import { dropTriggerSql, triggerName } from './table-trigger.ts';

export interface RemoveOptions {
  readonly source: string;
  readonly session: SqlSession;
  readonly names: PublicationNames;
  readonly slot: Slot | null;
  /** Whom the session is. */
  readonly role: string;
}

const INSUFFICIENT_PRIVILEGE = '42501';
const DEPENDENTS_EXIST = '2BP01';

/**
 * Removes all that Tidings made in the database; each line says one thing that was removed. What the
 * role may not remove stays, and does not keep the rest.
 * @throws TidingsError `RIGHTS_MISSING` with the SQL for all that is left.
 */
export async function removeAll(
  { source, session, names, slot, role }: RemoveOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const removed: string[] = [];
  const left: string[] = [];
  const leftSql: string[] = [];
  const remove = async (
    what: string,
    sql: string,
    run = async (): Promise<void> => void (await session.query(sql, signal)),
  ): Promise<void> => {
    try {
      await run();
      removed.push(what);
    } catch (error) {
      const state = sqlState(error);
      const waits = state === DEPENDENTS_EXIST && left.length > 0;
      if (state !== INSUFFICIENT_PRIVILEGE && !waits) throw error;
      left.push(what);
      leftSql.push(sql);
    }
  };

  if (slot !== null) {
    const drop = (): Promise<void> => dropSlot(session, slot, source, signal);
    await remove(`replication slot ${slot.slot_name}`, dropSlotSql(slot), drop);
  }
  if (await hasTriggerParts(session, source, signal)) {
    await remove(`event trigger ${triggerName(source)} and its function`, dropTriggerSql(source));
  }
  const publications = await readPublications(session, names, signal);
  for (const publication of Object.values(publications)) {
    if (publication === null) continue;
    const { name } = publication;
    const sql = dropPublicationSql(name);
    await remove(`publication ${name}`, sql, async () => {
      await emptyPublication(session, name, signal);
      await session.query(sql, signal);
    });
  }
  if (await isSchemaOurs(session, source, signal)) {
    await remove(`schema ${OWN_SCHEMA}`, `DROP SCHEMA ${quoteIdentifier(OWN_SCHEMA)};`);
  }
  if (left.length === 0) return removed;
  const missing = `may not drop ${left.join(', ')}`;
  throw new TidingsError('RIGHTS_MISSING', { source, role, missing, sql: leftSql.join('\n') });
}

/** Somebody may have dropped the event trigger by hand, and left its function and its table. */
async function hasTriggerParts(
  session: SqlSession,
  source: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [row] = await session.query<{ readonly there: boolean }>(
    {
      text: `SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = $1)
        OR EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
          WHERE n.nspname = $2 AND p.proname = $1)
        OR EXISTS (${announcementsRightsSql(source)}) AS there`,
      values: [triggerName(source), OWN_SCHEMA],
    },
    signal,
  );
  return row?.there === true;
}

/** Whether the schema has nothing, or nothing but what this source could not remove. */
async function isSchemaOurs(
  session: SqlSession,
  source: string,
  signal: AbortSignal,
): Promise<boolean> {
  const rows = await session.query(
    {
      text: `SELECT FROM pg_namespace n WHERE n.nspname = $1 AND NOT EXISTS (
        SELECT FROM pg_depend d
          LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
          LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
          AND p.proname IS DISTINCT FROM $2 AND c.relname IS DISTINCT FROM $3)`,
      values: [OWN_SCHEMA, triggerName(source), announcementsName(source)],
    },
    signal,
  );
  return rows.length > 0;
}
