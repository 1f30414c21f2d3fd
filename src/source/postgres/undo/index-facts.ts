import { type PartitionFacts, partitionSql } from './partition-rows.ts';

/** One part of an index, with the operator that says when two of its values are in each other's way. */
export interface IndexPart {
  readonly expression: string;
  /** Null for an expression. */
  readonly column: string | null;
  readonly notNull: boolean;
  readonly operator: string;
  /** The collation that it compares by, as SQL; null for a type without. It can be another than the column's. */
  readonly collation: string | null;
  /** True when two values are equal to it exactly when they are to the column's type by itself. */
  readonly ordinary: boolean;
}

/** An index that keeps two rows from being there at once. */
export interface UniqueIndex {
  readonly name: string;
  readonly primary: boolean;
  /** Of an exclusion constraint, or of a key `WITHOUT OVERLAPS`: equality is not what it asks for. */
  readonly exclusion: boolean;
  /** False when it is checked at the end of a statement, or later. */
  readonly immediate: boolean;
  readonly predicate: string | null;
  readonly nullsNotDistinct: boolean;
  readonly parts: readonly IndexPart[];
  /** The partition whose rows alone are in it; null for all rows of the table. */
  readonly partition: PartitionFacts | null;
  /** Columns that its expressions and its condition read; null when that is not known. */
  readonly reads: readonly string[] | null;
  /** True when it, or a generated column of its table, calls functions that the server does not bring. */
  readonly callsFunctions: boolean;
}

/** Objects with numbers below are the server's own (`FirstNormalObjectId`). */
const FIRST_OF_USERS = 16384;

/** True for a dependency on a function, an operator or an operator class that somebody made. */
const ON_CODE = `d.refobjid >= ${FIRST_OF_USERS}
  AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass)`;

/** True when an object's expressions call functions or operators that somebody made. */
export function callsFunctionsSql(catalogue: 'pg_class' | 'pg_constraint', object: string): string {
  return `EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${object} AND ${ON_CODE})`;
}

/** True when a generated column of a relation does; before PostgreSQL 15 the column itself depends on it. */
export function generatedCallsSql(relation: string): string {
  return `EXISTS (SELECT FROM pg_attribute ga
    JOIN pg_attrdef g ON g.adrelid = ga.attrelid AND g.adnum = ga.attnum
    JOIN pg_depend d ON (d.classid = 'pg_attrdef'::regclass AND d.objid = g.oid)
      OR (d.classid = 'pg_class'::regclass AND d.objid = ga.attrelid AND d.objsubid = ga.attnum)
    WHERE ga.attrelid = ${relation} AND ga.attgenerated <> '' AND ${ON_CODE})`;
}

/** The equality that a type has by itself, in the words of the index's access method. */
const OWN_EQUALITY = `(
  SELECT oo.amopopr FROM pg_opclass oc2 JOIN pg_amop oo ON oo.amopfamily = oc2.opcfamily
    AND oo.amopstrategy = 3 AND oo.amoplefttype = oc2.opcintype AND oo.amoprighttype = oc2.opcintype
  WHERE oc2.opcmethod = cl.opcmethod AND oc2.opcdefault AND oc2.opcintype = cl.opcintype LIMIT 1)`;

const PARTS = `(
  SELECT json_agg(json_build_object(
      'expression', pg_get_indexdef(i.indexrelid, k.place::integer, false),
      'column', a.attname, 'notNull', COALESCE(a.attnotnull, false),
      'operator', 'OPERATOR(' || quote_ident(opn.nspname) || '.' || op.oprname || ')',
      'collation', quote_ident(ln.nspname) || '.' || quote_ident(l.collname),
      'ordinary', op.oid = ${OWN_EQUALITY} AND (l.oid IS NULL OR l.oid = a.attcollation
        OR (l.collisdeterministic AND own.collisdeterministic)))
    ORDER BY k.place)
  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    JOIN unnest(i.indclass::oid[]) WITH ORDINALITY AS oc (oid, place) USING (place)
    JOIN unnest(i.indcollation::oid[]) WITH ORDINALITY AS co (oid, place) USING (place)
    JOIN pg_opclass cl ON cl.oid = oc.oid
    LEFT JOIN pg_amop ao ON ao.amopfamily = cl.opcfamily AND ao.amopstrategy = 3
      AND ao.amoplefttype = cl.opcintype AND ao.amoprighttype = cl.opcintype
    JOIN pg_operator op ON op.oid = COALESCE(x.conexclop[k.place], ao.amopopr)
    JOIN pg_namespace opn ON opn.oid = op.oprnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
    LEFT JOIN pg_collation l ON l.oid = co.oid
    LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
    LEFT JOIN pg_collation own ON own.oid = a.attcollation)`;

/** JSON of the unique indexes of the table `c`, and of those that its partitions have for themselves. */
export const INDEXES = `
  SELECT json_agg(json_build_object('name', ic.relname, 'primary', i.indisprimary,
      'exclusion', i.indisexclusion, 'immediate', i.indimmediate,
      'predicate', pg_get_expr(i.indpred, i.indrelid),
      'nullsNotDistinct', COALESCE((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
      'parts', ${PARTS}, 'partition', ${partitionSql('i.indrelid', 'c.oid')},
      'reads', (SELECT json_agg(DISTINCT ra.attname)
        FROM pg_depend rd JOIN pg_attribute ra ON ra.attrelid = i.indrelid AND ra.attnum = rd.refobjsubid
        WHERE rd.classid = 'pg_class'::regclass AND rd.objid = i.indexrelid
          AND rd.refclassid = 'pg_class'::regclass AND rd.refobjid = i.indrelid AND rd.refobjsubid > 0),
      'callsFunctions', ${callsFunctionsSql('pg_class', 'i.indexrelid')} OR ${generatedCallsSql('i.indrelid')})
    ORDER BY i.indisprimary DESC, ic.relname)
  FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
    LEFT JOIN pg_constraint x ON x.conindid = i.indexrelid AND i.indisexclusion
      AND x.conexclop IS NOT NULL
  WHERE (i.indrelid = c.oid OR (i.indrelid IN (SELECT relid FROM pg_partition_tree(c.oid))
      AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)))
    AND i.indisvalid AND (i.indisunique AND am.amname = 'btree' OR x.oid IS NOT NULL)`;
