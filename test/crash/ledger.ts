import assert from 'node:assert/strict';
import pg from 'pg';

/** Rows of the ledger: few, so that changes of one row are often close together. */
const ROWS = 60;

/** A table that keeps its own history by a trigger. */
export const LEDGER_SCHEMA = `
  CREATE SEQUENCE stamps;
  CREATE TABLE ledger (id int PRIMARY KEY, stamp bigint NOT NULL, payload text);
  ALTER TABLE ledger REPLICA IDENTITY FULL;
  CREATE TABLE history (seq bigserial PRIMARY KEY, operation text, id int, stamp bigint);
  CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO history (operation, id, stamp)
    VALUES (lower(TG_OP), COALESCE(NEW.id, OLD.id), COALESCE(NEW.stamp, OLD.stamp));
    RETURN NULL;
  END $$;
  CREATE TRIGGER remember AFTER INSERT OR UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION remember();`;

/** A change as somebody was told of it. */
export interface Recorded {
  /** The run of the service that told it. */
  readonly run: string;
  readonly operation: string;
  readonly row: number;
  readonly stamp: string;
  readonly id: string;
  readonly offset: number;
}

/** A change as the table remembers it. */
export interface Remembered {
  readonly operation: string;
  readonly id: number;
  readonly stamp: string;
}

/** The table's own history, in its order. */
export async function ledgerHistory(client: pg.Client): Promise<readonly Remembered[]> {
  const { rows } = await client.query<Remembered>(
    'SELECT operation, id, stamp::text FROM history ORDER BY seq',
  );
  return rows;
}

/** Compares the calls with the table's own history, row by row. */
export function compareWithLedger(
  history: readonly Remembered[],
  recorded: readonly Recorded[],
): void {
  const expected = new Map<number, string[]>();
  for (const { id, operation, stamp } of history) {
    expected.set(id, [...(expected.get(id) ?? []), `${operation} ${stamp}`]);
  }
  const firstSeen = new Map<number, string[]>();
  const idOf = new Map<string, string>();
  const lastOffset = new Map<string, number>();
  for (const entry of recorded) {
    const what = `${entry.operation} ${entry.stamp}`;
    const known = idOf.get(`${entry.row} ${what}`);
    if (known === undefined) {
      idOf.set(`${entry.row} ${what}`, entry.id);
      firstSeen.set(entry.row, [...(firstSeen.get(entry.row) ?? []), what]);
    } else assert.equal(entry.id, known, 'a repeat carries the same change id (invariant 7)');
    const key = `${entry.run}/${entry.row}`;
    assert.ok(
      (lastOffset.get(key) ?? -1) < entry.offset,
      `within one run the calls for row ${entry.row} are in log order and never repeat (invariant 6)`,
    );
    lastOffset.set(key, entry.offset);
  }
  assert.equal(idOf.size, history.length, 'each change was recorded, and none that never happened');
  assert.equal(new Set(idOf.values()).size, history.length, 'change ids are unique');
  for (const [row, changes] of expected) {
    assert.deepEqual(
      firstSeen.get(row),
      changes,
      `row ${row}: the calls follow the table's history`,
    );
  }
}

/** Small transactions over few rows, so that changes of one row are often close together. */
export async function writeLedger(url: string, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (!signal.aborted) {
    await client.query('BEGIN');
    const ids = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () =>
      Math.floor(Math.random() * ROWS),
    ).sort((a, b) => a - b);
    for (const id of ids) {
      await (Math.random() < 0.15
        ? client.query('DELETE FROM ledger WHERE id = $1', [id])
        : client.query(
            `INSERT INTO ledger VALUES ($1, nextval('stamps'), 'x')
             ON CONFLICT (id) DO UPDATE SET stamp = nextval('stamps')`,
            [id],
          ));
    }
    await client.query(Math.random() < 0.1 ? 'ROLLBACK' : 'COMMIT');
    // A steady load: the loop is about the kills, and its result is compared change by change.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.end();
}
