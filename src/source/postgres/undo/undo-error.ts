import { qualifiedName } from '../../../change/table.ts';
import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import type { TableName } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { toSourceError } from '../connection/source-error.ts';

/** The parts of a server's error that say what it is about. */
interface ServerError extends Error {
  readonly code?: string;
  readonly detail?: string;
  readonly schema?: string;
  readonly table?: string;
  /** What the server was doing, innermost first, a line each. */
  readonly where?: string;
  /** The server's function: its messages are in the language of `lc_messages`. */
  readonly routine?: string;
  /** The server's source file that it comes from. */
  readonly file?: string;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const LOCK_NOT_AVAILABLE = '55P03';
const PASSES = new Set([LOCK_NOT_AVAILABLE, '40P01', '40001', '55006']);
const QUERY_CANCELED = '57014';
const OUT_OF_ROOM: Readonly<Record<string, (role: string) => string>> = {
  '53100': () => 'Make room on the disk of the database server',
  '53200': () => 'Give the database server more memory',
  '53400': (role) =>
    `As an administrator of the server run: ALTER ROLE ${role} SET temp_file_limit = -1;`,
};
/**
 * What is about the connection, the session or the server itself. Whatever else a server says is about
 * what was to be written, also in words of the application's own: triggers and functions of indexes
 * run in the undo, and they may raise any code. None of that passes by itself.
 */
const NOT_ABOUT_ROWS = /^(08|25|26|28|2D|34|3B|3D|53|57|58|F0|XX)/;
const SQLSTATE = /^[0-9A-Z]{5}$/;
const INTERNAL_ERROR = 'XX000';
/** Where foreign keys are looked after: a rule can make something else of what they do, which it tells so. */
const FOREIGN_KEYS = 'ri_triggers.c';

const PLAN_AGAIN =
  'Make the plan again: it shows what stands against it now. `--on-conflict skip` leaves out rows in conflict.';

/** Whose undo it is. */
export interface UndoSession {
  readonly source: string;
  readonly role: string;
  readonly database: string;
}

/** What the database said to a statement of an undo; whatever it was, nothing is changed. */
export function toUndoError(session: UndoSession, error: unknown): TidingsError {
  if (isTidingsError(error)) return error;
  const { source, role, database } = session;
  const { code = '', message, routine } = error as ServerError;
  const options = { cause: error };
  const reason = reasonOf(error as ServerError);
  if (PASSES.has(code)) {
    return new TidingsError('UNDO_LOCKED', { source, reason, state: code }, options);
  }
  if (code === '42501' && routine === 'InitTempTableNamespace') {
    const sql = `GRANT TEMPORARY ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(role)};`;
    return new TidingsError('UNDO_TEMPORARY', { source, sql }, options);
  }
  const way = OUT_OF_ROOM[code]?.(quoteIdentifier(role));
  if (way !== undefined) {
    return new TidingsError('UNDO_OUT_OF_ROOM', { reason, state: code, way }, options);
  }
  if (code === QUERY_CANCELED) {
    return new TidingsError('UNDO_CANCELLED', { reason, state: code }, options);
  }
  const failure = toSourceError(source, error);
  if (isTidingsError(failure, 'SOURCE_DISCONNECTED')) {
    return new TidingsError('UNDO_INTERRUPTED', { source, reason: message }, options);
  }
  if (!SQLSTATE.test(code) || (NOT_ABOUT_ROWS.test(code) && !isOfCode(error as ServerError))) {
    return failure;
  }
  const details = { of: tableOf(error), reason, state: code, ways: PLAN_AGAIN };
  return new TidingsError('UNDO_REFUSED', details, options);
}

/** True for an internal error that comes of the application's own code, and comes again with it. */
function isOfCode({ code, file, where }: ServerError): boolean {
  if (code !== INTERNAL_ERROR) return false;
  return file === FOREIGN_KEYS || /^(PL\/|SQL (function|statement))/m.test(where ?? '');
}

/** The same error with the table that the undo was at, when the server did not name one. */
function withTable(error: unknown, table: TableName, place: number): unknown {
  if (!isTidingsError(error, 'UNDO_REFUSED') || error.details['of'] !== '') return error;
  const { reason = '', state = '', ways = '' } = error.details;
  // A COPY is completed by whatever comes next: its error can come with another table's rows.
  const copied = /COPY undo_(?:before|after)_(\d+)\b/.exec(String(reason))?.[1];
  if (copied !== undefined && copied !== String(place)) return error;
  const of = ` of ${qualifiedName(table)}`;
  return new TidingsError('UNDO_REFUSED', { of, reason, state, ways }, { cause: error.cause });
}

/** Does something to one table; what the database refuses names it. */
export async function atTable<Result>(
  { facts, place }: { readonly facts: TableName; readonly place: number },
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw withTable(error, facts, place);
  }
}

function tableOf(error: unknown): string {
  const { schema, table } = error as ServerError;
  // Where rows are put together is no table of anybody's.
  const named = table !== undefined && schema?.startsWith('pg_temp') !== true;
  return named ? ` of ${schema ?? ''}.${table}` : '';
}

/** With the function it was in: a trigger's own words seldom say whose they are. */
function reasonOf({ message, detail, where }: ServerError): string {
  const [inner = ''] = (where ?? '').split('\n');
  return [
    message,
    ...(detail === undefined ? [] : [`(${detail})`]),
    ...(inner === '' ? [] : [`[${inner}]`]),
  ].join(' ');
}
