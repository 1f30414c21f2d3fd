import type { TablePatterns } from '../../../change/table-pattern.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import type { CheckResult } from '../../../observe/check-result.ts';
import { listTables, wantedSql } from '../setup/captured-tables.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** A table that inherits from a captured one and is not captured itself. */
interface Child {
  readonly schema: string;
  readonly name: string;
  readonly parent: string;
}

/**
 * Children (`INHERITS`) of captured tables that the patterns do not mean. A query on the parent has
 * their rows; but a table is published by itself (`ADD TABLE ONLY`), because its children have columns
 * and keys of their own, and so theirs are not captured. Partitions are another thing: they are
 * published with their root.
 */
async function childrenLeftOut(
  session: SqlSession,
  patterns: TablePatterns,
  signal: AbortSignal,
): Promise<readonly Child[]> {
  return await session.query<Child>(
    `WITH RECURSIVE ${wantedSql(patterns)}, below AS (
       SELECT i.inhrelid AS oid, w.oid AS parent FROM wanted w
         JOIN pg_class p ON p.oid = w.oid AND p.relkind = 'r'
         JOIN pg_inherits i ON i.inhparent = w.oid
       UNION SELECT i.inhrelid, b.parent FROM below b JOIN pg_inherits i ON i.inhparent = b.oid
     )
     SELECT n.nspname::text AS "schema", c.relname::text AS "name",
       min(pn.nspname || '.' || p.relname) AS "parent"
     FROM below b JOIN pg_class c ON c.oid = b.oid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_class p ON p.oid = b.parent JOIN pg_namespace pn ON pn.oid = p.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND b.oid NOT IN (SELECT oid FROM wanted)
     GROUP BY 1, 2 ORDER BY 1, 2`,
    signal,
  );
}

/** For `doctor`. */
export async function* checkInheritance(
  session: SqlSession,
  patterns: TablePatterns,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  const children = await childrenLeftOut(session, patterns, signal);
  if (children.length === 0) return;
  yield {
    name: 'inheritance',
    status: 'warning',
    message: `${inWords(children)}: a query on the parent has their rows, and they are not captured.`,
    fix: wayOn(children),
  };
}

/** The same when capture begins; null when there is none. */
export async function inheritanceWarning(
  source: string,
  { session, patterns }: { readonly session: SqlSession; readonly patterns: TablePatterns },
  signal: AbortSignal,
): Promise<TidingsError | null> {
  const children = await childrenLeftOut(session, patterns, signal);
  if (children.length === 0) return null;
  const details = { source, children: inWords(children), fix: wayOn(children) };
  return new TidingsError('SOURCE_CHILDREN_LEFT_OUT', details);
}

function inWords(children: readonly Child[]): string {
  const parents = [...new Set(children.map(({ parent }) => parent))];
  const verb = children.length === 1 ? 'inherits' : 'inherit';
  return `${listTables(children)} ${verb} from ${parents.slice(0, 5).join(', ')}${parents.length > 5 ? ' and others' : ''}`;
}

function wayOn(children: readonly Child[]): string {
  const patterns = children
    .slice(0, 10)
    .map(({ schema, name }) => `'${part(schema)}.${part(name)}'`);
  const more = children.length > 10 ? ', …' : '';
  return `To capture them, add them to sources.*.tables in the configuration: ${patterns.join(', ')}${more}.`;
}

function part(name: string): string {
  return /^\w+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
