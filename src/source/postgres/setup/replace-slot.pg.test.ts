import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import {
  freshDatabase,
  startTestServer,
  type TestDatabase,
} from '../../../../test/support/postgres.ts';
import { until } from '../../../../test/support/until.ts';
import { replaceSlot } from './replace-slot.ts';
import { readFacts } from '../check/server-facts.ts';
import { createSlot, findSlot, type SlotOwner } from './slot.ts';
import { SqlSession, type Statement } from '../connection/sql-session.ts';

const { signal } = new AbortController();

/** Notes after each statement which slots the database has. */
class WatchedSession extends SqlSession {
  readonly #watcher: pg.Client;
  readonly seen: number[] = [];

  constructor({ url, client }: TestDatabase) {
    super({ source: 'main', url });
    this.#watcher = client;
  }

  override async query<Row extends object>(
    statement: string | Statement,
    aborted: AbortSignal,
  ): Promise<readonly Row[]> {
    try {
      return await super.query<Row>(statement, aborted);
    } finally {
      this.seen.push((await slots(this.#watcher)).length);
    }
  }
}

async function slots(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT slot_name || CASE WHEN temporary THEN ' (temporary)' ELSE '' END AS name
     FROM pg_replication_slots WHERE database = current_database() ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function made(session: SqlSession): Promise<SlotOwner> {
  const owner: SlotOwner = { source: 'main', ...(await readFacts(session, signal)) };
  await createSlot(session, owner, signal);
  return owner;
}

async function replace(session: SqlSession, owner: SlotOwner): Promise<string | null> {
  const old = await findSlot(session, owner, signal);
  assert.ok(old !== null);
  return (await replaceSlot(session, old, owner, signal)).confirmed_flush_lsn;
}

test('a slot is replaced without a moment at which the server has none', async () => {
  // Of its own: on a server with other sources one of them may take the name in between.
  await using server = await startTestServer(18);
  await using database = await freshDatabase(server.url);
  await using session = new WatchedSession(database);
  const owner = await made(session);
  const before = await findSlot(session, owner, signal);
  await database.client.query('CREATE TABLE t (id int); INSERT INTO t VALUES (1)');
  session.seen.length = 0;
  const confirmed = await replace(session, owner);
  assert.ok(Math.min(...session.seen) >= 1, session.seen.join(' '));
  assert.deepEqual(await slots(database.client), [before?.slot_name], 'nothing else is left');
  const { rows } = await database.client.query('SELECT $1::pg_lsn > $2::pg_lsn AS later', [
    confirmed,
    before?.confirmed_flush_lsn,
  ]);
  assert.deepEqual(rows, [{ later: true }]);
});

test('what cannot be replaced keeps its place; without a spare slot it makes room itself', async () => {
  await using server = await startTestServer(18, { max_replication_slots: '2' });
  await using database = await freshDatabase(server.url);
  const { client } = database;
  await using session = new SqlSession({ source: 'main', url: database.url });
  const owner = await made(session);
  const old = await findSlot(session, owner, signal);
  const unchanged = async (): Promise<void> => {
    const now = await findSlot(session, owner, signal);
    assert.equal(now?.confirmed_flush_lsn, old?.confirmed_flush_lsn);
    assert.deepEqual(await slots(client), ['tidings_main'], 'no temporary one is left');
  };

  const writer = await database.connect();
  await writer.query('BEGIN; SELECT pg_current_xact_id()');
  const blocked = replace(session, owner);
  // In place of the 20 seconds after which it gives up.
  await until(async () => {
    const { rows } = await client.query<{ cancelled: boolean }>(
      `SELECT pg_cancel_backend(pid) AS cancelled FROM pg_stat_activity
       WHERE query ~ 'pg_create_logical' AND wait_event_type = 'Lock'`,
    );
    return rows.length === 1;
  });
  await assert.rejects(blocked, (error) => isTidingsError(error, 'SLOT_BLOCKED'));
  await unchanged();
  await writer.query('ROLLBACK');

  const reader = await database.connect({ replication: 'database' } as pg.ClientConfig);
  const streaming = reader.query(
    `START_REPLICATION SLOT tidings_main LOGICAL 0/0 (proto_version '1', publication_names 'none')`,
  );
  streaming.catch(() => undefined); // It is ended below.
  const active = 'SELECT active_pid FROM pg_replication_slots WHERE active_pid IS NOT NULL';
  await until(async () => (await client.query(active)).rowCount === 1);
  await assert.rejects(replace(session, owner), (error) => isTidingsError(error, 'SLOT_IN_USE'));
  await client.query(`SELECT pg_terminate_backend(active_pid, 10000) FROM (${active}) a`);
  await unchanged();

  await client.query(`SELECT pg_create_logical_replication_slot('another', 'pgoutput')`);
  await replace(session, owner);
  assert.deepEqual(await slots(client), ['another', 'tidings_main']);
});
