import { type CapturedTable, isMisplaced, listTables } from './captured-tables.ts';
import {
  publicationNames,
  publicationsSql,
  type readPublications,
  tableRightsSql,
} from './publication.ts';
import { quoteIdentifier } from '../quote.ts';
import type { ServerFacts } from '../check/server-facts.ts';

/** The publications as they are, and the tables that are to be in them. */
export interface PublishedTables {
  readonly publications: Awaited<ReturnType<typeof readPublications>>;
  readonly tables: readonly CapturedTable[];
}

/** Rights that a role lacks, in words, and the SQL by which an administrator gives them. */
export interface MissingRights {
  readonly missing: readonly string[];
  readonly sql: readonly string[];
}

/**
 * Everything that set-up would need and the role does not have: all at once, so that an administrator
 * has to be asked only once.
 * @throws TidingsError `PUBLICATION_UNSUITABLE`
 */
export function missingRights(
  source: string,
  facts: ServerFacts,
  { publications, tables }: PublishedTables,
): MissingRights {
  const { role, database } = facts;
  const missing: string[] = [];
  const sql: string[] = [];
  if (!facts.replication) {
    missing.push('may not replicate');
    sql.push(`ALTER ROLE ${quoteIdentifier(role)} REPLICATION;`);
  }
  const statements = publicationsSql(source, publications, facts.version);
  const all = Object.values(publications);
  const owned = all.every((publication) => publication?.owned !== false);
  const out = tables.filter((table) => isMisplaced(table) && !(table.owned && owned));
  // Tables of superusers are added by hand, and that takes publications.
  const byHand = out.some((table) => table.owned || table.ownerIsSuperuser);
  if (statements.length > 0 && !owned) {
    missing.push('may not change its publications');
    sql.push(...statements);
  } else if (all.includes(null) && !facts.mayCreate) {
    missing.push('may not create publications in this database');
    sql.push(`GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(role)};`);
  }
  if (out.length > 0) {
    missing.push(`may not publish ${listTables(out)}`);
    if (byHand && owned) sql.push(...statements, ...handOverSql(source, publications, role));
    sql.push(...tableRightsSql(out, publicationNames(source), role));
  }
  return { missing, sql };
}

/** Publications that an administrator makes now are the role's to change later. */
function handOverSql(
  source: string,
  publications: PublishedTables['publications'],
  role: string,
): readonly string[] {
  const names = publicationNames(source);
  return (['all', 'insertOnly'] as const)
    .filter((kind) => publications[kind] === null)
    .map(
      (kind) =>
        `ALTER PUBLICATION ${quoteIdentifier(names[kind])} OWNER TO ${quoteIdentifier(role)};`,
    );
}
