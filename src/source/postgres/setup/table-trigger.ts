import { PLACED_BODY } from '../relation/affected-relations.ts';
import {
  announcementsRightsSql,
  createAnnouncementsSql,
  dropAnnouncementsSql,
} from '../relation/announcements-table.ts';
import { ANNOUNCE_VARIABLES, announceBody, announceMarksBody } from '../relation/announcements.ts';
import { OWN_SCHEMA, type Placed, type TablesQuery, tablesSql } from './captured-tables.ts';
import { EVENT_TRIGGERS_FIRE } from './event-triggers.ts';
import {
  BEGIN_OWN_BODY,
  END_OWN_BODY,
  PUBLICATION_TAGS,
  repairedBody,
  takenOutBody,
} from './repaired-by-others.ts';
import { ownName } from '../names.ts';
import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import { TEXT_SETTINGS } from '../connection/session-settings.ts';
import { sqlState } from '../connection/source-error.ts';
import type { SqlSession } from '../connection/sql-session.ts';

const UNIQUE_VIOLATION = '23505';

/** The event trigger and its function have the same name; the function is in {@link OWN_SCHEMA}. */
export function triggerName(source: string): string {
  return `${ownName(source)}_tables`;
}

/**
 * Commands that can put a publication right, and those that can make or remove a table, or change its
 * identity, its name, its schema, its columns, or what their types are made of.
 */
const TAGS = [
  ...PUBLICATION_TAGS,
  ...'CREATE TABLE,CREATE TABLE AS,SELECT INTO,ALTER TABLE,ALTER INDEX,DROP TABLE,CREATE SCHEMA,ALTER SCHEMA,DROP INDEX,DROP SCHEMA,ALTER TYPE,ALTER DOMAIN,DROP TYPE,DROP DOMAIN,DROP EXTENSION,DROP OWNED'.split(
    ',',
  ),
];

/**
 * How long a command waits when another transaction that has not ended made a table too: PostgreSQL
 * locks the publication until then. Below `deadlock_timeout`, so that it is we who give way.
 */
const LOCK_TIMEOUT = '800ms';

/** The state of the event trigger in the database. */
export interface TableTrigger {
  readonly enabled: boolean;
  /** True when its function is the one we would make. */
  readonly current: boolean;
  /** False where the server, the database or our role has all event triggers off. */
  readonly fires: boolean;
  /** Another one after each command that altered the trigger or its function. */
  readonly state: string;
}

/** Finds the event trigger; null when there is none. */
export async function readTrigger(
  session: SqlSession,
  source: string,
  query: TablesQuery,
  signal: AbortSignal,
): Promise<TableTrigger | null> {
  const [found] = await session.query<
    Pick<TableTrigger, 'enabled' | 'fires' | 'state'> & { readonly body: string | null }
  >(
    {
      text: `SELECT e.evtenabled <> 'D' AND EXISTS (${announcementsRightsSql(source)}) AS enabled,
          ${EVENT_TRIGGERS_FIRE} AS fires, p.prosrc AS body,
          concat_ws(' ', e.oid, e.xmin, p.oid, p.xmin) AS state
        FROM pg_event_trigger e LEFT JOIN pg_proc p ON p.oid = e.evtfoid WHERE e.evtname = $1`,
      values: [triggerName(source)],
    },
    signal,
  );
  if (found === undefined) return null;
  const { enabled, fires, body, state } = found;
  return { enabled, fires, current: body === functionBody(source, query), state };
}

/**
 * SQL that makes the event trigger, or makes it anew. A table that the patterns mean then joins its
 * publication in the transaction that creates it, so not even its first row is missed. Only a
 * superuser may run it.
 */
export function createTriggerSql(source: string, query: TablesQuery): string {
  const name = quoteIdentifier(triggerName(source));
  const routine = `${quoteIdentifier(OWN_SCHEMA)}.${name}`;
  const body = functionBody(source, query);
  return [
    `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(OWN_SCHEMA)};`,
    `GRANT USAGE ON SCHEMA ${quoteIdentifier(OWN_SCHEMA)} TO PUBLIC;`,
    createAnnouncementsSql(source),
    `CREATE OR REPLACE FUNCTION ${routine}() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER`,
    // To compile these queries takes longer than to run them.
    `SET lock_timeout = '${LOCK_TIMEOUT}' SET jit = off`,
    // As in our own sessions, which compare what they find with what this announces.
    ...Object.entries({ ...TEXT_SETTINGS, search_path: 'pg_catalog, pg_temp' }).map(
      ([setting, value]) => `SET ${setting} = ${settingSql(value)}`,
    ),
    `AS ${dollarQuote(body)};`,
    `DROP EVENT TRIGGER IF EXISTS ${name};`,
    `CREATE EVENT TRIGGER ${name} ON ddl_command_end`,
    `WHEN TAG IN (${TAGS.map(quoteLiteral).join(', ')}) EXECUTE FUNCTION ${routine}();`,
    `ALTER EVENT TRIGGER ${name} ENABLE ALWAYS;`,
  ].join('\n');
}

