import type { SnapshotReader, SourceSnapshot } from '../../table-snapshot.ts';
import type { ConnectOptions } from '../connection/connect.ts';
import { publicationNames } from '../setup/publication.ts';
import { readFacts } from '../check/server-facts.ts';
import { findSlot } from '../setup/slot.ts';
import { sqlState } from '../connection/source-error.ts';
import { SqlSession } from '../connection/sql-session.ts';
import { PostgresSnapshot } from './postgres-snapshot.ts';

/**
 * A transaction that does nothing but be in the WAL. The stream passes it, and with it everything
 * before it, also where the database is idle. Its prefix is not that of a context.
 */
const ANNOUNCE = `SELECT pg_logical_emit_message(true, 'tidings position', '')`;

/** Changes that are looked through at most, for an answer to whether there is any. */
const PEEKED = 20_000;

/**
 * Whether the slot still has a change of a transaction that committed at or after a position. A Begin
 * message is 'B' and the position of the commit record (8 bytes); changes are I, U, D and T.
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
const PEEK = `
  WITH message AS (
    SELECT xid, data FROM pg_logical_slot_peek_binary_changes($1, NULL, ${PEEKED},
      'proto_version', '1', 'publication_names', $2, 'messages', 'false')
  ), later AS (
    SELECT xid FROM message
    WHERE get_byte(data, 0) = ascii('B') AND upper(encode(substr(data, 2, 8), 'hex')) >= $3
  )
  SELECT (SELECT count(*) FROM message)::int AS "messages",
    EXISTS (SELECT FROM message m JOIN later l ON l.xid = m.xid
      WHERE chr(get_byte(m.data, 0)) IN ('I', 'U', 'D', 'T')) AS "changes"`;

/** The slot is in use, or cannot be read: then nothing can be said. */
const CANNOT_TELL = new Set(['55006', '42704', '55000', '42501']);

/** Reads a PostgreSQL database's present rows. Each snapshot has a connection of its own. */
export class PostgresSnapshots implements SnapshotReader {
  readonly #options: ConnectOptions;
  readonly #session: SqlSession;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#session = new SqlSession(options);
  }

  open(signal: AbortSignal): Promise<SourceSnapshot> {
    return PostgresSnapshot.open(this.#options, signal);
  }

  async announce(signal: AbortSignal): Promise<void> {
    try {
      await this.#session.query(ANNOUNCE, signal);
    } catch (error) {
      // Without the right to call the function, the position is told when somebody writes.
      if (sqlState(error) === null) throw error;
    }
  }

  async unchangedSince(position: string, signal: AbortSignal): Promise<boolean> {
    const { source } = this.#options;
    const { database, databaseOid } = await readFacts(this.#session, signal);
    const slot = await findSlot(this.#session, { source, database, databaseOid }, signal);
    if (slot === null || slot.active_pid !== null) return false;
    const { all, insertOnly } = publicationNames(source);
    const names = [all, insertOnly].map((name) => `"${name}"`).join(',');
    try {
      const [found] = await this.#session.query<{ messages: number; changes: boolean }>(
        { text: PEEK, values: [slot.slot_name, names, position] },
        signal,
      );
      return found !== undefined && found.messages < PEEKED && !found.changes;
    } catch (error) {
      const state = sqlState(error);
      if (state === null || !CANNOT_TELL.has(state)) throw error;
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}
