import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { createTidings } from '../../src/app/create-tidings.ts';
import type { Looking, TableQuery } from '../../src/app/looking/looking.ts';
import { openLooking } from '../../src/app/looking/open-looking.ts';
import type { Tidings } from '../../src/app/tidings.ts';
import { type Config, defineConfig } from '../../src/config/define-config.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import type { ErrorCode } from '../../src/errors/catalogue.ts';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { freshDatabase, type Major, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

export const signal = new AbortController().signal;

/** A database whose changes a real service captures, and a look at its log from outside. */
export interface Captured extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly client: pg.Client;
  readonly config: Config;
  readonly looking: Looking;
  /** Runs statements, one transaction, optionally with a context. */
  readonly commit: (sql: string, context?: object) => Promise<string>;
  /** Resolves when the log has everything that was committed up to now. */
  readonly settled: () => Promise<void>;
  /** Ends the service; the log stays. */
  readonly stop: () => Promise<void>;
  /** Where the log ends, once it has settled: the offset that the next change gets. */
  readonly head: () => Promise<number>;
}

/** @param setUp statements before capture begins. */
export async function capture(setUp: string, major?: Major): Promise<Captured> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await freshDatabase(major));
  const { client } = database;
  await client.query(
    `CREATE TABLE mark (n int PRIMARY KEY GENERATED ALWAYS AS IDENTITY); ${setUp}`,
  );
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-looking-'));
  opened.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const config = resolveConfig(
    defineConfig({ dataDir, sources: { main: { url: database.url, tables: ['public.*'] } } }),
  );
  let service: Tidings | null = await createTidings(config);
  opened.defer(async () => await service?.[Symbol.asyncDispose]());
  await service.start();
  const looking = opened.use(await openLooking(config));

  // A change of its own marks the end of what there is: positions of idle databases are told late.
  const settled = async (): Promise<void> => {
    const { rows } = await client.query<{ n: number }>(
      'INSERT INTO mark DEFAULT VALUES RETURNING n',
    );
    const query = { tables: ['public.mark'], key: String(rows[0]?.n), limit: 1 };
    await until(async () => {
      const { head } = (await service?.status())?.sources[0]?.log ?? { head: 0 };
      return head > 0 && (await all((await looking.find(query, signal)).found)).length === 1;
    });
  };
  // From here on the log has everything: times before are refused.
  await settled();
  const resources = opened.move();
  return {
    database,
    client,
    config,
    looking,
    async commit(sql, context) {
      await client.query('BEGIN');
      try {
        if (context !== undefined) {
          await client.query(`SELECT pg_logical_emit_message(true, 'tidings', $1)`, [
            JSON.stringify(context),
          ]);
        }
        await client.query(sql);
        const { rows } = await client.query<{ id: string }>(
          'SELECT pg_current_xact_id()::xid::text AS id',
        );
        await client.query('COMMIT');
        return rows[0]?.id ?? '';
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    },
    settled,
    async stop() {
      await service?.drain();
      await service?.[Symbol.asyncDispose]();
      service = null;
    },
    async head() {
      await settled();
      return (await looking.find({ limit: 1 }, signal)).range.to;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Looks at the same log, and at the database as another role. */
export function lookAs({ config, database }: Captured, role: string): Promise<Looking> {
  const url = new URL(database.url);
  url.username = role;
  url.password = role;
  const sources = { main: { url: url.href, tables: ['public.*'] } };
  return openLooking({ dataDir: config.dataDir, sources });
}

/** A table now, row by row in the database's own texts, sorted. */
export async function rowsNow(client: pg.Client, table: string, columns = '*'): Promise<string[]> {
  await client.query(
    `SET timezone = 'UTC'; SET datestyle = 'ISO,YMD'; SET intervalstyle = 'postgres'`,
  );
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${columns} FROM ${table}`,
    rowMode: 'array',
    types: { getTypeParser: () => (text: string) => text },
  });
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** A table as it was, in the same form. */
export async function rowsThen(looking: Looking, query: TableQuery): Promise<string[]> {
  await using view = await looking.table(query, signal);
  const rows: string[] = [];
  for await (const row of view.rows) rows.push(JSON.stringify(row));
  return rows.sort();
}

/** Everything of a stream. */
export async function all<Value>(stream: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

/** Fails unless the promise rejects with this code; returns the error's message and hint. */
export async function refusal(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (!isTidingsError(error, code)) throw error;
    return `${error.message} ${error.hint}`;
  }
  return assert.fail(`not refused with ${code}`);
}
