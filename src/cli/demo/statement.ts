import { Client, DatabaseError, type QueryArrayResult } from 'pg';
import { TidingsError } from '../../errors/tidings-error.ts';

/** A column of an answer. */
export interface ResultColumn {
  readonly name: string;
  readonly isNumber: boolean;
}

/** int8, int2, int4, oid, float4, float8 and numeric, by their numbers in PostgreSQL's pg_type. */
const NUMBER_TYPES = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** What one statement answered. */
export interface StatementResult {
  /** The database's word for what it did: `SELECT`, `INSERT`, `CREATE`. */
  readonly command: string;
  /** Rows returned or changed; null when the statement does neither. */
  readonly rowCount: number | null;
  readonly columns: readonly ResultColumn[];
  /** The database's own text of each value. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/**
 * Runs one or more SQL statements, which are one transaction unless they say otherwise.
 * @throws TidingsError `DEMO_STATEMENT_FAILED` with the database's reason;
 *   `DEMO_NOT_RUNNING` when the database is not there.
 */
export async function runStatement(
  url: string,
  directory: string,
  sql: string,
): Promise<readonly StatementResult[]> {
  const client = new Client({ connectionString: url, application_name: 'tidings demo sql' });
  // A lost connection shows in the query.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw new TidingsError('DEMO_NOT_RUNNING', { path: directory }, { cause: error });
  }
  try {
    // Values stay as the database prints them; JavaScript would round a bigint or a numeric.
    const types = { getTypeParser: () => (text: string) => text };
    const answer: unknown = await client.query({ text: sql, rowMode: 'array', types });
    return (Array.isArray(answer) ? answer : [answer]).map(toResult);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new TidingsError(
      'DEMO_STATEMENT_FAILED',
      { reason: explain(error, sql), state: error.code ?? 'unknown' },
      { cause: error },
    );
  } finally {
    await client.end();
  }
}

function toResult(answer: QueryArrayResult<(string | null)[]>): StatementResult {
  return {
    command: answer.command,
    rowCount: answer.rowCount,
    columns: answer.fields.map(({ name, dataTypeID }) => ({
      name,
      isNumber: NUMBER_TYPES.has(dataTypeID),
    })),
    rows: answer.rows,
  };
}

/** The database's message, with the place in the statement and what it adds, as psql shows it. */
function explain(error: DatabaseError, sql: string): string {
  const lines = [error.message];
  if (error.position !== undefined) lines.push(...pointAt(sql, Number(error.position)));
  if (error.detail !== undefined) lines.push(`Detail: ${error.detail}`);
  if (error.hint !== undefined) lines.push(`Hint: ${error.hint}`);
  return lines.join('\n');
}

/**
 * The line of the statement that has a position, and a caret below it.
 * @param position the database's: in characters (not UTF-16 units), from 1.
 */
export function pointAt(sql: string, position: number): readonly [string, string] {
  const before = Array.from(sql)
    .slice(0, position - 1)
    .join('');
  const start = before.lastIndexOf('\n') + 1;
  const end = sql.indexOf('\n', start);
  const line = sql.slice(start, end === -1 ? sql.length : end).replaceAll('\t', ' ');
  return [line, `${' '.repeat(Array.from(before.slice(start)).length)}^`];
}
