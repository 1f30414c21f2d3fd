import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { decodeImages, encodeImages } from '../../change/row-images.ts';
import type {
  PastRow,
  PastRowCounts,
  PastRowsByKey,
  PastRowStore,
} from '../../undo/looking/past-rows.ts';

/** Memory for what is noted, in KiB; the rest is in a file. */
const CACHE_KB = 32 * 1024;

/**
 * Keeps past rows in SQLite's own temporary databases: files without a name, in the system's folder
 * for such (`TMPDIR`), that are gone when they are closed, however the process ends.
 */
export const PAST_ROW_STORE: PastRowStore = {
  byKey: () => new RowsByKey(),
  counts: () => new RowCounts(),
};

/** An empty name means a temporary file that is only written when the cache is full. */
function openTemporary(schema: string): DatabaseSync {
  const db = new DatabaseSync('');
  db.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA page_size = 8192;
    PRAGMA cache_size = -${CACHE_KB}; ${schema}`);
  return db;
}

type Stored = Uint8Array | null;

class RowsByKey implements PastRowsByKey {
  readonly #db = openTemporary(
    'CREATE TABLE past (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, row BLOB) STRICT; BEGIN',
  );
  readonly #has = this.#db.prepare('SELECT 1 FROM past WHERE key = ?');
  readonly #note = this.#db.prepare('INSERT OR IGNORE INTO past (key, row) VALUES (?, ?)');
  readonly #get = this.#db.prepare('SELECT row FROM past WHERE key = ?');
  readonly #forget = this.#db.prepare('DELETE FROM past WHERE key = ?');
  #count = 0;

  has(key: string): boolean {
    return this.#has.get(key) !== undefined;
  }

  note(key: string, row: PastRow | null): void {
    this.#note.run(key, row === null ? null : encode(row));
    this.#count += 1;
  }

  take(key: string): PastRow | null | undefined {
    if (this.#count === 0) return undefined;
    const found = this.#get.get(key);
    if (found === undefined) return undefined;
    this.#forget.run(key);
    const row = found['row'] as Stored;
    return row === null ? null : decode(row);
  }

  *rest(): Generator<PastRow> {
    const select = this.#db.prepare('SELECT row FROM past WHERE row IS NOT NULL ORDER BY place');
    for (const { row } of select.iterate()) yield decode(row as Uint8Array);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** Rows are found by a digest of all their values: a row can be too large for an index. */
class RowCounts implements PastRowCounts {
  readonly #db = openTemporary(
    `CREATE TABLE past (place INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
      count INTEGER NOT NULL, row BLOB NOT NULL) STRICT; BEGIN`,
  );
  readonly #add = this.#db.prepare(
    `INSERT INTO past (digest, count, row) VALUES (?, ?, ?)
     ON CONFLICT (digest) DO UPDATE SET count = count + excluded.count`,
  );
  readonly #cancel = this.#db.prepare(
    'UPDATE past SET count = count + 1 WHERE digest = ? AND count < 0',
  );

  add(row: PastRow, count: number): void {
    const stored = encode(row);
    this.#add.run(digestOf(stored), count, stored);
  }

  cancel(row: PastRow): boolean {
    return Number(this.#cancel.run(digestOf(encode(row))).changes) > 0;
  }

  *rest(): Generator<PastRow> {
    const select = this.#db.prepare('SELECT count, row FROM past WHERE count > 0 ORDER BY place');
    for (const { count, row } of select.iterate()) {
      for (let left = Number(count); left > 0; left--) yield decode(row as Uint8Array);
    }
  }

  missing(): number {
    const select = this.#db.prepare('SELECT -sum(count) AS rows FROM past WHERE count < 0');
    return Number(select.get()?.['rows'] ?? 0);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

function digestOf(row: Uint8Array): Uint8Array {
  return createHash('sha256').update(row).digest();
}

function encode(row: PastRow): Uint8Array {
  return encodeImages({ before: null, after: row });
}

function decode(row: Uint8Array): PastRow {
  return decodeImages(row).after ?? [];
}
