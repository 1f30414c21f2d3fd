import { isConvertibleSql, toldNameSql } from '../connection/convertible-name.ts';

/*
 * How partitions hang below their tables, in SQL: an object as of `AnnouncedLink`. Bounds are printed in
 * the session's settings, so whoever asks has to have pinned them.
 */

/** The tables that the command at hand was given for, where they have partitions. */
const COMMANDED = `SELECT d.objid FROM pg_event_trigger_ddl_commands() d
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'p' WHERE d.classid = 'pg_class'::regclass`;

const linkOf = (bounds: string): string => `jsonb_build_object('oid', x.oid::bigint,
    'schema', ${toldNameSql('xn.nspname')}, 'name', ${toldNameSql('x.relname')}, 'bounds', ${bounds},
    'parent', jsonb_build_object('schema', ${toldNameSql('pn.nspname')}, 'name', ${toldNameSql('p.relname')}))`;

/** Null where no statement could be told that names them. */
const BOUNDS = `(SELECT CASE WHEN ${isConvertibleSql('concat(xn.nspname, x.relname, pn.nspname, p.relname, b.bounds)')}
    THEN b.bounds END FROM (SELECT pg_get_expr(x.relpartbound, x.oid)) b (bounds))`;

const NAMES = `JOIN pg_namespace xn ON xn.oid = x.relnamespace JOIN pg_namespace pn ON pn.oid = p.relnamespace`;

/** All links from a partition up to the table whose partition it is; null when it is none of it. */
export function linksSql(partition: string, table: string): string {
  return `(SELECT jsonb_agg(${linkOf(BOUNDS)} ORDER BY a.place)
    FROM pg_partition_ancestors(${partition}) WITH ORDINALITY a (oid, place)
      JOIN pg_class x ON x.oid = a.oid JOIN pg_inherits i ON i.inhrelid = x.oid
      JOIN pg_class p ON p.oid = i.inhparent ${NAMES}
    WHERE NOT EXISTS (SELECT FROM pg_partition_ancestors(${table}) t WHERE t.relid = x.oid))`;
}

/** In an event trigger: the link above a partition that the command made; null when it made none. */
export function madeLinkSql(partition: string): string {
  return `(SELECT ${linkOf(BOUNDS)}
    FROM pg_partition_ancestors(${partition}) a (oid)
      JOIN pg_class x ON x.oid = a.oid JOIN pg_inherits i ON i.inhrelid = x.oid
      JOIN pg_class p ON p.oid = i.inhparent AND p.oid IN (${COMMANDED}) ${NAMES} LIMIT 1)`;
}

/** The same of one that it cut; the bounds are gone with it. */
export function cutLinkSql(partition: string, table: string): string {
  return `(SELECT ${linkOf('NULL')}
    FROM pg_class x JOIN pg_class p ON p.oid IN (${COMMANDED}) ${NAMES}
    WHERE x.oid = COALESCE(pg_partition_root(${partition}), ${partition})
      AND x.oid <> ${table} AND x.oid <> p.oid LIMIT 1)`;
}

/**
 * In an event trigger: whether the command has cut a link here and now. DETACH locks the table above
 * against everybody, but for `CONCURRENTLY` and `FINALIZE`, which end what a transaction before has
 * begun: since then the partition is no part any more, and PostgreSQL publishes what is changed in it
 * neither with the table nor, as it is no table of its own yet, by itself. And a command that did
 * nothing of the kind may be the first that is told about a partition.
 */
export const IS_CUT = `EXISTS (SELECT FROM pg_locks k JOIN pg_database b ON b.oid = k.database
  WHERE k.pid = pg_backend_pid() AND k.granted AND k.mode = 'AccessExclusiveLock'
    AND b.datname = current_database() AND k.relation IN (${COMMANDED}))`;
