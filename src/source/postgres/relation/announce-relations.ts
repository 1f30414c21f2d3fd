import type { TablePatterns } from '../../../change/table-pattern.ts';
import { announcementsTable } from './announcements-table.ts';
import { announceNoticedSql } from './announcements.ts';
import { inStatements } from '../setup/publication.ts';
import { capturedRelationsSql } from './relation-description.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** Whose relations are announced, and over which connection. */
export interface AnnounceOptions {
  readonly source: string;
  readonly session: SqlSession;
  readonly patterns: TablePatterns;
}

/**
 * Has what the captured relations are at the moment beside what the event trigger says of them, and
 * what has become of those that it told of. Some hundred in a transaction, each with its own place in
 * the WAL: one that was left out by a crash is announced at the next start.
 */
export async function announceRelations(
  { source, session, patterns }: AnnounceOptions,
  signal: AbortSignal,
): Promise<void> {
  const relations = await session.query<{ readonly oid: string }>(
    relationsSql(source, patterns),
    signal,
  );
  const text = announceNoticedSql(source, patterns);
  for (const some of inStatements(relations)) {
    const values = [some.map(({ oid }) => oid)];
    await session.query({ name: 'tidings announce', text, values }, signal);
  }
}

function relationsSql(source: string, patterns: TablePatterns): string {
  return `
SELECT found.oid::text FROM (
  ${capturedRelationsSql(patterns)}
  UNION SELECT a.relation FROM ${announcementsTable(source)} a
) found (oid) ORDER BY found.oid`;
}
