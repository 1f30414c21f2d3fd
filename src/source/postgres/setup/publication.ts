import { TidingsError } from '../../../errors/tidings-error.ts';
import { type CapturedTable, isWhole, type PublicationNames } from './captured-tables.ts';
import { ownName } from '../names.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** The names of a source's publications. */
export function publicationNames(source: string): PublicationNames {
  return { all: ownName(source), insertOnly: `${ownName(source)}_insert_only` };
}

/** A publication as it is in the database. */
export interface Publication {
  readonly name: string;
  readonly allTables: boolean;
  /** PostgreSQL 19: made for all sequences, also where it has tables as well; it takes no table then. */
  readonly allSequences: boolean;
  /** True when the role may change it. */
  readonly owned: boolean;
  /** True when it publishes what its kind should. */
  readonly correct: boolean;
  /** Operations that its kind should publish, and that it does not. */
  readonly lacking: readonly string[];
  /** What else it does not publish; an earlier version, of Tidings or of the server, may have left it so. */
  readonly lackingSince: readonly string[];
  /** Schemas that somebody added as a whole. */
  readonly schemas: readonly string[];
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

/** Whether it publishes stored columns that are computed, where it can. */
const GENERATED = `COALESCE(to_jsonb(p) ->> 'pubgencols', 's') IN ('s', 'true')`;

/**
 * Whether a publication of ours publishes the operations of its kind, and as it should.
 * @param all the name of the one for all operations, in SQL.
 */
export function publishesWhatItShouldSql(all: string): string {
  return `p.pubinsert AND p.pubtruncate AND NOT p.pubviaroot
            AND p.pubupdate = (p.pubname = ${all}) AND p.pubdelete = (p.pubname = ${all})
            AND ${GENERATED}`;
}

/** PostgreSQL 14 has no such table, so it is not named as one. */
const SCHEMAS = `SELECT n.nspname::text FROM pg_depend d
    JOIN pg_depend e ON e.classid = d.classid AND e.objid = d.objid
      AND e.refclassid = 'pg_namespace'::regclass
    JOIN pg_namespace n ON n.oid = e.refobjid
  WHERE d.classid = to_regclass('pg_catalog.pg_publication_namespace')
    AND d.refclassid = 'pg_publication'::regclass AND d.refobjid = p.oid`;

/** Finds the publications of a source; those that do not exist are null. */
export async function readPublications(
  session: SqlSession,
  names: PublicationNames,
  signal: AbortSignal,
): Promise<{ readonly [Kind in keyof PublicationNames]: Publication | null }> {
  const rows = await session.query<Publication>(
    {
      text: `SELECT p.pubname::text AS "name", p.puballtables AS "allTables",
          COALESCE((to_jsonb(p) ->> 'puballsequences')::boolean, false) AS "allSequences",
          pg_has_role(p.pubowner, 'USAGE') AS "owned",
          ${publishesWhatItShouldSql('$1')} AND NOT EXISTS (${SCHEMAS}) AS "correct",
          to_jsonb(ARRAY(${SCHEMAS} ORDER BY 1)) AS "schemas",
          to_jsonb(array_remove(ARRAY[
            CASE WHEN p.pubviaroot THEN 'partitions as themselves' END,
            CASE WHEN NOT ${GENERATED} THEN 'generated columns' END], NULL)) AS "lackingSince",
          to_jsonb(array_remove(ARRAY[
            CASE WHEN NOT p.pubinsert THEN 'insert' END,
            CASE WHEN NOT p.pubupdate AND p.pubname = $1 THEN 'update' END,
            CASE WHEN NOT p.pubdelete AND p.pubname = $1 THEN 'delete' END,
            CASE WHEN NOT p.pubtruncate THEN 'truncate' END], NULL)) AS "lacking"
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
 * @throws TidingsError `PUBLICATION_UNSUITABLE` for one that somebody made for all tables, or for all
 *   sequences.
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
    } else if (publication.allTables || publication.allSequences) {
      const made = publication.allTables ? 'TABLES' : 'SEQUENCES';
      const problem = publication.allTables
        ? 'that would make updates of tables without a key fail'
        : 'it takes no single tables';
      const details = { source, publication: names[kind], publicationSql: name, made, problem };
      throw new TidingsError('PUBLICATION_UNSUITABLE', details);
    } else if (!publication.correct) {
      statements.push(`ALTER PUBLICATION ${name} SET (${options(kind, version)});`);
      const schemas = publication.schemas.map(quoteIdentifier).join(', ');
      if (schemas !== '')
        statements.push(`ALTER PUBLICATION ${name} DROP TABLES IN SCHEMA ${schemas};`);
    }
  }
  return statements;
}

/**
 * How many tables one statement concerns. With anybody's event trigger in the database, PostgreSQL
 * keeps a copy of the whole statement for each table of it: one with thousands takes gigabytes. And
 * each table is locked until the transaction's end, in a lock table that all sessions share.
 */
export const TABLES_PER_STATEMENT = 200;

/** The parts of a list that a statement each is made for. */
export function* inStatements<Each>(list: readonly Each[]): Generator<readonly Each[]> {
  for (let at = 0; at < list.length; at += TABLES_PER_STATEMENT) {
    yield list.slice(at, at + TABLES_PER_STATEMENT);
  }
}

/** SQL that puts these tables where they belong; those that are there already add nothing. */
export function placementSql(
  tables: readonly CapturedTable[],
  names: PublicationNames,
): readonly string[] {
  const statements = (
    publication: string,
    action: 'ADD' | 'DROP',
    concerned: (table: CapturedTable) => boolean,
  ): readonly string[] =>
    [...inStatements(tables.filter(concerned))].map((some) =>
      alterTablesSql(publication, action, some),
    );
  // A filter and a list of columns go only with the table's place itself.
  const { all, insertOnly } = names;
  return [
    ...statements(all, 'DROP', (table) => table.isInAll && !(table.wantedInAll && isWhole(table))),
    ...statements(
      insertOnly,
      'DROP',
      (table) => table.isInInsertOnly && !(table.wantedInInsertOnly && isWhole(table)),
    ),
    ...statements(all, 'ADD', (table) => table.wantedInAll && !(table.isInAll && isWhole(table))),
    ...statements(
      insertOnly,
      'ADD',
      (table) => table.wantedInInsertOnly && !(table.isInInsertOnly && isWhole(table)),
    ),
  ];
}

/** SQL that has a publication gain or lose tables. */
export function alterTablesSql(
  publication: string,
  action: 'ADD' | 'DROP',
  tables: readonly { readonly schema: string; readonly name: string }[],
): string {
  const list = tables.map((table) => `ONLY ${quoteTable(table)}`).join(', ');
  return `ALTER PUBLICATION ${quoteIdentifier(publication)} ${action} TABLE ${list};`;
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
