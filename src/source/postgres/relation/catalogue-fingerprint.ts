import type { PublicationNames } from '../setup/captured-tables.ts';
import { quoteLiteral } from '../quote.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/**
 * A text that is another one when a table, its identity or its place in a publication may be another
 * one. Much cheaper than a look at the tables, which takes long where there are thousands of them.
 * Rows of the catalogue are never changed in place by what matters here, so that their writers tell.
 */
export async function fingerprintCatalogue(
  session: SqlSession,
  names: PublicationNames,
  signal: AbortSignal,
): Promise<string> {
  const own = `(${quoteLiteral(names.all)}, ${quoteLiteral(names.insertOnly)})`;
  const rows = (table: string, oid: string, where = 'true'): string =>
    `(SELECT concat(count(*), ':', sum(hashint8((x.${oid}::bigint << 32) | x.xmin::text::bigint)))
      FROM ${table} x WHERE ${where})`;
  const text = `SELECT concat_ws(' ',
    (SELECT string_agg(p::text || p.xmin::text, ' ' ORDER BY p.oid) FROM pg_publication p
      WHERE p.pubname IN ${own}),
    ${rows('pg_publication_rel', 'oid', `x.prpubid IN (SELECT oid FROM pg_publication WHERE pubname IN ${own})`)},
    ${rows('pg_class', 'oid', `x.relkind IN ('r', 'p')`)},
    ${rows('pg_index', 'indexrelid')},
    ${rows('pg_attrdef', 'oid')},
    ${rows('pg_inherits', 'inhrelid')},
    ${rows('pg_namespace', 'oid')},
    ${rows('pg_extension', 'oid')}) AS fingerprint`;
  const [row] = await session.query<{ readonly fingerprint: string }>(
    { name: 'tidings catalogue', text },
    signal,
  );
  return row?.fingerprint ?? '';
}
