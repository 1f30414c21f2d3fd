import { TidingsError } from '../../../errors/tidings-error.ts';
import { isKnownByName, isSameDatabase } from '../../source-identity.ts';
import type { CaptureProgress, TableName, UndoTarget, UndoWorkspace } from '../../undo-target.ts';
import type { CaptureNow } from '../../table-snapshot.ts';
import { captureSql, type CaptureRow, toCaptureNow } from '../relation/capture-now.ts';
import { connect, type ConnectOptions } from '../connection/connect.ts';
import { isSlotElsewhere, readIdentity } from '../history/identity.ts';
import { lastWords } from '../connection/last-words.ts';
import { ownName } from '../names.ts';
import { SnapshotTransactions } from '../snapshot/snapshot-transactions.ts';
import { lsnToPosition } from '../wire/position.ts';
import { publicationNames } from '../setup/publication.ts';
import { quoteLiteral, quoteTable } from '../quote.ts';
import { toSourceError } from '../connection/source-error.ts';
import { UndoConnection } from './undo-connection.ts';
import { PostgresUndoWorkspace } from './undo-workspace.ts';

/** Takes changes back in a PostgreSQL database. Each undo uses a connection of its own. */
export class PostgresUndoTarget implements UndoTarget {
  readonly #options: ConnectOptions;
  readonly #expected: () => Promise<string | null>;

  /** @param expected the identity that was written down when the log was made; null for any. */
  constructor(
    options: ConnectOptions,
    expected: () => Promise<string | null> = () => Promise.resolve(null),
  ) {
    this.#options = options;
    this.#expected = expected;
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

  async visibility(signal: AbortSignal): Promise<SnapshotTransactions> {
    const [row] = await this.#ask<{ snapshot: string; lsn: string }>(
      // The position is asked for before the snapshot is taken: what is far behind it has ended.
      `SELECT pg_current_snapshot()::text AS snapshot, l.lsn
       FROM (SELECT pg_current_wal_insert_lsn()::text AS lsn OFFSET 0) l`,
      signal,
    );
    if (row === undefined) throw new Error('The database has no snapshot');
    return new SnapshotTransactions(row.snapshot, lsnToPosition(row.lsn));
  }

  async announce(signal: AbortSignal): Promise<string> {
    const [row] = await this.#ask<{ lsn: string }>(
      `SELECT pg_logical_emit_message(true, 'tidings position', '')::text AS lsn`,
      signal,
    );
    if (row === undefined) throw new Error('The message has no position');
    return lsnToPosition(row.lsn);
  }

  async captureOf(
    tables: readonly TableName[],
    signal: AbortSignal,
  ): Promise<readonly (CaptureNow | null)[]> {
    if (tables.length === 0) return [];
    const rows = await this.#ask<CaptureRow & { readonly there: boolean }>(
      `SELECT c.oid IS NOT NULL AS there, e.*
       FROM unnest(ARRAY[${tables.map(oidSql).join(', ')}]::oid[]) WITH ORDINALITY t (oid, place)
         LEFT JOIN pg_class c ON c.oid = t.oid
         CROSS JOIN LATERAL (${captureSql('c.oid', this.#options.source)}) e
       ORDER BY t.place`,
      signal,
    );
    return rows.map((row) => (row.there ? toCaptureNow(row) : null));
  }

  async notFull(named: TableName, signal: AbortSignal): Promise<readonly TableName[]> {
    const table = oidSql(named);
    return await this.#ask<TableName>(
      `SELECT n.nspname::text AS "schema", c.relname::text AS "name"
       FROM (SELECT ${table}::oid AS oid UNION SELECT relid FROM pg_partition_tree(${table}::oid::regclass)) t
         JOIN pg_class c ON c.oid = t.oid AND c.relkind = 'r' AND c.relreplident <> 'f'
         JOIN pg_namespace n ON n.oid = c.relnamespace
       ORDER BY 1, 2`,
      signal,
    );
  }

  tableSql(table: TableName): string {
    return quoteTable(table);
  }

  fullIdentitySql(tables: readonly TableName[]): string {
    return tables
      .map((table) => `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY FULL;`)
      .join('\n');
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
      await this.#requireSameDatabase(connection, signal);
      return await PostgresUndoWorkspace.open(connection, purpose === 'apply');
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Nothing is undone in a database that has the right name and is another one.
   * @throws TidingsError `SOURCE_CHANGED`
   */
  async #requireSameDatabase(connection: UndoConnection, signal: AbortSignal): Promise<void> {
    const expected = await this.#expected();
    if (expected === null) return;
    const { source } = this.#options;
    const ask = <Row extends object>(statement: string): Promise<readonly Row[]> =>
      connection.attempt(() => connection.rows<Row>(statement));
    const found = await readIdentity(ask, this.#options, signal);
    const isSame =
      isSameDatabase(expected, found) &&
      !(isKnownByName(expected) && (await isSlotElsewhere(ask, source)));
    if (!isSame) {
      throw new TidingsError('SOURCE_CHANGED', { source, found, expected });
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

function oidSql({ schema, name, id }: TableName): string {
  return id === undefined
    ? `to_regclass(${quoteLiteral(quoteTable({ schema, name }))})::oid`
    : `${quoteLiteral(id)}::oid`;
}
