import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Operation } from '../../change/change.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { KeptFor, KeptNote, KeptRecord, KeptSize } from '../kept-record.ts';

export function insertKept(
  database: DatabaseSync,
  source: string,
  records: readonly KeptRecord[],
): void {
  // What is there already is the same: an earlier round was cut short before the segment went.
  const insert = database.prepare(
    'INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  for (const record of records) {
    const { offset, tableId, operation, key, previousKey, images, transaction } = record;
    const { first, last, id, position, committedAt, context } = transaction;
    insert.run(
      source,
      offset,
      tableId,
      operation,
      key,
      previousKey,
      first,
      last,
      id,
      position,
      committedAt,
      context,
      checksumOf(record),
      images.length,
      images,
    );
  }
}

/** @throws TidingsError `STATE_FAILED` when it is not what was kept. */
export function readKept(
  database: DatabaseSync,
  source: string,
  offset: number,
): KeptRecord | null {
  const row = database
    .prepare('SELECT * FROM kept WHERE source = ? AND "offset" = ?')
    .get(source, offset);
  if (row === undefined) return null;
  const record = toRecord(row);
  if (checksumOf(record) === Number(row['checksum'])) return record;
  const reason = `the record kept aside at offset ${offset} of ${source} does not match its checksum`;
  throw new TidingsError('STATE_FAILED', { path: database.location() ?? '', reason });
}

/** Their checksums cover the images as well, and are compared when these are read. */
export function listKept(
  database: DatabaseSync,
  source: string,
  { from, limit }: { readonly from: number; readonly limit: number },
): readonly KeptNote[] {
  return database
    .prepare(
      `SELECT "offset", table_id, operation, "key", previous_key, first, last, transaction_id,
         position, committed_at, context
       FROM kept WHERE source = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?`,
    )
    .all(source, from, limit)
    .map(toNote);
}

export function sizeOfKept(database: DatabaseSync, source: string): KeptSize {
  const row = database
    .prepare('SELECT count(*) AS records, sum(bytes) AS bytes FROM kept WHERE source = ?')
    .get(source);
  return { records: Number(row?.['records'] ?? 0), bytes: Number(row?.['bytes'] ?? 0) };
}

export function keptFor(database: DatabaseSync, source: string): readonly KeptFor[] {
  return database
    .prepare(
      `SELECT s.name AS name, count(*) AS records, sum(kept.bytes) AS bytes, min(e."offset") AS first
       FROM subscriptions AS s JOIN exceptions AS e ON e.subscription = s.name
         JOIN kept ON kept.source = s.source AND kept."offset" = e."offset"
       WHERE s.source = ? AND e.state <> 'discarded' GROUP BY s.name ORDER BY first, name`,
    )
    .all(source)
    .map(({ name, records, bytes, first }) => ({
      subscription: String(name),
      records: Number(records),
      bytes: Number(bytes),
      offset: Number(first),
    }));
}

export function forgetKept(database: DatabaseSync, source: string, floor: number): void {
  // From the floor on it is in the log as well: only a crash left it in both places.
  database
    .prepare(
      `DELETE FROM kept WHERE source = ?1 AND ("offset" >= ?2 OR "offset" NOT IN (
         SELECT e."offset" FROM exceptions AS e JOIN subscriptions AS s ON s.name = e.subscription
         WHERE s.source = ?1 AND e.state <> 'discarded' AND e."offset" < ?2))`,
    )
    .run(source, floor);
}

export function dropKept(
  database: DatabaseSync,
  source: string,
  { maxBytes, since }: { readonly maxBytes: number | null; readonly since: number | null },
): void {
  if (since !== null) {
    database.prepare('DELETE FROM kept WHERE source = ? AND committed_at < ?').run(source, since);
  }
  if (maxBytes === null) return;
  database
    .prepare(
      `DELETE FROM kept WHERE source = ?1 AND "offset" <= (
         SELECT max("offset") FROM (
           SELECT "offset", sum(bytes) OVER (ORDER BY "offset" DESC) AS newer
           FROM kept WHERE source = ?1)
         WHERE newer > ?2)`,
    )
    .run(source, maxBytes);
}

function toRecord(row: Record<string, SQLOutputValue>): KeptRecord {
  const { images } = row;
  return { ...toNote(row), images: images instanceof Uint8Array ? images : new Uint8Array(0) };
}

function toNote(row: Record<string, SQLOutputValue>): KeptNote {
  return {
    offset: Number(row['offset']),
    tableId: Number(row['table_id']),
    operation: String(row['operation']) as Operation,
    key: textOrNull(row['key']),
    previousKey: textOrNull(row['previous_key']),
    transaction: {
      first: Number(row['first']),
      last: Number(row['last']),
      id: String(row['transaction_id']),
      position: String(row['position']),
      committedAt: Number(row['committed_at']),
      context: textOrNull(row['context']),
    },
  };
}

function textOrNull(value: SQLOutputValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function checksumOf({ images, ...rest }: KeptRecord): number {
  const { offset, tableId, operation, key, previousKey, transaction } = rest;
  const { first, last, id, position, committedAt, context } = transaction;
  const told = [offset, tableId, operation, key, previousKey, first, last, id, position];
  return crc32(images, crc32(JSON.stringify([...told, committedAt, context])));
}
