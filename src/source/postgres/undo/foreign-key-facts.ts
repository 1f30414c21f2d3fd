import type { TableName } from '../../undo-target.ts';
import { type PartitionFacts, partitionSql } from './partition-rows.ts';

/** A foreign key that the database holds to, between tables as they are captured. */
export interface ForeignKey {
  readonly name: string;
  readonly child: TableName;
  /** The partition of `child` whose rows alone refer to others; null for all of them. */
  readonly childPartition: PartitionFacts | null;
  readonly parent: TableName;
  /** The partition of `parent` whose rows alone are referred to; null for all of them. */
  readonly parentPartition: PartitionFacts | null;
  /** False when rows that were there before the key may refer to nothing. */
  readonly validated: boolean;
  readonly childColumns: readonly string[];
  readonly parentColumns: readonly string[];
  /**
   * True with `PERIOD` (from PostgreSQL 18 on): the last column is a range, and lies in those of several
   * parents together. Such a key only checks.
   */
  readonly period: boolean;
  /** Per column: parent = child; of a period that the two overlap. */
  readonly operators: readonly string[];
  /** Per column the collation by which the two are compared, as SQL; null where there is none. */
  readonly collations: readonly (string | null)[];
  /** True when the database itself changes children along with their parents. */
  readonly cascades: boolean;
  /** `pg_constraint.confdeltype`: 'a' only checks, at the end of a statement. */
  readonly deleteAction: string;
  /** `pg_constraint.confupdtype`, likewise. */
  readonly updateAction: string;
}

const NAME = (table: string, schema: string): string =>
  `json_build_object('id', ${table}.oid::text, 'schema', ${schema}.nspname, 'name', ${table}.relname)`;

/** The table that rows of a relation are captured as; `c` itself when that is what is asked about. */
const CAPTURED = (relation: string): string =>
  `CASE ${relation} WHEN c.oid THEN c.oid ELSE COALESCE(pg_partition_root(${relation}), ${relation}) END`;

const COLUMNS = (attributes: string, relation: string): string => `(
  SELECT json_agg(a.attname ORDER BY k.place)
  FROM unnest(${attributes}) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.attnum)`;

/**
 * JSON of the foreign keys from and to the table `c`. A partition that is captured by itself has those
 * of the tables above it, each once; the database keeps one for every pair of partitions. The database compares by the collation of the
 * parent's column. What is `NOT ENFORCED` (from PostgreSQL 18 on) it neither checks nor follows; the
 * column is read by way of jsonb because older servers have none.
 */
export const FOREIGN_KEYS = `
  SELECT json_agg(json_build_object('name', f.conname,
      'child', ${NAME('cc', 'cn')}, 'childPartition', ${partitionSql('f.conrelid', 'cc.oid')},
      'parent', ${NAME('pc', 'pn')}, 'parentPartition', ${partitionSql('f.confrelid', 'pc.oid')},
      'validated', f.convalidated,
      'period', COALESCE((to_jsonb(f) ->> 'conperiod')::boolean, false),
      'childColumns', ${COLUMNS('f.conkey', 'f.conrelid')},
      'parentColumns', ${COLUMNS('f.confkey', 'f.confrelid')},
      'operators', (
        SELECT json_agg('OPERATOR(' || quote_ident(opn.nspname) || '.' || op.oprname || ')' ORDER BY k.place)
        FROM unnest(f.conpfeqop) WITH ORDINALITY AS k (oid, place)
          JOIN pg_operator op ON op.oid = k.oid
          JOIN pg_namespace opn ON opn.oid = op.oprnamespace),
      'collations', (
        SELECT json_agg(quote_ident(ln.nspname) || '.' || quote_ident(l.collname) ORDER BY k.place)
        FROM unnest(f.confkey) WITH ORDINALITY AS k (attnum, place)
          JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum
          LEFT JOIN pg_collation l ON l.oid = a.attcollation
          LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace),
      'deleteAction', f.confdeltype, 'updateAction', f.confupdtype,
      'cascades', f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))
    ORDER BY f.conname)
  FROM pg_constraint f
    JOIN pg_class cc ON cc.oid = ${CAPTURED('f.conrelid')}
    JOIN pg_namespace cn ON cn.oid = cc.relnamespace
    JOIN pg_class pc ON pc.oid = ${CAPTURED('f.confrelid')}
    JOIN pg_namespace pn ON pn.oid = pc.relnamespace
    LEFT JOIN pg_constraint above ON above.oid = f.conparentid
  WHERE f.contype = 'f' AND (f.conparentid = 0 OR (c.relispartition AND (
      (f.conrelid = c.oid AND above.conrelid <> c.oid)
      OR (f.confrelid = c.oid AND above.confrelid <> c.oid))))
    AND c.oid IN (f.conrelid, f.confrelid, cc.oid, pc.oid)
    AND COALESCE((to_jsonb(f) ->> 'conenforced')::boolean, true)`;
