import type pg from 'pg';

/** Makes tables `bench.t0` to `bench.tN`, and inserts rows into the first, 1,000 per transaction. */
export async function insertRows(
  client: pg.Client,
  amount: { readonly tables: number; readonly rows: number },
): Promise<void> {
  await client.query('CREATE SCHEMA IF NOT EXISTS bench');
  for (let index = 0; index < amount.tables; index++) {
    await client.query(
      `CREATE TABLE bench.t${index} (id bigint PRIMARY KEY, name text, email text, balance numeric(12,2))`,
    );
  }
  for (let first = 1; first <= amount.rows; first += 1_000) {
    await client.query(
      `INSERT INTO bench.t0 SELECT g, 'Account holder ' || g, 'holder' || g || '@mail.example', g / 100.0
       FROM generate_series($1::bigint, $2) g`,
      [first, Math.min(amount.rows, first + 999)],
    );
  }
}
