import type { TableName, UndoTarget, UndoWorkspace } from '../../undo-target.ts';
import { connect, type ConnectOptions } from '../connect.ts';
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

  async position(signal: AbortSignal): Promise<string | null> {
    const [row] = await this.#ask<{ lsn: string }>(
      'SELECT pg_current_wal_insert_lsn()::text AS lsn',
      signal,
    );
    return row === undefined ? null : lsnToPosition(row.lsn);
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
      throw toSourceError(this.#options.source, error);
    } finally {
      // Only a question was asked: how the connection ends does not matter.
      await client.end().catch(() => undefined);
    }
  }
}
