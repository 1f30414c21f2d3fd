import { TidingsError } from '../../errors/tidings-error.ts';
import type { CapturedTable, PublicationNames } from './captured-tables.ts';
import { ownName } from './names.ts';
import { quoteIdentifier, quoteTable } from './quote.ts';
import type { SqlSession } from './sql-session.ts';

/** The names of a source's publications. */
export function publicationNames(source: string): PublicationNames {
  return { all: ownName(source), insertOnly: `${ownName(source)}_insert_only` };
}

/** A publication as it is in the database. */
export interface Publication {
  readonly name: string;
  readonly allTables: boolean;
  /** True when the role may change it. */
  readonly owned: boolean;
  /** True when it publishes what its kind should. */
  readonly correct: boolean;
}

/** PostgreSQL 18 publishes computed columns; it refuses updates of some tables when it may not. */
const GENERATED_COLUMNS_VERSION = 180_000;

/**
 * Partitions are published as themselves, and are brought under their root's name when they are
 * described: published as their root, PostgreSQL passes over a `TRUNCATE` of one of them, and marks a
 * row that is only a key as whole when the root's identity is full and the partition's is not.
 */
function options(kind: keyof PublicationNames, version: number): string {
  const operations = kind === 'all' ? 'insert, update, delete, truncate' : 'insert, truncate';
  const generated =
    version >= GENERATED_COLUMNS_VERSION ? ', publish_generated_columns = stored' : '';
  return `publish = '${operations}', publish_via_partition_root = false${generated}`;
}

/** Finds the publications of a source; those that do not exist are null. */
export async function readPublications(
  session: SqlSession,
  names: PublicationNames,
  signal: AbortSignal,
): Promise<{ readonly [Kind in keyof PublicationNames]: Publication | null }> {
  const rows = await session.query<Publication>(
    {
      text: `SELECT p.pubname::text AS "name", p.puballtables AS "allTables",
          pg_has_role(p.pubowner, 'USAGE') AS "owned",
          p.pubinsert AND p.pubtruncate AND NOT p.pubviaroot
            AND p.pubupdate = (p.pubname = $1) AND p.pubdelete = (p.pubname = $1)
            AND COALESCE(to_jsonb(p) ->> 'pubgencols', 's') IN ('s', 'true') AS "correct"
        FROM pg_publication p WHERE p.pubname IN ($1, $2)`,
      values: [names.all, names.insertOnly],
    },
    signal,
  );
  const find = (name: string): Publication | null => rows.find((row) => row.name === name) ?? null;
  return { all: find(names.all), insertOnly: find(names.insertOnly) };
}

/**
 * SQL that makes what is missing of the publications, and corrects what is different.
 * @throws TidingsError `PUBLICATION_UNSUITABLE` for one that somebody made for all tables.
 */
export function publicationsSql(
  source: string,
  found: Awaited<ReturnType<typeof readPublications>>,
  version: number,
): readonly string[] {
  const names = publicationNames(source);
  const statements: string[] = [];
  for (const kind of ['all', 'insertOnly'] as const) {
    const [publication, name] = [found[kind], quoteIdentifier(names[kind])];
    if (publication === null) {
      statements.push(`CREATE PUBLICATION ${name} WITH (${options(kind, version)});`);
    } else if (publication.allTables) {
      throw new TidingsError('PUBLICATION_UNSUITABLE', {
        source,
        publication: names[kind],
        publicationSql: name,
      });
    } else if (!publication.correct) {
      statements.push(`ALTER PUBLICATION ${name} SET (${options(kind, version)});`);
    }
  }
  return statements;
}

/** SQL that puts these tables where they belong; those that are there already add nothing. */
export function placementSql(
  tables: readonly CapturedTable[],
  names: PublicationNames,
): readonly string[] {
  const statement = (
    publication: string,
    action: 'ADD' | 'DROP',
    concerned: (table: CapturedTable) => boolean,
  ): readonly string[] => {
    const list = tables.filter(concerned).map((table) => `ONLY ${quoteTable(table)}`);
    if (list.length === 0) return [];
    return [
      `ALTER PUBLICATION ${quoteIdentifier(publication)} ${action} TABLE ${list.join(', ')};`,
    ];
  };
  return [
    ...statement(names.all, 'DROP', (table) => table.isInAll && !table.wantedInAll),
    ...statement(
      names.insertOnly,
      'DROP',
      (table) => table.isInInsertOnly && !table.wantedInInsertOnly,
    ),
    ...statement(names.all, 'ADD', (table) => table.wantedInAll && !table.isInAll),
    ...statement(
      names.insertOnly,
      'ADD',
      (table) => table.wantedInInsertOnly && !table.isInInsertOnly,
    ),
  ];
}

/** A table that could not be put where it belongs. */
export interface Unplaced {
  readonly table: CapturedTable;
  readonly error: unknown;
}

/**
 * Puts tables where they belong, all of them in one transaction or, if that fails, each for itself.
 * @param lockTimeout how long to wait for a table that somebody is changing; milliseconds.
 */
export async function placeTables(
  session: SqlSession,
  tables: readonly CapturedTable[],
  names: PublicationNames,
  lockTimeout: number,
  signal: AbortSignal,
): Promise<readonly Unplaced[]> {
  const place = async (some: readonly CapturedTable[]): Promise<void> => {
    const statements = placementSql(some, names);
    if (statements.length === 0) return;
    await session.query(
      [`SET LOCAL lock_timeout = ${lockTimeout};`, ...statements].join('\n'),
      signal,
    );
  };
  try {
    await place(tables);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (tables.length <= 1) return tables.map((table) => ({ table, error }));
  }
  const unplaced: Unplaced[] = [];
  for (const table of tables) {
    try {
      await place([table]);
    } catch (error) {
      signal.throwIfAborted();
      unplaced.push({ table, error });
    }
  }
  return unplaced;
}

/** SQL that removes a publication. */
export function dropPublicationSql(name: string): string {
  return `DROP PUBLICATION IF EXISTS ${quoteIdentifier(name)};`;
}

/** What an administrator grants or runs so that the role's publications can have these tables. */
export function tableRightsSql(
  tables: readonly CapturedTable[],
  names: PublicationNames,
  role: string,
): readonly string[] {
  // Membership in a superuser would make the role one, so those tables are added by hand.
  const owners = new Set(
    tables.filter((table) => !table.owned && !table.ownerIsSuperuser).map((table) => table.owner),
  );
  const byHand = tables.filter((table) => table.owned || table.ownerIsSuperuser);
  return [
    ...[...owners].map((owner) => `GRANT ${quoteIdentifier(owner)} TO ${quoteIdentifier(role)};`),
    ...placementSql(byHand, names),
  ];
}
