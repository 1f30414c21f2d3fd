import { onAbort } from '../../../util/on-abort.ts';
import type pg from 'pg';
import type { Cell } from '../../../change/row-images.ts';
import { LONGEST_TEXT } from '../../../change/too-large.ts';
import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import type { SnapshotRows, SnapshotTable, SourceSnapshot } from '../../table-snapshot.ts';
import { NO_TEXT } from '../connection/connection-error.ts';
import { connect, type ConnectOptions, destroyConnection } from '../connection/connect.ts';
import { FIRST_PAGE, nextCount } from '../connection/cursor-pages.ts';
import { lastWords } from '../connection/last-words.ts';
import { lsnToPosition } from '../wire/position.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import { SNAPSHOT_BEGIN } from '../connection/session-settings.ts';
import { sqlState, toSourceError } from '../connection/source-error.ts';
import { findUnreadableSql } from '../wire/unreadable-values.ts';
import { type DescribedTable, describeTable } from './describe-table.ts';
import { SnapshotTransactions } from './snapshot-transactions.ts';

const AS_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text };

const INSUFFICIENT_PRIVILEGE = '42501';

/** A read-only transaction of PostgreSQL that sees one moment. */
export class PostgresSnapshot implements SourceSnapshot {
  readonly position: string;
  readonly #source: string;
  readonly #client: pg.Client;
  readonly #signal: AbortSignal;
  readonly #stop: Disposable;
  readonly #transactions: SnapshotTransactions;
  readonly #partitioned = new Set<string>();

  private constructor(
    session: { readonly source: string; readonly client: pg.Client; readonly stop: Disposable },
    seen: { readonly position: string; readonly transactions: SnapshotTransactions },
    signal: AbortSignal,
  ) {
    this.#source = session.source;
    this.#client = session.client;
    this.#stop = session.stop;
    this.position = seen.position;
    this.#transactions = seen.transactions;
    this.#signal = signal;
  }

  /** @throws TidingsError as of `connect`, and when the database refuses. */
  static async open(options: ConnectOptions, signal: AbortSignal): Promise<PostgresSnapshot> {
    const { source } = options;
    const client = await connect(options, signal);
    const stop = onAbort(signal, () => destroyConnection(client));
    try {
      const [earlier] = (await client.query<{ lsn: string }>(POSITION)).rows;
      await client.query(SNAPSHOT_BEGIN);
      // The first query takes the snapshot; the position is asked for after it was taken.
      const [taken] = (await client.query<{ snapshot: string; lsn: string }>(SNAPSHOT)).rows;
      if (earlier === undefined || taken === undefined) throw new Error('No position');
      const before = lsnToPosition(earlier.lsn);
      const transactions = new SnapshotTransactions(taken.snapshot, before);
      const position = lsnToPosition(taken.lsn);
      return new PostgresSnapshot({ source, client, stop }, { position, transactions }, signal);
    } catch (error) {
      stop[Symbol.dispose]();
      destroyConnection(client);
      signal.throwIfAborted();
      throw toSourceError(source, lastWords(client, error));
    }
  }

  includes(transaction: { readonly id: string; readonly position: string }): boolean {
    return this.#transactions.includes(transaction);
  }

  async describe(table: Parameters<SourceSnapshot['describe']>[0]): Promise<SnapshotTable | null> {
    const described: DescribedTable | null = await this.#do(() =>
      describeTable(
        async (text, values) => (await this.#client.query<object>(text, [...values])).rows,
        this.#source,
        table,
      ),
    );
    if (described?.partitioned === true) this.#partitioned.add(quoteTable(described.definition));
    return described;
  }

  async *rows(wanted: SnapshotRows): AsyncGenerator<readonly (readonly Cell[])[]> {
    const values = [
      ...(wanted.keys?.values ?? []).flat(),
      ...(wanted.without === undefined ? [] : [wanted.without]),
    ];
    const cursor = `DECLARE past_rows NO SCROLL CURSOR FOR ${this.#select(wanted)}`;
    await this.#read(wanted, () => this.#client.query(cursor, values));
    let count = FIRST_PAGE;
    for (;;) {
      const query = {
        text: `FETCH ${count} FROM past_rows`,
        rowMode: 'array',
        types: AS_TEXT,
      } as const;
      const page = await this.#read(wanted, () => this.#client.query<Cell[]>(query));
      yield page.rows;
      if (page.rows.length < count) break;
      count = nextCount(page.rows);
    }
    await this.#do(() => this.#client.query('CLOSE past_rows'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop[Symbol.dispose]();
    // Ending the session ends the transaction; a broken one has done so already.
    await this.#client.end().catch(() => undefined);
  }

