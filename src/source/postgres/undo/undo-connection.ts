import type pg from 'pg';
import { onAbort } from '../../../util/on-abort.ts';
import type { Cell } from '../../../change/row-images.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import { connect, type ConnectOptions, destroyConnection } from '../connection/connect.ts';
import { FIRST_PAGE, nextCount } from '../connection/cursor-pages.ts';
import { lastWords } from '../connection/last-words.ts';
import { quoteIdentifier } from '../quote.ts';
import { AS_ORIGIN, OUR_TEXTS, OWN_TEXTS, UNDO_BEGIN } from '../connection/session-settings.ts';
import { CopyIn } from './copy-in.ts';
import { toUndoError } from './undo-error.ts';

const OWN_SEARCH_PATH = 'SET LOCAL search_path TO DEFAULT';

const AS_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text };

/** The connection of one undo: one transaction, rolled back unless it is committed. */
export class UndoConnection implements AsyncDisposable {
  readonly source: string;
  readonly #client: pg.Client;
  readonly #signal: AbortSignal;
  readonly #stop: Disposable;
  #ownSearchPath = false;
  #copy: { readonly text: string; readonly stream: CopyIn } | null = null;

  private constructor(source: string, client: pg.Client, signal: AbortSignal) {
    this.source = source;
    this.#client = client;
    this.#signal = signal;
    this.#stop = onAbort(signal, () => destroyConnection(client));
  }

  /** @throws TidingsError as of `connect`. */
  static async open(options: ConnectOptions, signal: AbortSignal): Promise<UndoConnection> {
    const connection = new UndoConnection(
      options.source,
      await connect({ ...options, firesTriggers: true }, signal),
      signal,
    );
    try {
      await connection.#begin();
      return connection;
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Rows with values as pg reads them; for the catalogue. */
  async rows<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    await this.endCopy();
    return (await this.#do(() => this.#client.query<Row>(text, [...values]))).rows;
  }

  /** Rows with values as the database prints them; for the users' data. */
  async texts(text: string): Promise<Cell[][]> {
    await this.endCopy();
    const query = { text, rowMode: 'array', types: AS_TEXT } as const;
    return (await this.#do(() => this.#client.query<Cell[]>(query))).rows;
  }

  /** The same for a SELECT of many rows, which may be large: page by page, of bounded size. */
  async *pages(select: string): AsyncGenerator<readonly (readonly Cell[])[]> {
    await this.run(`DECLARE undo_rows NO SCROLL CURSOR FOR ${select}`);
    let count = FIRST_PAGE;
    for (;;) {
      const page = await this.texts(`FETCH ${count} FROM undo_rows`);
      if (page.length > 0) yield page;
      if (page.length < count) break;
      count = nextCount(page);
    }
    await this.run('CLOSE undo_rows');
  }

  /** @returns how many rows the (last) statement affected. */
  async run(text: string): Promise<number> {
    await this.endCopy();
    // Of several statements pg returns a list, which its types do not say.
    const result = (await this.#do(() => this.#client.query(text))) as
      | pg.QueryResult
      | pg.QueryResult[];
    const last = Array.isArray(result) ? result.at(-1) : result;
    return last?.rowCount ?? 0;
  }

  /** Tries statements that may be refused: after an error the transaction is as it was before. */
  async attempt<Result>(statements: () => Promise<Result>): Promise<Result> {
    await this.run('SAVEPOINT undo_attempt');
    try {
      const result = await statements();
      await this.run('RELEASE undo_attempt');
      return result;
    } catch (error) {
      this.#signal.throwIfAborted();
      await this.run('ROLLBACK TO undo_attempt').catch(() => undefined); // The first error tells more.
      throw error;
    }
  }

  /**
   * Does something during which the application's triggers fire: they find their tables and functions
   * where the role's own sessions do, and print and read values as those do. What is done must not
   * depend on {@link TEXT_SETTINGS} itself.
   */
  async withOwnSettings(fire: () => Promise<void>): Promise<void> {
    await this.run(OWN_TEXTS);
    await fire();
    await this.run(OUR_TEXTS);
    if (this.#ownSearchPath) await this.run(OWN_SEARCH_PATH);
  }

  /**
   * Runs a statement of ours that calls functions somebody made, which find what they name likewise.
   * Nothing else is as in the role's own sessions: values are still printed our way.
   */
  async runWithOwnSearchPath(text: string): Promise<number> {
    if (this.#ownSearchPath) return this.run(text);
    await this.run(OWN_SEARCH_PATH);
    const rows = await this.run(text);
    await this.run('SET LOCAL search_path = pg_catalog');
    return rows;
  }

  /**
   * The same for all that follows: where row security is at work, every statement that reads a table
   * calls what its policies call.
   */
  async useOwnSearchPath(): Promise<void> {
    if (this.#ownSearchPath) return;
    this.#ownSearchPath = true;
    await this.run(OWN_SEARCH_PATH);
  }

  /** Reads the catalogue, whose functions leave out the schemas that the search path has. */
  async withCatalogSearchPath<Result>(read: () => Promise<Result>): Promise<Result> {
    if (!this.#ownSearchPath) return read();
    await this.run('SET LOCAL search_path = pg_catalog');
    const result = await read();
    await this.run(OWN_SEARCH_PATH);
    return result;
  }

  /**
   * Sends rows to a COPY. It stays open for more of the same until another statement is run.
   * @param data rows in the text format of COPY; must not be changed afterwards.
   */
  async copy(text: string, data: Buffer): Promise<void> {
    if (this.#copy?.text !== text) {
      await this.endCopy();
      this.#copy = { text, stream: new CopyIn(this.#client, text) };
    }
    const { stream } = this.#copy;
    await this.#do(() => stream.write(data));
  }

  /** Completes what was copied. */
  async endCopy(): Promise<void> {
    const copy = this.#copy;
    this.#copy = null;
    if (copy !== null) await this.#do(() => copy.stream.end());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop[Symbol.dispose]();
    // Ending the session rolls back what was not committed; a broken one has done so already.
    await this.#client.end().catch(() => undefined);
  }

  async #begin(): Promise<void> {
    const results = (await this.#do(() =>
      this.#client.query(UNDO_BEGIN),
    )) as unknown as pg.QueryResult<{ replicationRole: string; role: string }>[];
    const found = results.at(-1)?.rows[0];
    if (found === undefined || found.replicationRole === 'origin') return;
    const { database = '' } = this.#client;
    try {
      await this.run(AS_ORIGIN);
    } catch (error) {
      const { source } = this;
      const { replicationRole, role } = found;
      const names = { roleSql: quoteIdentifier(role), databaseSql: quoteIdentifier(database) };
      const details = { source, role, setting: replicationRole, ...names };
      throw new TidingsError('UNDO_REPLICATION_ROLE', details, { cause: error });
    }
  }

  /** @param query begun here: after an abort nobody would wait for its failure. */
  async #do<Result>(query: () => Promise<Result>): Promise<Result> {
    this.#signal.throwIfAborted();
    try {
      return await query();
    } catch (error) {
      this.#signal.throwIfAborted();
      const { user: role = '', database = '' } = this.#client;
      throw toUndoError({ source: this.source, role, database }, lastWords(this.#client, error));
    }
  }
}
