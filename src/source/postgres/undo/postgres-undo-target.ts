import type { CaptureProgress, TableName, UndoTarget, UndoWorkspace } from '../../undo-target.ts';
import { connect, type ConnectOptions } from '../connect.ts';
import { lastWords } from '../last-words.ts';
import { ownName } from '../names.ts';
import { lsnToPosition } from '../position.ts';
import { publicationNames } from '../publication.ts';
import { quoteLiteral } from '../quote.ts';
import { toSourceError } from '../source-error.ts';
import { UndoConnection } from './undo-connection.ts';
import { PostgresUndoWorkspace } from './undo-workspace.ts';

/** Takes changes back in a PostgreSQL database. Each undo uses a connection of its own. */
export class PostgresUndoTarget implements UndoTarget {
  readonly #options: ConnectOptions;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  async captured(signal: AbortSignal): Promise<CaptureProgress> {
    const name = quoteLiteral(ownName(this.#options.source));
    const [row] = await this.#ask<{ progress: CaptureProgress }>(
      `SELECT CASE WHEN NOT s.active THEN 'stopped' WHEN r.sent_lsn IS NULL THEN 'unknown'
         WHEN r.sent_lsn >= pg_current_wal_flush_lsn() THEN 'caught-up' ELSE 'behind' END AS progress
       FROM pg_replication_slots s JOIN pg_database d ON d.datname = s.database
         LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
       WHERE d.datname = current_database() AND s.slot_name IN (${name}, ${name} || '_' || d.oid)
       ORDER BY s.active DESC`,
      signal,
    );
    return row?.progress ?? 'stopped';
  }

  async mark(signal: AbortSignal): Promise<string> {
    const [row] = await this.#ask<{ lsn: string }>(
      `SELECT pg_logical_emit_message(true, 'tidings position', '')::text AS lsn`,
      signal,
    );
    if (row === undefined) throw new Error('The message has no position');
    return lsnToPosition(row.lsn);
  }

  async unreported(signal: AbortSignal): Promise<readonly TableName[]> {
    const name = quoteLiteral(publicationNames(this.#options.source).insertOnly);
    return await this.#ask<TableName>(
      `SELECT n.nspname::text AS "schema", c.relname::text AS "name"
       FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
         JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE p.pubname = ${name} ORDER BY 1, 2`,
      signal,
    );
  }

  async open(purpose: 'plan' | 'apply', signal: AbortSignal): Promise<UndoWorkspace> {
    const connection = await UndoConnection.open(this.#options, signal);
    try {
      return await PostgresUndoWorkspace.open(connection, purpose === 'apply');
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #ask<Row extends object>(text: string, signal: AbortSignal): Promise<readonly Row[]> {
    const client = await connect(this.#options, signal);
    try {
      return (await client.query<Row>(text)).rows;
    } catch (error) {
      throw toSourceError(this.#options.source, lastWords(client, error));
    } finally {
      // Only a question was asked: how the connection ends does not matter.
      await client.end().catch(() => undefined);
    }
  }
}
