import { join } from 'node:path';
import type { Dialect } from '../change/dialect.ts';
import type { Config } from '../config/define-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Log } from '../log/log.ts';
import { openSqliteLog, openSqliteLogReader } from '../log/sqlite/sqlite-log.ts';
import { POSTGRES_DIALECT } from '../source/postgres/dialect.ts';
import { PostgresSource } from '../source/postgres/postgres-source.ts';
import type { Source } from '../source/source.ts';

/** The dialects of every source kind, for logs whose source is not connected. */
export const DIALECTS: readonly Dialect[] = [POSTGRES_DIALECT];

/** The adapter of a configured source. Nothing connects yet. */
export function openSource(config: Config, name: string): Source {
  const source = config.sources[name];
  if (source === undefined) throw new TidingsError('SOURCE_UNKNOWN', { source: name });
  return new PostgresSource({ name, url: source.url, tables: source.tables });
}

/** Where a source's log lives. */
export function logDirectory(config: Config, source: string): string {
  return join(config.dataDir, 'log', source);
}

/** Where the state lives. */
export function statePath(config: Config): string {
  return join(config.dataDir, 'state.sqlite');
}