/** Of a list each one is quoted: in quotes together, names of schemas would be one name. */
function settingSql(value: string): string {
  return value.split(', ').map(quoteLiteral).join(', ');
}

/** Makes the event trigger, where it is not there as it should be. */
export async function makeTrigger(
  { source, session }: { readonly source: string; readonly session: SqlSession },
  query: TablesQuery,
  signal: AbortSignal,
): Promise<void> {
  const trigger = await readTrigger(session, source, query, signal);
  if (trigger?.enabled === true && trigger.current) return;
  const sql = createTriggerSql(source, query);
  try {
    await session.query(sql, signal);
  } catch (error) {
    // CREATE SCHEMA IF NOT EXISTS fails when another source makes the schema in the same moment,
    // and has committed it by then: the second time it is found. Left to a retry of the whole
    // capture, rows that are written until then would come before the slot.
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    await session.query(sql, signal);
  }
}

/** SQL that removes the event trigger and its function. */
export function dropTriggerSql(source: string): string {
  const name = quoteIdentifier(triggerName(source));
  return [
    `DROP EVENT TRIGGER IF EXISTS ${name};`,
    `DROP FUNCTION IF EXISTS ${quoteIdentifier(OWN_SCHEMA)}.${name}();`,
    dropAnnouncementsSql(source),
  ].join('\n');
}

/**
 * The function must never make the application's command fail: whatever goes wrong becomes a
 * warning, and the source's own look at the catalogue catches up later.
 */
function functionBody(source: string, query: TablesQuery): string {
  const { names } = query;
  return `
#variable_conflict use_column
DECLARE
  misplaced record;
  placed oid[];
  whole boolean;
  repaired text;
  lost boolean;${ANNOUNCE_VARIABLES}
BEGIN
  IF tg_tag IN (${PUBLICATION_TAGS.map(quoteLiteral).join(', ')}) THEN
    BEGIN${repairedBody(source, query)}
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'Tidings (source ${source}) could not note what this command put right: %', SQLERRM;
    END;
    RETURN;
  END IF;
  -- Temporary tables are made often, and are not ours.
  IF tg_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE') AND NOT EXISTS (
    SELECT FROM pg_event_trigger_ddl_commands()
    WHERE schema_name IS DISTINCT FROM 'pg_temp' AND NOT in_extension) THEN
    RETURN;
  END IF;
  BEGIN${announceBody(source, query)}
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Tidings (source ${source}) could not note what this command changed: %', SQLERRM;
    affected := NULL;
    marks := '[]';
  END;
  -- A dropped one has left its publication by itself.
  IF tg_tag NOT IN ('DROP TABLE', 'ALTER TYPE', 'ALTER DOMAIN') THEN
    BEGIN${PLACED_BODY}${placeBody(source, query)}
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'Tidings (source ${source}) could not follow this command: %', SQLERRM
        USING HINT = 'It looks again within ten seconds. Rows written to a new table until then are not captured.';
    END;
  END IF;
  BEGIN${announceMarksBody(source, names)}
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Tidings (source ${source}) could not note what became of partitions: %', SQLERRM;
  END;
END`;
}

function placeBody(source: string, query: TablesQuery): string {
  const { names } = query;
  return `
  FOR misplaced IN SELECT * FROM (${tablesSql(query, PLACED)}) tables
    WHERE "wantedInAll" <> "isInAll" OR "wantedInInsertOnly" <> "isInInsertOnly"
  LOOP${takenOutBody(source)}
    ${BEGIN_OWN_BODY}
    IF misplaced."isInAll" AND NOT misplaced."wantedInAll" THEN
      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', ${quoteLiteral(names.all)}, misplaced."schema", misplaced."name");
    END IF;
    IF misplaced."isInInsertOnly" AND NOT misplaced."wantedInInsertOnly" THEN
      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', ${quoteLiteral(names.insertOnly)}, misplaced."schema", misplaced."name");
    END IF;
    IF misplaced."wantedInAll" AND NOT misplaced."isInAll" THEN
      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %I.%I', ${quoteLiteral(names.all)}, misplaced."schema", misplaced."name");
    END IF;
    IF misplaced."wantedInInsertOnly" AND NOT misplaced."isInInsertOnly" THEN
      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %I.%I', ${quoteLiteral(names.insertOnly)}, misplaced."schema", misplaced."name");
    END IF;
    ${END_OWN_BODY}
    IF tg_tag IN ('CREATE TABLE AS', 'SELECT INTO') AND misplaced."wantedInInsertOnly" THEN
      RAISE NOTICE 'Tidings (source ${source}) captures %.% from here on, without the rows of this command itself',
        misplaced."schema", misplaced."name";
    END IF;
  END LOOP;`;
}

const PLACED: Placed = {
  among: 'SELECT unnest(placed)',
  changed: 'SELECT unnest(affected)',
  whole: 'whole',
};

/** In dollars, with a tag that the text does not hold. */
function dollarQuote(text: string): string {
  let tag = '$tidings$';
  for (let count = 1; text.includes(tag); count++) tag = `$tidings${count}$`;
  return `${tag}${text}${tag}`;
}
