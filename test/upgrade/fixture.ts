/**
 * The data directory that the Tidings before log format 2 has left, beside a database as that Tidings
 * has set it up. `log.sqlite.gz` and `state.sqlite.gz` are its own files. Of the partitions of `ev`
 * only `ev_1` had a default identity; it was made `FULL` before offset 34 was read, so that the old
 * row there, which is only a key, was taken for whole. Partition `ev_2` was truncated before 34: that
 * Tidings published partitions as their root, and was not told.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import type pg from 'pg';
import { transactionChecksum } from '../../src/log/sqlite/checksum.ts';
import { lsnToPosition } from '../../src/source/postgres/wire/position.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';

/** The first offset of each transaction that the fixture's log has after the rows were made. */
export const OFFSETS = {
  plainUpdated: 21,
  plainDeleted: 22,
  accDeleted: 23,
  renDeleted: 24,
  remadeDeleted: 25,
  colrDeleted: 26,
  swapaDeleted: 27,
  bagDeleted: 28,
  parDeleted: 30,
  evInserted: 33,
  evKeyOnly: 34,
  evWhole: 35,
  head: 36,
} as const;

/** The tables' rows as the fixture's log leaves them. */
const ROWS = `
  INSERT INTO acc VALUES (2, 'u2', 'ok', '(st2,z2)');
  INSERT INTO plain VALUES (1, 'ONE', 1.5);
  INSERT INTO ren VALUES (1, 'one');
  INSERT INTO colr VALUES (1, 'a1', 'b1');
  INSERT INTO swapa VALUES (1, 'A');
  INSERT INTO swapb VALUES (1, 'B');
  INSERT INTO bag VALUES (2, 'y');
  ALTER TABLE ev_1 REPLICA IDENTITY FULL;`;

/** What that Tidings made in the database; of its event trigger only the name matters. */
const MADE = `
  CREATE PUBLICATION tidings_main
    FOR TABLE acc, bag, chi, colr, ev, par, plain, remade, ren, swapa, swapb
    WITH (publish_via_partition_root = true);
  CREATE PUBLICATION tidings_main_insert_only
    WITH (publish = 'insert, truncate', publish_via_partition_root = true);
  CREATE SCHEMA tidings;
  CREATE FUNCTION tidings.tidings_main_tables() RETURNS event_trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN; END';
  CREATE EVENT TRIGGER tidings_main_tables ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION tidings.tidings_main_tables();
  ALTER EVENT TRIGGER tidings_main_tables ENABLE ALWAYS;`;

export interface LeftBehind extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly dataDir: string;
  /** The path of the log's only segment. */
  readonly segment: string;
  /** The database's identity as it was written down. */
  readonly identity: string;
}

/** @param since what is done while nothing runs; its changes wait in the slot. */
export async function leftBehind(since: string): Promise<LeftBehind> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase());
  const { client } = database;
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-upgrade-'));
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  await client.query(readFileSync(join(import.meta.dirname, 'tables.sql'), 'utf8'));
  await client.query(ROWS);
  await client.query(MADE);

  const segment = join(dataDir, 'log', 'main', '00000000000000000000.sqlite');
  mkdirSync(join(dataDir, 'log', 'main'), { recursive: true });
  unpack('log', segment);
  unpack('state', join(dataDir, 'state.sqlite'));
  await renumber(client, segment);
  const reached = await newSlot(client, segment);
  {
    using log = new DatabaseSync(segment);
    log.prepare('UPDATE progress SET reached = ?').run(reached);
  }
  const { rows } = await client.query<{ system: string }>(
    'SELECT system_identifier::text AS system FROM pg_control_system()',
  );
  const identity = `postgresql:${rows[0]?.system}/${database.name}`;
  {
    using state = new DatabaseSync(join(dataDir, 'state.sqlite'));
    state.prepare('UPDATE sources SET identity = ?').run(identity);
  }
  for (const statement of since.split(';\n')) await client.query(statement);
  const opened = stack.move();
  return {
    database,
    dataDir,
    segment,
    identity,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function unpack(name: string, to: string): void {
  writeFileSync(to, gunzipSync(readFileSync(join(import.meta.dirname, `${name}.sqlite.gz`))));
}

/**
 * Gives the log's transactions numbers that the test's server gives out behind its tables, and has it
 * give them out: that the tables are the same since is seen by who wrote their rows in the catalogue.
 */
async function renumber(client: pg.Client, segment: string): Promise<void> {
  const { rows } = await client.query<{ id: string }>('SELECT pg_current_xact_id()::text AS id');
  let id = Number(rows[0]?.id);
  using log = new DatabaseSync(segment);
  const update = log.prepare('UPDATE txn SET id = ?, checksum = ? WHERE first = ?');
  for (const row of log.prepare('SELECT * FROM txn ORDER BY first').all()) {
    id++;
    const { first, last, position, committed_at: committedAt, latest_commit: latest } = row;
    const transaction = {
      first: Number(first),
      last: Number(last),
      id: String(id),
      position: String(position),
      committedAt: Number(committedAt),
      context: null,
    };
    update.run(String(id), transactionChecksum(transaction, Number(latest)), Number(first));
  }
  await client.query(
    `DO $$ BEGIN WHILE pg_current_xact_id()::text::bigint <= ${id} LOOP COMMIT; END LOOP; END $$`,
  );
}

/**
 * A slot behind the last position of the log, as that Tidings' slot was. The server of the test is
 * another one, so its WAL may have to come that far first; other tests' sources have the short name
 * there.
 */
async function newSlot(client: pg.Client, segment: string): Promise<string> {
  using log = new DatabaseSync(segment, { readOnly: true });
  const last = String(log.prepare('SELECT appended FROM progress').get()?.['appended']);
  const now = async (): Promise<string> => {
    const { rows } = await client.query<{ lsn: string }>(
      'SELECT pg_current_wal_insert_lsn()::text AS lsn',
    );
    return lsnToPosition(rows[0]?.lsn ?? '0/0');
  };
  while ((await now()) <= last) {
    await client.query(`SELECT pg_logical_emit_message(false, 'test', 'on')`);
    await client.query('SELECT pg_switch_wal()');
  }
  const { rows: found } = await client.query<{ name: string }>(
    `SELECT 'tidings_main_' || oid AS name FROM pg_database WHERE datname = current_database()`,
  );
  // A statement of its own: beside a scan the server may lose track of the scan's pages while the
  // slot waits for other transactions (XX000).
  const { rows } = await client.query<{ lsn: string }>(
    `SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput')`,
    [found[0]?.name],
  );
  return lsnToPosition(rows[0]?.lsn ?? '0/0');
}
