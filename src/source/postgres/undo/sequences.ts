import { qualifiedName } from '../../../change/table.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

export interface SequenceFacts {
  readonly schema: string;
  readonly name: string;
  readonly column: string;
  readonly increment: string;
  /** The values that it can have. */
  readonly lowest: string;
  readonly highest: string;
  readonly owned: boolean;
  readonly usable: boolean;
}

/**
 * Sequences behind identity columns, serial columns, and defaults that call nextval. A column of
 * another type than integers holds something made of the sequence's number, such as 'INV-7'.
 */
const SEQUENCES = (table: string): string => `
  SELECT DISTINCT n.nspname::text AS "schema", s.relname::text AS "name", a.attname::text AS "column",
    q.seqincrement::text AS "increment", q.seqmin::text AS "lowest", q.seqmax::text AS "highest",
    pg_has_role(s.relowner, 'USAGE') AS "owned",
    has_sequence_privilege(s.oid, 'SELECT') AND has_sequence_privilege(s.oid, 'UPDATE') AS "usable"
  FROM (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS attribute FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum FROM pg_attrdef f
    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
      AND d.refclassid = 'pg_class'::regclass) link
  JOIN pg_class s ON s.oid = link.sequence AND s.relkind = 'S'
  JOIN pg_namespace n ON n.oid = s.relnamespace
  JOIN pg_sequence q ON q.seqrelid = s.oid
  JOIN pg_attribute a ON a.attrelid = link.relation AND a.attnum = link.attribute
    AND COALESCE((
      WITH RECURSIVE base (type, below) AS (
        SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.oid, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.below)
      SELECT b.type FROM base b WHERE b.below = 0)
      IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype), false)
  WHERE link.relation = ${table}::regclass`;

/**
 * Advances sequences that would hand out a restored value again; sets none back.
 * @returns warnings about sequences that the role may not advance.
 */
export async function advanceSequences(
  connection: UndoConnection,
  table: StagedTable,
): Promise<readonly string[]> {
  const warnings: string[] = [];
  const known = new Set(table.columns.map(({ name }) => name));
  const sequences = await readSequences(connection, table);
  for (const sequence of sequences) {
    if (!known.has(sequence.column)) continue;
    const name = quoteTable(sequence);
    if (!sequence.usable) {
      warnings.push(
        `Sequence ${qualifiedName(sequence)} was not looked at: the role may not use it. See that it is beyond the restored values of ${qualifiedName(table.facts)}.${sequence.column}.`,
      );
      continue;
    }
    const value = await reachedBy(connection, table, sequence);
    if (value === null) continue;
    // Changing the sequence keeps everybody else from it until the end of the transaction, and is
    // rolled back with it; setting it alone is neither.
    if (sequence.owned)
      await connection.run(`ALTER SEQUENCE ${name} INCREMENT ${sequence.increment}`);
    const still = await reachedBy(connection, table, sequence);
    if (still !== null) {
      await connection.run(`SELECT setval(${quoteLiteral(name)}::regclass, ${still})`);
    }
  }
  return warnings;
}

/** The sequences behind the columns of a table. */
export function readSequences(
  connection: UndoConnection,
  table: StagedTable,
): Promise<readonly SequenceFacts[]> {
  return connection.rows<SequenceFacts>(SEQUENCES(quoteLiteral(quoteTable(table.facts))));
}

/** The restored value that the sequence has not gone beyond; null when there is none. */
async function reachedBy(
  connection: UndoConnection,
  table: StagedTable,
  sequence: SequenceFacts,
): Promise<string | null> {
  const [row] = await connection.rows<{ value: string }>(
    `SELECT r.value::text AS value ${reachedSql(table, sequence)}`,
  );
  return row?.value ?? null;
}

/**
 * What follows a SELECT of `r.value`: no row when the sequence is beyond all restored values. Values
 * that the sequence cannot hand out were given by hand.
 */
export function reachedSql(table: StagedTable, sequence: SequenceFacts): string {
  const down = sequence.increment.startsWith('-');
  const furthest = `${down ? 'min' : 'max'}(s.${quoteIdentifier(sequence.column)})`;
  return `FROM (SELECT ${furthest}::bigint AS value FROM ${table.before} s
      WHERE s.${quoteIdentifier(sequence.column)} BETWEEN ${sequence.lowest} AND ${sequence.highest}) r, ${quoteTable(sequence)} q
    WHERE r.value ${down ? '<' : '>'} q.last_value OR (r.value = q.last_value AND NOT q.is_called)`;
}
