import { callsFunctionsSql, generatedCallsSql } from './index-facts.ts';
import { type PartitionFacts, partitionSql } from './partition-rows.ts';

/** A check constraint that the database holds new rows to, whether or not the old ones were validated. */
export interface CheckFacts {
  readonly name: string;
  readonly expression: string;
  readonly callsFunctions: boolean;
  /** Columns that it reads; null when that is not known. */
  readonly reads: readonly string[] | null;
  /** The partition that has it for itself; null when it is the whole table's. */
  readonly partition: PartitionFacts | null;
}

/** A column that must have a value. */
export interface NotNullFacts {
  readonly column: string;
  readonly partition: PartitionFacts | null;
}

export interface RuleFacts {
  readonly rule: string;
  readonly operation: 'insert' | 'update' | 'delete';
  /** `pg_rewrite.ev_enabled`: 'O' as usual, 'A' always. */
  readonly enabled: 'O' | 'A';
}

/** What a table asks of each row that is written to it. */
export interface RowConstraints {
  readonly checks: readonly CheckFacts[];
  readonly notNull: readonly NotNullFacts[];
  /** Columns with a default, or a number of their own. */
  readonly defaults: readonly string[];
  readonly rules: readonly RuleFacts[];
}

const PARTITIONS = '(SELECT relid FROM pg_partition_tree(c.oid))';

/**
 * JSON of the {@link RowConstraints} of the table `c`. Rules of partitions are not asked: a statement
 * names the whole table.
 */
export const ROW_CONSTRAINTS = `json_build_object(
  'checks', COALESCE((SELECT json_agg(json_build_object('name', k.conname,
        'expression', pg_get_expr(k.conbin, k.conrelid),
        'callsFunctions', ${callsFunctionsSql('pg_constraint', 'k.oid')} OR ${generatedCallsSql('k.conrelid')},
        'reads', (SELECT json_agg(ra.attname) FROM unnest(k.conkey) AS r (attnum)
          JOIN pg_attribute ra ON ra.attrelid = k.conrelid AND ra.attnum = r.attnum),
        'partition', ${partitionSql('k.conrelid', 'c.oid')}) ORDER BY k.conname)
      FROM pg_constraint k
      WHERE k.contype = 'c' AND COALESCE((to_jsonb(k) ->> 'conenforced')::boolean, true)
        AND (k.conrelid = c.oid OR (k.coninhcount = 0 AND k.conrelid IN ${PARTITIONS}))), '[]'),
  'notNull', COALESCE((SELECT json_agg(json_build_object('column', a.attname,
        'partition', ${partitionSql('a.attrelid', 'c.oid')}) ORDER BY a.attrelid, a.attnum)
      FROM pg_attribute a
      WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped AND (a.attrelid = c.oid
        OR (a.attrelid IN ${PARTITIONS} AND NOT EXISTS (
          SELECT FROM pg_attribute r WHERE r.attrelid = c.oid AND r.attname = a.attname AND r.attnotnull)))), '[]'),
  'defaults', COALESCE((SELECT json_agg(a.attname) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.atthasdef OR a.attidentity <> ''
        OR (SELECT t.typdefaultbin IS NOT NULL OR t.typdefault IS NOT NULL FROM pg_type t WHERE t.oid = a.atttypid))), '[]'),
  'rules', COALESCE((SELECT json_agg(json_build_object('rule', w.rulename,
        'operation', CASE w.ev_type WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete' END,
        'enabled', w.ev_enabled) ORDER BY w.rulename)
      FROM pg_rewrite w
      WHERE w.ev_class = c.oid AND w.ev_type IN ('2', '3', '4') AND w.ev_enabled IN ('O', 'A')), '[]'))`;
