import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { createTidings } from '../../../src/app/create-tidings.ts';
import type { Looking } from '../../../src/app/looking/looking.ts';
import { openLooking } from '../../../src/app/looking/open-looking.ts';
import type { Tidings } from '../../../src/app/tidings.ts';
import { openUndo, type UndoService } from '../../../src/app/undo.ts';
import { defineConfig } from '../../../src/config/define-config.ts';
import type { LogReader, LogRecord, LoggedTransaction } from '../../../src/log/log.ts';
import { openSqliteLogReader } from '../../../src/log/sqlite/sqlite-log.ts';
import { freshDatabase, type TestDatabase } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import { OUTPUT_SETTINGS } from './state.ts';

/**
 * Settings of the server: with a standby that never comes, and nobody who waits for it but a
 * transaction that asks to. Such a one is in the WAL, and sent, before anybody sees it.
 */
export const SERVER_SETTINGS = { synchronous_standby_names: 'nobody', synchronous_commit: 'local' };

/** A database that is captured, for many cases one after the other, each in schemas of its own. */
export interface World extends AsyncDisposable {
  readonly database: TestDatabase;
  /** Whose session writes the histories. */
  readonly writer: pg.Client;
  readonly undo: UndoService;
  readonly looking: Looking;
  readonly log: LogReader;
  readonly signal: AbortSignal;
  startCapture(): Promise<void>;
  stopCapture(): Promise<void>;
  /** Writes a row that nobody else touches. @returns the transaction. */
  mark(): Promise<string>;
  /** Waits until the log has the transaction. @throws when capture ends instead. */
  logged(transaction: string): Promise<LoggedTransaction>;
  find(transaction: string): Promise<LoggedTransaction | null>;
  records(range: { readonly from: number; readonly to: number }): Promise<readonly LogRecord[]>;
  /** Commits the writer's transaction, late for everybody else. @returns whether it came to that. */
  commitLate(transaction: string): Promise<boolean>;
}

/** The table of marks; it belongs to no case. */
export const MARKS = { schema: 'marks', name: 'marks' };

export async function openWorld(server: string): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase(server));
  const directory = mkdtempSync(join(tmpdir(), 'tidings-random-'));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const { client } = database;
  await client.query(`CREATE SCHEMA marks; CREATE TABLE marks.marks (n int PRIMARY KEY)`);
  const writer = await database.connect();
  await writer.query(OUTPUT_SETTINGS);
  const { rows } = await writer.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const sources = { main: { url: database.url, tables: ['*.*', '!tidings.*'] } };
  const config = defineConfig({ dataDir: join(directory, 'data'), sources });
  const capture = stack.use(new Capture(config));
  await capture.start();
  const undo = stack.use(openUndo(config));
  const looking = stack.use(await openLooking(config));
  const log = stack.use(
    await openSqliteLogReader({
      directory: join(directory, 'data', 'log', 'main'),
      source: 'main',
    }),
  );
  const reading = readLog(log, capture);
  let marks = 0;
  const opened = stack.move();
  return {
    database,
    writer,
    undo,
    looking,
    log,
    signal: AbortSignal.timeout(600_000),
    ...reading,
    startCapture: () => capture.start(),
    stopCapture: () => capture.stop(),
    async mark() {
      const { rows: ids } = await client.query<{ id: string }>(
        `INSERT INTO marks.marks VALUES ($1) RETURNING pg_current_xact_id()::xid::text AS id`,
        [--marks],
      );
      return ids[0]?.id ?? '';
    },
    commitLate: (transaction) =>
      commitLate({ writer, admin: client, pid: rows[0]?.pid ?? 0 }, () =>
        reading.find(transaction),
      ),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function readLog(
  log: LogReader & { refresh(): Promise<void> },
  capture: Capture,
): Pick<World, 'find' | 'logged' | 'records'> {
  const find = async (transaction: string): Promise<LoggedTransaction | null> => {
    await log.refresh();
    return (await log.transactionsById(transaction))[0] ?? null;
  };
  return {
    find,
    async logged(transaction) {
      let found: LoggedTransaction | null = null;
      await until(
        async () => {
          found = await find(transaction);
          if (found === null) await capture.check();
          return found !== null;
        },
        30_000,
        `transaction ${transaction} in the log`,
      );
      if (found === null) throw new Error('unreachable');
      return found;
    },
    async records({ from, to }) {
      const records: LogRecord[] = [];
      for (let at = from; at < to;) {
        const page = await log.read({ from: at, to });
        records.push(...page.records);
        at = page.next;
      }
      return records;
    },
  };
}

/** The service, started and stopped on the same data. */
class Capture implements AsyncDisposable {
  readonly #config: Parameters<typeof createTidings>[0];
  #service: Tidings | null = null;

  constructor(config: Parameters<typeof createTidings>[0]) {
    this.#config = config;
  }

  async start(): Promise<void> {
    if (this.#service !== null) return;
    const service = await createTidings(this.#config);
    this.#service = service;
    await service.start();
    await until(async () => {
      await this.check();
      return (await service.status()).sources[0]?.state === 'streaming';
    });
  }

  async stop(): Promise<void> {
    await this.#service?.drain();
    await this.#service?.[Symbol.asyncDispose]();
    this.#service = null;
  }

  /** @throws when the capture has met something that it cannot go on with. */
  async check(): Promise<void> {
    const source = (await this.#service?.status())?.sources[0];
    const error = source?.error ?? null;
    if (source === undefined || error === null || error.code === 'SOURCE_DISCONNECTED') return;
    throw new Error(`Capture is ${source.state}: ${error.code} ${error.message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

interface LateCommit {
  readonly writer: pg.Client;
  readonly admin: pg.Client;
  /** The writer's. */
  readonly pid: number;
}

async function commitLate(
  { writer, admin, pid }: LateCommit,
  arrived: () => Promise<LoggedTransaction | null>,
): Promise<boolean> {
  await writer.query(`SET LOCAL synchronous_commit = on`);
  const commit = { over: false };
  const outcome = writer
    .query('COMMIT')
    .then(() => null)
    .catch((error: unknown) => error)
    .finally(() => (commit.over = true));
  await until(async () => {
    const { rows } = await admin.query<{ waits: boolean }>(
      `SELECT COALESCE(wait_event = 'SyncRep', false) AS waits FROM pg_stat_activity WHERE pid = $1`,
      [pid],
    );
    return commit.over || rows[0]?.waits === true;
  });
  const held = !commit.over;
  // The log may wait for the transaction to become visible, too: then it does not come.
  const deadline = Date.now() + 300;
  await until(async () => commit.over || Date.now() > deadline || (await arrived()) !== null);
  if (!commit.over) await admin.query('SELECT pg_cancel_backend($1)', [pid]);
  const error = await outcome;
  if (error !== null) throw error;
  return held;
}
