import type { TableDefinition } from '../../change/table.ts';
import type { LogFork, LogGap, LoggedMark, LoggedTable } from '../log.ts';
import { tableChecksum } from './checksum.ts';
import { checkFormat, openForReading, readNumber, rows, type Value } from './database.ts';
import { corrupt, withLogErrors } from './errors.ts';
import { FORKS_SINCE } from './format.ts';
import { readMarks } from './mark-rows.ts';
import type { SegmentFile } from './segment-files.ts';

/** What a log knows besides its records; each segment carries it on from the one before. */
export interface LogState {
  /** The source position up to which the log is complete. */
  readonly reached: string | null;
  /** The position of the last appended transaction (invariant 3). */
  readonly appended: string | null;
  /** The latest commit time so far: commit times may run backwards, this does not. */
  readonly latestCommit: number;
  /** Which history it is, in the source's own words; null when that was never said. */
  readonly lineage: string | null;
}

/** A log as its readers see it at one moment: only what is durable and whole. */
export interface LogView {
  /** Oldest first; at least one. */
  readonly segments: readonly SegmentFile[];
  readonly head: number;
  readonly state: LogState;
  readonly tables: readonly LoggedTable[];
  readonly gaps: readonly LogGap[];
  readonly forks: readonly LogFork[];
  readonly marks: readonly LoggedMark[];
}

/** Holds the present view: the writer replaces it, readers in the same process look at it. */
export interface ViewHolder {
  view: LogView;
}

/** The state of a log before anything happened. */
export const NEW_LOG: LogState = { reached: null, appended: null, latestCommit: 0, lineage: null };

/**
 * Reads the view from the newest segment, which carries all but the older records.
 * @param source what the segment must say it belongs to.
 * @throws TidingsError `LOG_CORRUPT` when its end contradicts itself, or it is another source's.
 */
export function readView(segments: readonly SegmentFile[], source: string): LogView {
  const newest = segments.at(-1);
  if (newest === undefined) throw new Error('A log without a segment has no view');
  const { path, first } = newest;
  const db = openForReading(path);
  try {
    return withLogErrors(path, () => {
      // One transaction: another process may be writing.
      db.exec('BEGIN');
      const meta = new Map(
        rows(db.prepare('SELECT name, value FROM meta')).map(([name, value]) => [name, value]),
      );
      if (meta.get('source') !== source) {
        throw corrupt(path, `it is of source ${String(meta.get('source'))}, not of ${source}`);
      }
      if (meta.get('first') !== first) {
        throw corrupt(path, `it begins at ${String(meta.get('first'))}, not where its name says`);
      }
      const last = `SELECT coalesce(max(last), ${first - 1}) FROM txn`;
      const lastOfBlocks = `SELECT coalesce(max(first), ${first}) + coalesce(
        (SELECT count FROM block ORDER BY first DESC LIMIT 1), 0) - 1 FROM block`;
      const head = readNumber(db, last) + 1;
      const end = readNumber(db, lastOfBlocks) + 1;
      if (head !== end) {
        throw corrupt(path, `its transactions end at ${head} and its records at ${end}`);
      }
      const forked = checkFormat(db, path) >= FORKS_SINCE;
      const select = (sql: string): readonly (readonly Value[])[] => rows(db.prepare(sql));
      return {
        segments,
        head,
        state: toState(
          select(
            `SELECT reached, appended, latest_commit, ${forked ? 'lineage' : 'NULL'} FROM progress`,
          ).at(0),
          path,
        ),
        tables: select('SELECT id, schema, name, definition, checksum FROM table_version').map(
          (row) => toTable(row, path),
        ),
        gaps: select('SELECT offset, from_position, to_position, reason, at FROM gap').map(toGap),
        forks: forked
          ? select(
              'SELECT offset, abandoned, from_position, to_position, reason, at FROM fork ORDER BY offset',
            ).map(toFork)
          : [],
        marks: readMarks(db, path),
      };
    });
  } finally {
    db.close();
  }
}

function toState(row: readonly Value[] | undefined, path: string): LogState {
  if (row === undefined) throw corrupt(path, 'table progress is empty');
  const [reached, appended, latestCommit, lineage] = row;
  return {
    reached: toText(reached),
    appended: toText(appended),
    latestCommit: Number(latestCommit),
    lineage: toText(lineage),
  };
}

/** A row of `table_version`: id, schema, name, definition, checksum. */
export function toTable(row: readonly Value[], path: string): LoggedTable {
  const [id, schema, name, definition, checksum] = row;
  const version = { id: Number(id), schema: String(schema), name: String(name) };
  if (tableChecksum(version, String(definition)) !== checksum) {
    throw corrupt(path, `table version ${version.id} does not match its checksum`);
  }
  const rest = JSON.parse(String(definition)) as Omit<TableDefinition, 'schema' | 'name'>;
  return { ...version, ...rest };
}

function toGap([offset, from, to, reason, at]: readonly Value[]): LogGap {
  return {
    offset: Number(offset),
    from: toText(from),
    to: toText(to),
    reason: String(reason),
    at: Number(at),
  };
}

function toFork([offset, abandoned, from, to, reason, at]: readonly Value[]): LogFork {
  return {
    offset: Number(offset),
    abandoned: Number(abandoned),
    from: String(from),
    to: String(to),
    reason: String(reason),
    at: Number(at),
  };
}

function toText(value: Value | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
