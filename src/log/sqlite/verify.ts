import { existsSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LogFork, LogGap, LoggedMark } from '../log.ts';
import { openForReading, readNumber, rows } from './database.ts';
import { toLogError } from './errors.ts';
import { marksFrom } from './mark-rows.ts';
import { readView } from './log-view.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import { lostBeginning, SEGMENTS_GONE, statedFloor } from './stated-floor.ts';
import { type LogFinding, SegmentVerifier, type VerifiedEnd } from './verify-segment.ts';

export type { LogFinding } from './verify-segment.ts';

export interface VerifyOptions {
  readonly signal: AbortSignal;
  /** Told how many of the log's records have been looked at. */
  readonly onProgress?: ((records: number, total: number) => void) | undefined;
}

export interface LogVerification {
  readonly records: number;
  readonly segments: number;
  /** The next offset, as far as the segments say. */
  readonly head: number;
  /** Known losses; they are no damage. */
  readonly gaps: readonly LogGap[];
  /** Where the source's history went back; no damage. */
  readonly forks: readonly LogFork[];
  /** Where rows came or went without a change; no damage either. */
  readonly marks: readonly LoggedMark[];
  /** Empty for a log in good order. At most {@link MAX_FINDINGS} of one segment. */
  readonly findings: readonly LogFinding[];
}

/** A file that is damaged all over would otherwise be listed record by record. */
const MAX_FINDINGS = 100;

/**
 * Looks at every byte that a log in SQLite files keeps: SQLite's structure, checksums, offsets and
 * transactions without holes, whole transactions only, segments that follow each other, table
 * versions, and the indexes against the records. Writes nothing, and needs no writer; one may run.
 * SQLite's own check runs in one piece, about a second per gigabyte of one segment.
 * @throws what the signal says when it aborts.
 */
export async function verifySqliteLog(
  directory: string,
  source: string,
  { signal, onProgress }: VerifyOptions,
): Promise<LogVerification> {
  const segments = listSegments(directory);
  const findings: LogFinding[] = [];
  const floor = segments[0]?.first ?? 0;
  if (segments.length === 0 && statedFloor(directory) !== null) {
    findings.push({ segment: directory, offset: null, message: SEGMENTS_GONE });
  }
  const lost = lostBeginning(directory, floor);
  if (lost !== null) {
    const message = `the log begins here, and nothing has trimmed the records from offset ${lost.from} on: their segments are gone`;
    findings.push({ segment: segments[0]?.path ?? directory, offset: floor, message });
  }
  const total = totalRecords(segments) - floor;
  let before: VerifiedEnd = { end: floor, position: null, latestCommit: 0 };
  let counted = 0;
  for (const [index, { first, path }] of segments.entries()) {
    signal.throwIfAborted();
    const found: LogFinding[] = [];
    const report = (finding: LogFinding): void => {
      if (found.length < MAX_FINDINGS) found.push(finding);
    };
    if (index > 0 && first !== before.end) {
      const message = `it begins at ${first}, the segment before it ends at ${before.end}`;
      report({ segment: path, offset: Math.min(first, before.end), message });
    }
    const sealed = index < segments.length - 1;
    try {
      before = await verifySegment({ first, path }, source, {
        before: index === 0 ? null : before,
        sealed,
        report,
        onRecords: (end) => onProgress?.(end - floor, total),
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw error;
      const named = toLogError(error, path);
      if (!(named instanceof TidingsError)) throw named;
      before = { ...before, end: segments[index + 1]?.first ?? first };
      // Retention may have removed it while this was running.
      if (existsSync(path)) report({ segment: path, offset: null, message: named.message });
    }
    findings.push(...found);
    counted += before.end - first;
    await nextTurn();
  }
  return {
    records: counted,
    segments: segments.length,
    head: before.end,
    ...readNotes(segments, source),
    findings,
  };
}

interface SegmentOptions extends Pick<
  ConstructorParameters<typeof SegmentVerifier>[0],
  'sealed' | 'report' | 'onRecords' | 'signal'
> {
  readonly before: VerifiedEnd | null;
}

async function verifySegment(
  { first, path }: SegmentFile,
  source: string,
  options: SegmentOptions,
): Promise<VerifiedEnd> {
  const db = openForReading(path);
  try {
    // One snapshot: a writer may go on meanwhile.
    db.exec('BEGIN');
    const meta = new Map(rows(db.prepare('SELECT name, value FROM meta')).map(([k, v]) => [k, v]));
    const says = (message: string): void =>
      options.report({ segment: path, offset: null, message });
    if (meta.get('source') !== source) says(`it is of source ${String(meta.get('source'))}`);
    if (meta.get('first') !== first) says(`it says it begins at ${String(meta.get('first'))}`);
    const before = { ...(options.before ?? readOrigin(db)), end: first };
    return await new SegmentVerifier({ ...options, db, path, before }).verify();
  } finally {
    db.close();
  }
}

/** The oldest segment's own word for what came before it: that itself is gone. */
function readOrigin(db: ReturnType<typeof openForReading>): Omit<VerifiedEnd, 'end'> {
  const latestBefore = `SELECT CASE WHEN latest_commit > committed_at THEN latest_commit ELSE 0 END
                        FROM txn ORDER BY first LIMIT 1`;
  return { position: null, latestCommit: readNumber(db, latestBefore) };
}

function totalRecords(segments: readonly SegmentFile[]): number {
  const newest = segments.at(-1);
  if (newest === undefined) return 0;
  try {
    const db = openForReading(newest.path);
    try {
      return readNumber(db, `SELECT coalesce(max(last) + 1, ${newest.first}) FROM txn`);
    } finally {
      db.close();
    }
  } catch {
    // A damaged file is reported where it is looked at; here it only costs the progress its total.
    return newest.first;
  }
}

/** What the log says about itself, from its newest segment. */
function readNotes(
  segments: readonly SegmentFile[],
  source: string,
): Pick<LogVerification, 'gaps' | 'forks' | 'marks'> {
  const none = { gaps: [], forks: [], marks: [] };
  try {
    if (segments.length === 0) return none;
    const { gaps, forks, marks } = readView(segments, source);
    const floor = segments[0]?.first ?? 0;
    return { gaps, forks, marks: marksFrom(marks, floor) };
  } catch {
    // The damage is among the findings.
    return none;
  }
}
