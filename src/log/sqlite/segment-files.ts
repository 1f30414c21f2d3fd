import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { PART_SUFFIX, parseSegmentName } from './format.ts';

/** A segment's file. */
export interface SegmentFile {
  readonly first: number;
  readonly path: string;
}

/** What SQLite keeps beside a database that is written or was not closed. */
const COMPANIONS = ['-wal', '-shm', '-journal'] as const;

/** The published segments, oldest first. */
export function listSegments(directory: string): SegmentFile[] {
  const segments: SegmentFile[] = [];
  for (const name of readdirSync(directory)) {
    const first = parseSegmentName(name);
    if (first !== null) segments.push({ first, path: join(directory, name) });
  }
  return segments.sort((a, b) => a.first - b.first);
}

/** Removes what a crash left unpublished: nothing of it was ever acknowledged or seen. */
export function removeParts(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.includes(PART_SUFFIX)) rmSync(join(directory, name), { force: true });
  }
}

/** Removes a database and what is beside it. The database goes last: without it nothing counts. */
export function removeDatabase(path: string): void {
  for (const companion of COMPANIONS) rmSync(`${path}${companion}`, { force: true });
  rmSync(path, { force: true });
}

/** Makes the names in a directory durable. */
export function syncDirectory(directory: string): void {
  // Windows cannot open a directory; its file systems log renames themselves.
  if (process.platform === 'win32') return;
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Bytes 18 and 19 of a database's header: 1 = rollback journal, 2 = WAL. */
const VERSION_AT = 18;
const WAL_VERSION = 2;

/**
 * True for a file that is still in WAL mode, or would be again once the change of its mode that a
 * crash interrupted has been undone. Must not be called on a file that this process has open through
 * SQLite: closing any handle of a file drops all POSIX locks the process holds on it.
 */
export function isUnsealed(path: string): boolean {
  if (existsSync(`${path}-journal`)) return true;
  const version = new Uint8Array(1);
  const handle = openSync(path, 'r');
  try {
    readSync(handle, version, 0, 1, VERSION_AT);
  } finally {
    closeSync(handle);
  }
  return version[0] === WAL_VERSION;
}

/** Bytes of a database and what is beside it; 0 for what is not there. */
export function databaseBytes(path: string): number {
  let bytes = 0;
  for (const companion of ['', ...COMPANIONS]) bytes += fileBytes(`${path}${companion}`);
  return bytes;
}

/** Bytes of all files of a log, those that are not published yet included. */
export function directoryBytes(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory)) bytes += fileBytes(join(directory, name));
  return bytes;
}

/** The file may vanish at any moment: a WAL when it is checkpointed, a segment when it is trimmed. */
function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
