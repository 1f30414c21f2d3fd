import type pg from 'pg';
import type { Row } from '../../src/change/change.ts';
import { changeBody } from './change-body.ts';
import type { TrueRow } from './receipts.ts';

/**
 * A table whose rows are about 200 bytes and count their versions, so that the table itself says
 * which changes there were. Replica identity is the database's default.
 */
export const CREATE_VERSIONED_ROWS = `
  CREATE SCHEMA IF NOT EXISTS bench;
  CREATE TABLE bench.customers (
    id bigint PRIMARY KEY, version integer NOT NULL, name text NOT NULL, email text NOT NULL,
    balance numeric(12,2) NOT NULL, active boolean NOT NULL, note text NOT NULL,
    updated_at timestamptz NOT NULL);`;

/** Inserts rows `$1` to `$2`. */
export const INSERT_ROWS = `
  INSERT INTO bench.customers
  SELECT g, 1, 'Account holder ' || g, 'holder' || g || '@mail.example', (g % 100000) / 100.0, true,
    md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text), now()
  FROM generate_series($1::bigint, $2) g`;

/** Updates them. */
export const UPDATE_ROWS = `
  UPDATE bench.customers SET version = version + 1, balance = balance + 1, updated_at = now()
  WHERE id BETWEEN $1 AND $2`;

/** Row numbers, both included. */
export interface RowRange {
  readonly first: number;
  readonly last: number;
}

/** Inserts these rows, then updates each once: two changes a row. */
export async function writeChanges(
  client: pg.Client,
  { first, last, perTransaction }: RowRange & { readonly perTransaction: number },
): Promise<void> {
  for (const statement of [INSERT_ROWS, UPDATE_ROWS]) {
    for (let at = first; at <= last; at += perTransaction) {
      await client.query(statement, [at, Math.min(last, at + perTransaction - 1)]);
    }
  }
}

/** What the table has, for comparison with what was received. */
export async function readTruth(
  client: pg.Client,
  { first, last }: RowRange,
): Promise<readonly TrueRow[]> {
  const { rows } = await client.query<TrueRow>(
    `SELECT id::text, version, xmin::text AS transaction FROM bench.customers
     WHERE id BETWEEN $1 AND $2`,
    [first, last],
  );
  return rows;
}

/** The body of row 0's insert, for posts that come from no change. */
export async function sampleBody(client: pg.Client): Promise<string> {
  const { rows } = await client.query<Row>(`${INSERT_ROWS} RETURNING *`, [0, 0]);
  return changeBody(rows[0] ?? {}, { id: 'main:00000000/00000000:0', index: 0 });
}
