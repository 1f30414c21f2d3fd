import type { TablePatterns } from '../../../change/table-pattern.ts';
import { type AnnouncementRow, toAnnouncement } from './announcements.ts';
import { announcementsTable } from './announcements-table.ts';
import type { CatalogLook } from './define-relation.ts';
import { publicationNames } from '../setup/publication.ts';
import { quoteLiteral } from '../quote.ts';
import { descriptionsSql, type RelationDescription, type Touched } from './relation-description.ts';
import type { CatalogQuery } from './relation-types.ts';

/** After so many partitions of one table in a row, others are looked at before they are met. */
const IN_A_ROW = 4;
/** How many are looked at together on each side, in the order of their numbers. */
const TOGETHER = 100;

interface SiblingRow {
  readonly snapshot: string;
  readonly next: number;
  readonly published: number | null;
  readonly relation: string;
  readonly description: RelationDescription;
  readonly touched: Touched;
}

/** A look that was taken together with others. */
export interface SiblingLook {
  readonly oid: number;
  readonly look: CatalogLook;
  readonly snapshot: string;
}

/** Counts partitions that are met one after the other. */
export class PartitionsInARow {
  #root = 0;
  #count = 0;

  /** @returns true when others are likely to be met soon; and then not at once again. */
  met(oid: number, { root }: RelationDescription): boolean {
    this.#count = root.oid !== oid && root.oid === this.#root ? this.#count + 1 : 1;
    this.#root = root.oid;
    if (this.#count < IN_A_ROW) return false;
    this.#count = 0;
    return true;
  }
}

/**
 * Looks at the partitions that stand next to one, by their numbers, in the same table. A transaction
 * that writes into thousands of them would else wait for the catalogue thousands of times.
 */
export async function lookAtSiblings(
  oid: number,
  { source, patterns, query }: SiblingOptions,
  announces: boolean,
  signal: AbortSignal,
): Promise<readonly SiblingLook[]> {
  const statement = {
    name: 'tidings siblings',
    text: siblingsSql(source, patterns),
    values: [oid],
  };
  const rows = (await query(statement, signal)) as readonly SiblingRow[];
  const announced = new Map<string, (AnnouncementRow & { readonly relation: string })[]>();
  if (announces && rows.length > 0) {
    const asked = {
      name: 'tidings sibling announcements',
      text: `SELECT a.relation::text, a.lsn::text, a.xid, a.exact, a.description
        FROM ${announcementsTable(source)} a WHERE a.relation = ANY ($1::oid[]) ORDER BY a.lsn`,
      values: [rows.map(({ relation }) => relation)],
    };
    const found = (await query(asked, signal)) as readonly (AnnouncementRow & {
      readonly relation: string;
    })[];
    for (const row of found) {
      const some = announced.get(row.relation) ?? [];
      some.push(row);
      announced.set(row.relation, some);
    }
  }
  return rows.map(({ relation, snapshot, ...row }) => ({
    oid: Number(relation),
    snapshot,
    look: {
      ...row,
      kind: 'r',
      announcements: (announced.get(relation) ?? []).map(toAnnouncement),
    },
  }));
}

/** Whose partitions, and over which connection. */
export interface SiblingOptions {
  readonly source: string;
  readonly patterns: TablePatterns;
  readonly query: CatalogQuery;
}

function siblingsSql(source: string, patterns: TablePatterns): string {
  const name = quoteLiteral(publicationNames(source).all);
  const side = (is: string, order: string): string => `(SELECT i.inhrelid FROM pg_inherits i
    WHERE i.inhparent = (SELECT own.inhparent FROM pg_inherits own WHERE own.inhrelid = $1::oid)
      AND i.inhrelid ${is} $1::oid ORDER BY i.inhrelid ${order} LIMIT ${TOGETHER})`;
  const among = `${side('>', 'ASC')} UNION ALL ${side('<', 'DESC')}`;
  return `
SELECT s.snapshot::text AS snapshot,
  (pg_snapshot_xmax(s.snapshot)::text::numeric % 4294967296)::float8 AS next,
  (SELECT p.xmin::text::float8 FROM pg_publication p WHERE p.pubname = ${name}) AS published,
  d.relation::text AS relation, d.description, d.touched
FROM (SELECT pg_current_snapshot() AS snapshot) s
  CROSS JOIN (${descriptionsSql(patterns, { of: 'these relations', among })}) d`;
}
