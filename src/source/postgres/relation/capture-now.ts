import type { CapturedChanges, CaptureNow } from '../../table-snapshot.ts';
import { publicationNames } from '../setup/publication.ts';
import { quoteLiteral } from '../quote.ts';
import { isLater } from '../wire/transaction-order.ts';

export interface CaptureRow {
  readonly captured: CapturedChanges;
  readonly capture: string | null;
  /** The transaction that put the table into the publication. */
  readonly added: string | null;
}

/** A SELECT of one {@link CaptureRow}: by what the changes of a relation are captured. */
export function captureSql(relation: string, source: string): string {
  const names = publicationNames(source);
  const [all, insertOnly] = [quoteLiteral(names.all), quoteLiteral(names.insertOnly)];
  const entry = `pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid`;
  return `SELECT CASE own.pubname WHEN ${all} THEN 'all' WHEN ${insertOnly} THEN 'inserts' ELSE 'none' END
      AS "captured", own.added::text AS "added",
    -- A partition is captured with the table that it is a part of.
    (SELECT r.oid::text FROM ${entry} WHERE p.pubname = ${all} AND (r.prrelid = ${relation}
        OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(${relation}))) LIMIT 1) AS "capture"
  FROM (SELECT) one LEFT JOIN (SELECT p.pubname, r.xmin AS added FROM ${entry}
    WHERE r.prrelid = ${relation} AND p.pubname IN (${all}, ${insertOnly})
    ORDER BY p.pubname = ${all} DESC LIMIT 1) own ON true`;
}

export function toCaptureNow({ captured, capture, added }: CaptureRow): CaptureNow {
  return {
    captured,
    capture,
    addedAfter: ({ id }) => isLater(added, id),
  };
}
