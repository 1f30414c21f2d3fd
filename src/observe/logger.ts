/** What belongs to a line besides its text. `error` is written with code, hint and causes. */
export interface LogFields {
  readonly [name: string]: unknown;
  readonly error?: unknown;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Where lines about the running service go. Nothing is logged per change below `debug`. Passwords in
 * addresses and fields with telling names are hidden by the implementation; still, don't pass them.
 */
export interface Logger {
  trace(text: string, fields?: LogFields): void;
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** A logger that adds these fields to each line. */
  with(fields: LogFields): Logger;
}

const ignore = (): void => undefined;

/** Writes nothing: the default in another program's process, whose output is not ours. */
export const SILENT: Logger = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  with: () => SILENT,
};
