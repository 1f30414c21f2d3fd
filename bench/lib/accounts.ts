import type pg from 'pg';

/** A table whose rows are about 200 bytes, in a schema of its own. */
export const CREATE_ACCOUNTS = `
  CREATE SCHEMA IF NOT EXISTS bench;
  CREATE TABLE bench.accounts (
    id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL, balance numeric(12,2) NOT NULL,
    active boolean NOT NULL, note text NOT NULL, updated_at timestamptz NOT NULL);
  ALTER TABLE bench.accounts REPLICA IDENTITY FULL;`;

const ROW = `g, 'Account holder ' || g, 'holder' || g || '@mail.example', (g % 100000) / 100.0, true,
  md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text), now()`;

/** Inserts rows `first` to `last`, in transactions of `perTransaction` rows. */
export async function insertAccounts(
  client: pg.Client,
  range: { readonly first: number; readonly last: number; readonly perTransaction: number },
): Promise<void> {
  for (let at = range.first; at <= range.last; at += range.perTransaction) {
    const end = Math.min(range.last, at + range.perTransaction - 1);
    await client.query(
      `INSERT INTO bench.accounts SELECT ${ROW} FROM generate_series($1::bigint, $2) g`,
      [at, end],
    );
  }
}

/** Updates the same rows: balance and time. */
export async function updateAccounts(
  client: pg.Client,
  range: { readonly first: number; readonly last: number; readonly perTransaction: number },
): Promise<void> {
  for (let at = range.first; at <= range.last; at += range.perTransaction) {
    const end = Math.min(range.last, at + range.perTransaction - 1);
    await client.query(
      `UPDATE bench.accounts SET balance = balance + 1, updated_at = now() WHERE id BETWEEN $1 AND $2`,
      [at, end],
    );
  }
}

/** The database's present WAL position. */
export async function walPosition(client: pg.Client): Promise<bigint> {
  const { rows } = await client.query<{ readonly position: string }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text AS position`,
  );
  return BigInt(rows[0]?.position ?? '0');
}
