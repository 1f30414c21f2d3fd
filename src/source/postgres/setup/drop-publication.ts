import { isTidingsError } from '../../../errors/tidings-error.ts';
import { isConvertibleSql } from '../connection/convertible-name.ts';
import { alterTablesSql, inStatements, TABLES_PER_STATEMENT } from './publication.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** How long to wait for a table that somebody is changing; milliseconds. */
const LOCK_TIMEOUT = 10_000;

/**
 * Takes most tables out of a publication before it is dropped: a DROP locks something for each of
 * them, and thousands do not fit into the server's lock table. What cannot be taken out stays for the
 * DROP, which waits for no table.
 */
export async function emptyPublication(
  session: SqlSession,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const tables = await session.query<{ readonly schema: string; readonly name: string }>(
    {
      text: `SELECT n.nspname::text AS "schema", c.relname::text AS "name"
        FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
          JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE p.pubname = $1 AND ${isConvertibleSql('n.nspname')} AND ${isConvertibleSql('c.relname')}
        OFFSET ${TABLES_PER_STATEMENT}`,
      values: [name],
    },
    signal,
  );
  for (const some of inStatements(tables)) {
    const sql = `SET LOCAL lock_timeout = ${LOCK_TIMEOUT}; ${alterTablesSql(name, 'DROP', some)}`;
    try {
      await session.query(sql, signal);
    } catch (error) {
      if (!isTidingsError(error, 'SOURCE_FAILED')) throw error;
      return; // The DROP says what is wrong, if it still is.
    }
  }
}
