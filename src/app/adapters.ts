import { join } from 'node:path';
import type { Dialect } from '../change/dialect.ts';
import type { Config } from '../config/define-config.ts';
import { requireUrl } from '../config/needed.ts';
import {
  openSqliteLog,
  openSqliteLogReader,
  type SqliteLog,
  type SqliteLogReader,
} from '../log/sqlite/sqlite-log.ts';
import type { OnCommitPoint } from '../log/sqlite/commit-points.ts';
import { POSTGRES_DIALECT } from '../source/postgres/values/dialect.ts';
import { PostgresSource, type PostgresSourceOptions } from '../source/postgres/postgres-source.ts';
import { PostgresUndoTarget } from '../source/postgres/undo/postgres-undo-target.ts';
import { SqliteStateReader } from '../state/sqlite/sqlite-state-reader.ts';
import { PostgresSnapshots } from '../source/postgres/snapshot/postgres-snapshots.ts';
import type { Source } from '../source/source.ts';
import type { SnapshotReader } from '../source/table-snapshot.ts';
import type { UndoTarget } from '../source/undo-target.ts';

/** The dialects of every kind of source, also for logs whose source is not connected. */
export const DIALECTS: readonly Dialect[] = [POSTGRES_DIALECT];

/**
 * The adapter of a configured source. Nothing connects yet.
 * @param told of what limits capture, and of what it is at. Default: nobody is.
 * @throws TidingsError `SOURCE_UNKNOWN`, `CONFIG_VALUE_MISSING`
 */
export function openSource(
  config: Config,
  source: string,
  told: Pick<PostgresSourceOptions, 'onWarning' | 'onUnreadable' | 'onProgress'> = {},
): Source {
  const url = requireUrl(config, source);
  const tables = config.sources[source]?.tables ?? [];
  return new PostgresSource({ name: source, url, tables, ...told });
}

/**
 * Reads a source's present tables. Nothing connects yet.
 * @throws TidingsError `SOURCE_UNKNOWN`, `CONFIG_VALUE_MISSING`
 */
export function openSnapshots(config: Config, source: string): SnapshotReader {
  return new PostgresSnapshots({ source, url: requireUrl(config, source) });
}

/** Opens a source's log for writing. */
export function openLog(
  config: Config,
  source: string,
  onCommitPoint: OnCommitPoint | undefined,
): Promise<SqliteLog> {
  const { segmentBytes } = config.log;
  return openSqliteLog({
    directory: logDirectory(config, source),
    source,
    segmentBytes,
    onCommitPoint,
  });
}

/** Opens a source's log for reading, while another process may write it. */
export function openLogReader(config: Config, source: string): Promise<SqliteLogReader> {
  return openSqliteLogReader({ directory: logDirectory(config, source), source });
}

export function logDirectory(config: Config, source: string): string {
  return join(config.dataDir, 'log', source);
}

export function statePath({ dataDir }: Pick<Config, 'dataDir'>): string {
  return join(dataDir, 'state.sqlite');
}

/**
 * Where changes of a configured source are taken back: the database that its log was made from, and no
 * other one that its url leads to by now. Nothing connects yet.
 * @throws TidingsError `SOURCE_UNKNOWN`, `CONFIG_VALUE_MISSING`
 */
export function openUndoTarget(config: Config, source: string): UndoTarget {
  const url = requireUrl(config, source);
  const expected = async (): Promise<string | null> => {
    await using state = SqliteStateReader.openExisting(statePath(config));
    return (await state?.sourceIdentity(source)) ?? null;
  };
  return new PostgresUndoTarget({ source, url }, expected);
}