  #select({ schema, name, columns, keys, without }: SnapshotRows): string {
    const table = quoteTable({ schema, name });
    // Children of an inheritance are tables of their own; partitions are not.
    const from = this.#partitioned.has(table) ? table : `ONLY ${table}`;
    const select = `SELECT ${columns.map(quoteIdentifier).join(', ')} FROM ${from}`;
    const conditions: string[] = [];
    let place = 0;
    if (keys !== undefined) {
      const either = keys.values.map((key) => {
        const parts = key.map(
          (_, at) => `${quoteIdentifier(keys.columns[at] ?? '')} = $${(place += 1)}`,
        );
        return `(${parts.join(' AND ')})`;
      });
      conditions.push(`(${either.join(' OR ') || 'false'})`);
    }
    if (without !== undefined) conditions.push(`tableoid <> ALL ($${place + 1}::oid[])`);
    return conditions.length === 0 ? select : `${select} WHERE ${conditions.join(' AND ')}`;
  }

  async #read<Result>(
    table: Pick<SnapshotRows, 'schema' | 'name' | 'columns'>,
    query: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#do(query);
    } catch (error) {
      if (isTidingsError(error, 'SOURCE_VALUE_TOO_LARGE')) throw this.#tooLarge(table, error);
      if (NO_TEXT.has(sqlState(error) ?? '')) {
        const sql = findUnreadableSql(quoteTable(table), null);
        const details = { source: this.#source, table: `${table.schema}.${table.name}`, sql };
        throw new TidingsError('SNAPSHOT_UNREADABLE', details, { cause: error });
      }
      if (sqlState(error) !== INSUFFICIENT_PRIVILEGE || !(error instanceof Error)) throw error;
      throw this.#refused(table, error);
    }
  }

  #tooLarge(
    table: Pick<SnapshotRows, 'schema' | 'name' | 'columns'>,
    error: Error,
  ): TidingsError<'SNAPSHOT_TOO_LARGE'> {
    const details = {
      source: this.#source,
      table: `${table.schema}.${table.name}`,
      limit: LONGEST_TEXT,
      sql: findTooLargeSql(quoteTable(table), table.columns),
    };
    return new TidingsError('SNAPSHOT_TOO_LARGE', details, { cause: error });
  }

  #refused(
    table: { readonly schema: string; readonly name: string },
    error: Error,
  ): TidingsError<'SNAPSHOT_REFUSED'> {
    const cause = error.cause instanceof Error ? error.cause : error;
    // By the server's function: its messages are in the language of `lc_messages`.
    const policy = (cause as { readonly routine?: string }).routine === 'check_enable_rls';
    const role = quoteIdentifier(this.#client.user ?? 'tidings');
    const details = {
      source: this.#source,
      table: `${table.schema}.${table.name}`,
      reason: cause.message,
      sql: policy
        ? `ALTER ROLE ${role} BYPASSRLS;`
        : `GRANT USAGE ON SCHEMA ${quoteIdentifier(table.schema)} TO ${role}; GRANT SELECT ON ${quoteTable(table)} TO ${role};`,
    };
    return new TidingsError('SNAPSHOT_REFUSED', details, { cause: error });
  }

  async #do<Result>(query: () => Promise<Result>): Promise<Result> {
    this.#signal.throwIfAborted();
    try {
      return await query();
    } catch (error) {
      this.#signal.throwIfAborted();
      throw toSourceError(this.#source, lastWords(this.#client, error));
    }
  }
}

/** Names the rows, and the column of each, whose text is too long. */
function findTooLargeSql(table: string, columns: readonly string[]): string {
  const sizes = columns.map(
    (name) => `(${quoteLiteral(name)}, octet_length(t.${quoteIdentifier(name)}::text))`,
  );
  return `SELECT t.ctid, s.* FROM ${table} t, LATERAL (VALUES ${sizes.join(', ')}) s (name, bytes) WHERE s.bytes > ${LONGEST_TEXT};`;
}

const POSITION = 'SELECT pg_current_wal_insert_lsn()::text AS lsn';
const SNAPSHOT = `SELECT pg_current_snapshot()::text AS snapshot,
  pg_current_wal_insert_lsn()::text AS lsn`;
