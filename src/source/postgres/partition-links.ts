/*
 * How partitions hang below their tables, in SQL: an object as of `AnnouncedLink`. Bounds are printed in
 * the session's settings, so whoever asks has to have pinned them.
 */

/** The tables that the command at hand was given for, where they have partitions. */
const COMMANDED = `SELECT d.objid FROM pg_event_trigger_ddl_commands() d
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'p' WHERE d.classid = 'pg_class'::regclass`;

const linkOf = (bounds: string): string => `jsonb_build_object('oid', x.oid::bigint,
    'schema', xn.nspname, 'name', x.relname, 'bounds', ${bounds},
    'parent', jsonb_build_object('schema', pn.nspname, 'name', p.relname))`;

const NAMES = `JOIN pg_namespace xn ON xn.oid = x.relnamespace JOIN pg_namespace pn ON pn.oid = p.relnamespace`;

/** All links from a partition up to the table whose partition it is; null when it is none of it. */
export function linksSql(partition: string, table: string): string {
  return `(SELECT jsonb_agg(${linkOf('pg_get_expr(x.relpartbound, x.oid)')} ORDER BY a.place)
    FROM pg_partition_ancestors(${partition}) WITH ORDINALITY a (oid, place)
      JOIN pg_class x ON x.oid = a.oid JOIN pg_inherits i ON i.inhrelid = x.oid
      JOIN pg_class p ON p.oid = i.inhparent ${NAMES}
    WHERE NOT EXISTS (SELECT FROM pg_partition_ancestors(${table}) t WHERE t.relid = x.oid))`;
}

/** In an event trigger: the link above a partition that the command made; null when it made none. */
export function madeLinkSql(partition: string): string {
  return `(SELECT ${linkOf('pg_get_expr(x.relpartbound, x.oid)')}
    FROM pg_partition_ancestors(${partition}) a (oid)
      JOIN pg_class x ON x.oid = a.oid JOIN pg_inherits i ON i.inhrelid = x.oid
      JOIN pg_class p ON p.oid = i.inhparent AND p.oid IN (${COMMANDED}) ${NAMES} LIMIT 1)`;
}

/** The same of one that it cut; the bounds are gone with it. */
export function cutLinkSql(partition: string, table: string): string {
  return `(SELECT ${linkOf('NULL')}
    FROM pg_class x JOIN pg_class p ON p.oid IN (${COMMANDED}) ${NAMES}
    WHERE x.oid = COALESCE(pg_partition_root(${partition}), ${partition}) AND x.oid <> ${table}
    LIMIT 1)`;
}
