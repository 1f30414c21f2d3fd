import { TidingsError } from '../../errors/tidings-error.ts';

// Result codes of https://www.sqlite.org/rescode.html; the low byte is the primary code.
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
/** The shared-memory file beside a segment cannot grow: on a full disk this comes before FULL. */
const SQLITE_IOERR_SHMSIZE = 4874;

const FULL_SYSTEM_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Names what went wrong with a log file. Errors of neither SQLite, the file system nor JSON are
 * defects (or the caller's own) and are returned as they are.
 */
export function toLogError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof TidingsError) return error;
  const { code, errcode, syscall } = error as Error & {
    readonly code?: unknown;
    readonly errcode?: unknown;
    readonly syscall?: unknown;
  };
  const options = { cause: error };
  if (error instanceof SyntaxError) {
    const problem = 'it holds text that is no JSON';
    return new TidingsError('LOG_CORRUPT', { path, problem }, options);
  }
  if (code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number') {
    const primary = errcode & 0xff;
    if (primary === SQLITE_FULL || errcode === SQLITE_IOERR_SHMSIZE) {
      return new TidingsError('LOG_FULL', { path }, options);
    }
    const problem = error.message;
    if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
      return new TidingsError('LOG_CORRUPT', { path, problem }, options);
    }
    return new TidingsError('LOG_IO', { path, problem }, options);
  }
  if (FULL_SYSTEM_CODES.has(code)) return new TidingsError('LOG_FULL', { path }, options);
  if (typeof syscall === 'string') {
    return new TidingsError('LOG_IO', { path, problem: error.message }, options);
  }
  return error;
}

/** Runs something that touches this file; its errors come out named. */
export function withLogErrors<Result>(path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw toLogError(error, path);
  }
}

/** The damage that a reader came upon. */
export function corrupt(path: string, problem: string): TidingsError<'LOG_CORRUPT'> {
  return new TidingsError('LOG_CORRUPT', { path, problem });
}
