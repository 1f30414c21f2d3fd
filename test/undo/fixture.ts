import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTidings } from '../../src/app/create-tidings.ts';
import { openUndo, type UndoService } from '../../src/app/undo.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { openSqliteLogReader } from '../../src/log/sqlite/sqlite-log.ts';
import type { LogReader } from '../../src/log/log.ts';
import type {
  ApplyUndoOptions,
  UndoPlan,
  UndoRequest,
  UndoResult,
} from '../../src/undo/undo-plan.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

/** A database whose changes are captured, and the means to take them back. */
export interface UndoFixture extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly directory: string;
  readonly undo: UndoService;
  readonly log: LogReader & { refresh(): Promise<void> };
  readonly signal: AbortSignal;
  /** Runs statements in one transaction; resolves with its id once the log has it. */
  change(sql: string): Promise<string>;
  plan(request: UndoRequest): Promise<UndoPlan>;
  /** Plans and applies. */
  apply(request: UndoRequest, options?: ApplyUndoOptions): Promise<UndoResult>;
  /** Every row of a query, as texts. */
  rows(sql: string): Promise<readonly string[]>;
  /** Waits until the log has this transaction. */
  logged(transaction: string): Promise<void>;
}

/** @param sql makes the tables; what it writes is not captured. */
export async function undoFixture(
  sql: string,
  options: {
    readonly url?: (url: string) => string;
    readonly major?: 14 | 18;
    /** A server of the test's own, instead of the shared one. */
    readonly server?: string;
    /** Of the database. Default: UTF8. */
    readonly encoding?: string;
    /** Further patterns of the tables that are captured. */
    readonly exclude?: readonly string[];
    /** Runs before capture begins. */
    readonly prepare?: (database: TestDatabase) => Promise<void>;
  } = {},
): Promise<UndoFixture> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(
    await freshDatabase(options.server ?? options.major ?? 18, options.encoding),
  );
  const directory = mkdtempSync(join(tmpdir(), 'tidings-undo-'));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  await database.client.query(sql);
  await options.prepare?.(database);
  const dataDir = join(directory, 'data');
  const source = { tables: ['*.*', '!tidings.*', ...(options.exclude ?? [])] };
  const tidings = stack.use(
    await createTidings(
      defineConfig({ dataDir, sources: { main: { ...source, url: database.url } } }),
    ),
  );
  await tidings.start();
  await until(async () => (await tidings.status()).sources[0]?.state === 'streaming');
  const url = options.url?.(database.url) ?? database.url;
  const undo = stack.use(
    openUndo(defineConfig({ dataDir, sources: { main: { ...source, url } } })),
  );
  const log = stack.use(
    await openSqliteLogReader({ directory: join(dataDir, 'log', 'main'), source: 'main' }),
  );
  const signal = AbortSignal.timeout(120_000);
  const { client } = database;
  const logged = (transaction: string): Promise<void> =>
    until(async () => {
      await log.refresh();
      return (await log.transactionsById(transaction)).length > 0;
    });
  const plan = (request: UndoRequest): Promise<UndoPlan> => undo.planUndo(request, {}, signal);
  const opened = stack.move();
  return {
    database,
    directory,
    undo,
    log,
    signal,
    logged,
    plan,
    async change(statements) {
      await client.query('BEGIN');
      try {
        await client.query(statements);
        const { rows } = await client.query<{ id: string }>(
          'SELECT (pg_current_xact_id()::text::numeric % 4294967296)::text AS id',
        );
        await client.query('COMMIT');
        const id = rows[0]?.id ?? '';
        await logged(id);
        return id;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    },
    async apply(request, applyOptions = {}) {
      const result = await undo.applyUndo(await plan(request), applyOptions, signal);
      if (result.transaction !== null) await logged(result.transaction);
      return result;
    },
    async rows(query) {
      const { rows } = await client.query<{ row: string }>(
        `SELECT q::text AS row FROM (${query}) q`,
      );
      return rows.map(({ row }) => row);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
