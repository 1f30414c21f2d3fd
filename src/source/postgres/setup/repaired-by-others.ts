import { announcedRootSql, announcementsTable } from '../relation/announcements-table.ts';
import { quoteLiteral } from '../quote.ts';
import { type TablesQuery, tablesSql } from './captured-tables.ts';
import { emitUnpublishedSql } from './lost-changes.ts';
import { publishesWhatItShouldSql } from './publication.ts';

/*
 * A publication that somebody alters and puts right again before anybody looks has lost changes, and
 * nothing of it is to be seen afterwards. So the event trigger says each repair in the stream, in the
 * transaction that makes it. The alteration itself needs no word: either somebody puts it right, or
 * we do, and whoever does says it.
 */

export const PUBLICATION_TAGS = ['ALTER PUBLICATION', 'CREATE PUBLICATION'] as const;

/** On, until the end of the transaction, where it is we who alter a publication. */
const OWN = 'tidings.own';

/** SQL before statements of ours that alter a publication, in their transaction. */
export const OWN_STATEMENTS_SQL = `SET LOCAL ${OWN} = on;`;

/** The same in the event trigger's function, and back: the transaction is somebody else's. */
export const BEGIN_OWN_BODY = `PERFORM set_config('${OWN}', 'on', true);`;
export const END_OWN_BODY = `PERFORM set_config('${OWN}', 'off', true);`;

/** How many are named; the others are counted. */
const NAMED = 5;

/**
 * Whether a table's changes had been captured before the command at hand, by what was last announced
 * of it, or of its partitions. One that is new, or that had been renamed to what nobody wants, has lost nothing.
 */
function wasCapturedSql(source: string, oid: string): string {
  const table = announcementsTable(source);
  const before = (alias: string): string => `COALESCE(${alias}.lsn < reached, true)`;
  return `EXISTS (SELECT FROM ${table} a WHERE ${announcedRootSql('a')} = ${oid} AND ${before('a')}
      AND NOT EXISTS (SELECT FROM ${table} b
        WHERE b.relation = a.relation AND b.lsn > a.lsn AND ${before('b')}))`;
}

/**
 * PL/pgSQL that says of the table `misplaced`, which is about to be published, whether it had been
 * before: then somebody took it out. Over the variable `lost boolean`. Where what was announced could
 * not be read, any table may have been, except those that the command makes.
 */
export function takenOutBody(source: string): string {
  return `
    IF NOT (misplaced."isInAll" OR misplaced."isInInsertOnly") THEN
      IF affected IS NULL THEN
        lost := tg_tag = 'ALTER TABLE' OR NOT EXISTS (
          SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.objid = misplaced."oid"::oid);
      ELSE
        lost := ${wasCapturedSql(source, 'misplaced."oid"::oid')};
      END IF;
      IF lost THEN
        ${emitUnpublishedSql(source, `format('%s.%s not published', misplaced."schema", misplaced."name")`)}
      END IF;
    END IF;`;
}

/** PL/pgSQL that says what the command at hand has put right; over the variable `repaired text`. */
export function repairedBody(source: string, query: TablesQuery): string {
  return `
  IF current_setting('${OWN}', true) IS DISTINCT FROM 'on' THEN
    SELECT string_agg(each.what, ', ' ORDER BY each.n) FILTER (WHERE each.n <= ${NAMED})
      || CASE WHEN count(*) > ${NAMED} THEN format(' and %s more', count(*) - ${NAMED}) ELSE '' END
    INTO repaired FROM (
      SELECT found.what, row_number() OVER (ORDER BY found.what) AS n
      FROM (${repairedPublicationsSql(query)} UNION ALL ${repairedTablesSql(source, query)}) found (what)
    ) each;
    IF repaired IS NOT NULL THEN
      ${emitUnpublishedSql(source, `repaired || ' put right again'`)}
    END IF;
  END IF;`;
}

/** Publications that the command has set, and that publish what they should. */
function repairedPublicationsSql({ names }: TablesQuery): string {
  const [all, insertOnly] = [quoteLiteral(names.all), quoteLiteral(names.insertOnly)];
  // A new owner is written by the same command as the entry that says whose the publication is.
  return `SELECT 'publication ' || p.pubname
      FROM pg_event_trigger_ddl_commands() d JOIN pg_publication p ON p.oid = d.objid
      WHERE d.classid = 'pg_publication'::regclass AND tg_tag = 'ALTER PUBLICATION'
        AND p.pubname IN (${all}, ${insertOnly}) AND ${publishesWhatItShouldSql(all)}
        AND NOT EXISTS (SELECT FROM pg_shdepend o
          WHERE o.classid = d.classid AND o.objid = p.oid AND o.deptype = 'o'
            AND o.dbid = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
            AND o.xmin = p.xmin AND o.cmin = p.cmin)`;
}

/** Tables that the command has put, whole, where they belong. */
function repairedTablesSql(source: string, query: TablesQuery): string {
  const [all, insertOnly] = [quoteLiteral(query.names.all), quoteLiteral(query.names.insertOnly)];
  const tables = tablesSql(query, {
    among: 'SELECT DISTINCT e.oid FROM entered e',
    changed: 'SELECT e.oid FROM entered e',
    whole: 'true',
  });
  return `(WITH entered AS MATERIALIZED (
        SELECT r.prrelid AS oid, p.pubname FROM (
          SELECT r.oid FROM pg_event_trigger_ddl_commands() d JOIN pg_publication_rel r ON r.oid = d.objid
          WHERE d.classid = 'pg_publication_rel'::regclass
          -- With those that it is made for, only the publication itself is told of.
          UNION SELECT r.oid FROM pg_event_trigger_ddl_commands() d JOIN pg_publication_rel r ON r.prpubid = d.objid
          WHERE d.classid = 'pg_publication'::regclass AND tg_tag = 'CREATE PUBLICATION'
        ) made JOIN pg_publication_rel r ON r.oid = made.oid JOIN pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname IN (${all}, ${insertOnly})
          AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL
          AND ${wasCapturedSql(source, 'r.prrelid')}
      )
      SELECT format('%s.%s', t."schema", t."name") FROM (${tables}) t JOIN entered e ON e.oid = t."oid"::oid
      WHERE (t."wantedInAll" AND e.pubname = ${all}) OR (t."wantedInInsertOnly" AND e.pubname = ${insertOnly}))`;
}
