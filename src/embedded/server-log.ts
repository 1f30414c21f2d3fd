import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Home } from './home.ts';

/** A larger log is put aside at the next start; bytes. */
const LARGE = 10 * 2 ** 20;

/** The server's log, open for a program to write to. */
export interface ServerLog {
  readonly fd: number;
  /** Where in the file that program's lines begin. */
  readonly from: number;
  close(): Promise<void>;
}

/** Only its owner may read it: PostgreSQL writes failed statements into it, values and all. */
export function openServerLog({ log }: Home): Promise<ServerLog> {
  if (existsSync(log) && statSync(log).size > LARGE) renameSync(log, `${log}.old`);
  const fd = openSync(log, 'a', 0o600);
  return Promise.resolve({
    fd,
    from: fstatSync(fd).size,
    close: () => {
      closeSync(fd);
      return Promise.resolve();
    },
  });
}

/** Nothing of our environment (DATABASE_URL, PG*) is the server's business. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot } = process.env;
  return { PATH, LC_ALL: 'C', TZ: 'UTC', ...(SystemRoot === undefined ? {} : { SystemRoot }) };
}

/**
 * The error for a server that does not start, with the last lines of its log.
 * @param from where the lines begin that have to do with it.
 */
export function startFailure({ log }: Home, reason: string, from = 0): TidingsError {
  const text = existsSync(log) ? readFileSync(log).subarray(from).toString('utf8') : '';
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^\S+ \S+ UTC \[\d+\] /, ''))
    .filter((line) => line !== '' && !line.includes('database system is shut down'))
    .slice(-5);
  const full = lines.length === 0 ? reason : `${reason}: ${lines.join(' | ')}`;
  return new TidingsError('EMBEDDED_FAILED', { reason: full, log });
}
