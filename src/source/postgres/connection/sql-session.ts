import type pg from 'pg';
import { onAbort } from '../../../util/on-abort.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import { connect, type ConnectOptions, destroyConnection } from './connect.ts';
import { lastWords } from './last-words.ts';
import { toSourceError } from './source-error.ts';

/** A statement with its parameters. With a name the server plans it once per connection. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
}

/**
 * The one SQL connection of a source: kept open, opened again when it broke, used by one statement
 * at a time. All questions but the stream itself share it, so a source costs its database two
 * connections however many subscribers it has.
 */
export class SqlSession implements AsyncDisposable {
  readonly #options: ConnectOptions;
  #client: pg.Client | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /**
   * Runs a statement, or several separated by semicolons when there are no values: those are one
   * transaction.
   * @throws TidingsError as of `connect`; `SOURCE_DISCONNECTED`; `SOURCE_FAILED` with the server's
   *   error as its cause; the signal's reason when it aborts, also before its turn has come.
   */
  query<Row extends object>(
    statement: string | Statement,
    signal: AbortSignal,
  ): Promise<readonly Row[]> {
    const wanted = typeof statement === 'string' ? { text: statement } : statement;
    const turn = this.#last.then(() => this.#run<Row>(wanted, signal));
    this.#last = turn.catch(() => undefined); // Its caller meets the error; the next one is no worse off.
    return orAborted(turn, signal);
  }

  /** Has the next statement use a new connection: the server's process for the old one ends. */
  async reopen(): Promise<void> {
    const turn = this.#last.then(() => this.#close());
    this.#last = turn;
    await turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#close();
  }

  async #close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined); // Gone already: that is what was wanted.
  }

  async #run<Row extends object>(
    statement: Statement,
    signal: AbortSignal,
  ): Promise<readonly Row[]> {
    signal.throwIfAborted();
    if (this.#closed) throw new Error('The source is closed');
    const client = (this.#client ??= await this.#open(signal));
    const stop = (): void => {
      this.#forget(client);
      destroyConnection(client);
    };
    using _stop = onAbort(signal, stop);
    try {
      const { text, name, values } = statement;
      const result = await client.query<Row>({
        text,
        ...(name === undefined ? {} : { name }),
        ...(values === undefined ? {} : { values: [...values] }),
      });
      return result.rows;
    } catch (error) {
      signal.throwIfAborted();
      const failure = toSourceError(this.#options.source, lastWords(client, error));
      // The server says goodbye before the socket closes: the next statement must not try this one.
      if (isTidingsError(failure, 'SOURCE_DISCONNECTED')) stop();
      throw failure;
    }
  }

  async #open(signal: AbortSignal): Promise<pg.Client> {
    const client = await connect(this.#options, signal);
    client.on('end', () => this.#forget(client));
    client.on('error', () => this.#forget(client));
    return client;
  }

  #forget(client: pg.Client): void {
    if (this.#client === client) this.#client = null;
  }
}

/** Who has no time left does not wait for the statements of others, whose link may hang. */
async function orAborted<Result>(turn: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  using _stop = onAbort(signal, () => aborted.reject(signal.reason));
  return await Promise.race([turn, aborted.promise]);
}
