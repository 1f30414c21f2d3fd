import type { LoweredCounter } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { keyOf, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * What the columns are called by which programs see that a row was changed since they read it, without
 * case and underscores: JPA, TypeORM, MikroORM, Sequelize and Doctrine (`version`), Rails and Ecto
 * (`lock_version`), SQLAlchemy (`version_id`), and what people call it themselves.
 */
const NAMES: ReadonlySet<string> = new Set([
  'version',
  'versionid',
  'versionno',
  'lockversion',
  'rowversion',
  'recordversion',
  'optlock',
  'optimisticlock',
]);

/** Up to so many rows the statement that raises them names them. */
const NAMED = 100;

/** Counters of rows that the undo would set back, of tables that have such columns. */
export async function loweredCounters(
  connection: UndoConnection,
  tables: readonly StagedTable[],
): Promise<readonly LoweredCounter[]> {
  const found: LoweredCounter[] = [];
  for (const table of tables) {
    for (const column of countersOf(table)) {
      const lowered = await lowering(connection, table, column);
      if (lowered !== null) found.push(lowered);
    }
  }
  return found;
}

function countersOf(table: StagedTable): readonly string[] {
  if (table.key === null || table.inConflict === 'all') return [];
  const key = new Set(table.key.map(({ column }) => column));
  return table.columns
    .filter(({ kind, array, name }) => kind === 'integer' && !array && !key.has(name))
    .map(({ name }) => name)
    .filter((name) => NAMES.has(name.toLowerCase().replaceAll('_', '')));
}

async function lowering(
  connection: UndoConnection,
  table: StagedTable,
  column: string,
): Promise<LoweredCounter | null> {
  const keys = keyOf(table).map((part) => part.column);
  const { pairs } = table;
  const name = quoteIdentifier(column);
  const [from, then, now, values] =
    pairs === null
      ? [
          `${table.before} b JOIN ${table.after} a ON ${sameKey(table, 'a', 'b')}`,
          `b.${name}`,
          `a.${name}`,
          keys.map((each) => `b.${quoteIdentifier(each)}`),
        ]
      : [
          `${pairs.name} p`,
          pairs.oldValue('p', column),
          pairs.newValue('p', column),
          keys.map((each) => pairs.newValue('p', each)),
        ];
  // Those in conflict are not written.
  const kept =
    pairs === null && table.inConflict === 'some'
      ? ` AND NOT EXISTS (SELECT FROM ${table.conflictRows} x WHERE ${sameKey(table, 'x', 'b')})`
      : '';
  const literals = values.map((value) => `quote_literal(${value}::text)`);
  const row =
    literals.length === 1 ? (literals[0] ?? '') : `'(' || ${literals.join(` || ', ' || `)} || ')'`;
  const [cells] = await connection.texts(
    `SELECT count(*), max(d), string_agg(r, ', ' ORDER BY r) FILTER (WHERE n <= ${NAMED}) FROM (
       SELECT ${now}::numeric - ${then}::numeric AS d, ${row} AS r, row_number() OVER () AS n
       FROM ${from} WHERE ${then} < ${now}${kept}) lowered`,
  );
  const [rows = null, most = null, named = null] = cells ?? [];
  if (Number(rows) === 0) return null;
  const list = keys.map(quoteIdentifier).join(', ');
  const those =
    Number(rows) > NAMED || named === null
      ? ''
      : ` WHERE ${keys.length === 1 ? list : `(${list})`} IN (${named})`;
  // Beyond what the rows have now: a program that read them then must not find that number again.
  const above = (BigInt(String(most)) + 1n).toString();
  return {
    ...table.name,
    column,
    rows: Number(rows),
    raise: `UPDATE ${table.facts.sql} SET ${name} = ${name} + ${above}${those};`,
  };
}
