import type { DatabaseSync } from 'node:sqlite';
import { isPart, type MarkKind } from '../../change/mark.ts';
import type { LoggedMark } from '../log.ts';
import { markChecksum } from './checksum.ts';
import { checkFormat, rows, type Value } from './database.ts';
import { corrupt } from './errors.ts';
import { MARKS_SINCE } from './format.ts';

type MarkDetail = Omit<LoggedMark, 'offset' | 'at' | 'schema' | 'name' | 'kind'>;

/**
 * All marks that a segment knows, its own and those that it carries on, in log order.
 * @throws TidingsError `LOG_CORRUPT` when one does not match its checksum.
 */
export function readMarks(db: DatabaseSync, path: string): readonly LoggedMark[] {
  if (checkFormat(db, path) < MARKS_SINCE) return [];
  const sql = 'SELECT offset, at, schema, name, kind, detail, checksum FROM mark ORDER BY id';
  return rows(db.prepare(sql)).map((row) => toMark(row, path));
}

/** A mark's values in the order of table `mark`, without its `id`. */
export function markValues(mark: LoggedMark): readonly (string | number)[] {
  const { offset, at, schema, name, kind, ...rest } = mark;
  const detail = JSON.stringify(rest satisfies MarkDetail);
  return [offset, at, schema, name, kind, detail, markChecksum(mark, detail)];
}

function toMark(row: readonly Value[], path: string): LoggedMark {
  const [schema, name, kind, detail] = row.slice(2, 6).map(String);
  const mark = {
    offset: Number(row[0]),
    at: Number(row[1]),
    schema: schema ?? '',
    name: name ?? '',
    kind: kind as MarkKind,
  };
  if (markChecksum(mark, detail ?? '') !== row[6]) {
    throw corrupt(
      path,
      `the mark of ${mark.schema}.${mark.name} at ${mark.offset} does not match its checksum`,
    );
  }
  return { ...mark, ...(JSON.parse(detail ?? '') as MarkDetail) };
}

/**
 * The marks that a log which begins at `floor` still needs: those from there on, and of partitions
 * that were there the last one before, which tells that they were.
 */
export function marksFrom(marks: readonly LoggedMark[], floor: number): readonly LoggedMark[] {
  const before = new Map<string, LoggedMark>();
  for (const mark of marks) {
    if (mark.offset < floor) before.set(mark.partition?.id ?? '', mark);
  }
  return marks.filter(
    (mark) =>
      mark.offset >= floor || (before.get(mark.partition?.id ?? '') === mark && isPart(mark)),
  );
}
