import type { Socket } from 'node:net';
import { onAbort } from '../../../util/on-abort.ts';
import type pg from 'pg';
import { TidingsError } from '../../../errors/tidings-error.ts';
import { internals } from '../connection/client-internals.ts';
import { connect, destroyConnection } from '../connection/connect.ts';
import { ReplicationSocket } from '../connection/connection-socket.ts';
import { lastWords } from '../connection/last-words.ts';
import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import { positionToLsn } from './position.ts';
import { UNCONVERTED } from '../connection/session-settings.ts';
import { toConnectError } from '../connection/source-error.ts';

/** What is streamed, and from where. */
export interface ReplicationOptions {
  readonly source: string;
  readonly url: string;
  readonly slot: string;
  readonly publications: readonly string[];
  /** Changes that committed before it are not sent; null leaves it to the slot. */
  readonly from: string | null;
  /**
   * The timeline on which the server's history was compared with the log's (invariant 15). A name can
   * lead to another server from one connection to the next. Null: not known, and not looked at.
   */
  readonly timeline?: number | null;
  /** True to have texts as they are in the database. Always so where the server cannot convert them. */
  readonly raw?: boolean;
}

/** In such a database nothing says which characters a text's bytes are: the server only checks them. */
const WITHOUT_CHARACTERS = 'SQL_ASCII';

/** How long the farewell may take before the socket is destroyed; milliseconds. */
const FAREWELL = 500;

const FACTS = `SELECT setting AS timeout, pg_catalog.current_setting('server_encoding') AS encoding,
    CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN substr(
      pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8) END AS timeline
  FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'`;

/** What {@link FACTS} gives. */
interface Facts {
  readonly timeout: string;
  readonly encoding: string;
  /** Eight hexadecimal digits; null on a standby. */
  readonly timeline: string | null;
}

/** @throws TidingsError `SOURCE_DISCONNECTED`: connecting again compares again. */
function requireTimeline({ source, timeline }: ReplicationOptions, facts: Facts | undefined): void {
  if (timeline === null || timeline === undefined || facts?.timeline === undefined) return;
  const found = facts.timeline === null ? null : Number.parseInt(facts.timeline, 16);
  if (found === timeline) return;
  const answered = found === null ? 'a standby' : `a server on timeline ${found}`;
  const reason = `${answered} has answered, and its history was compared on timeline ${timeline}`;
  throw new TidingsError('SOURCE_DISCONNECTED', { source, reason });
}

function isRaw({ raw }: ReplicationOptions, facts: Facts | undefined): boolean {
  return raw === true || facts?.encoding === WITHOUT_CHARACTERS;
}

/**
 * The connection on which the server streams. pg opens it: addresses, TLS, authentication. Then the
 * socket is taken over, because pg's parser makes a copy and two objects of every change (measured:
 * 7.6 s of CPU per million, where reading the chunks in place takes 1.2 s).
 */
export class ReplicationConnection {
  readonly #client: pg.Client;
  readonly #options: ReplicationOptions;
  readonly #socket: Socket;
  /** The server's `wal_sender_timeout` in milliseconds; 0 when it has none. */
  readonly timeout: number;
  /** The database's encoding, as `server_encoding` says it. */
  readonly encoding: string;
  /** True when texts come in that encoding, and not in UTF-8. */
  readonly raw: boolean;

  private constructor(client: pg.Client, options: ReplicationOptions, facts: Facts | undefined) {
    this.#client = client;
    this.#options = options;
    this.#socket = internals(client).stream;
    this.timeout = Number(facts?.timeout ?? 0);
    this.encoding = facts?.encoding ?? 'UTF8';
    this.raw = isRaw(options, facts);
  }

  /** @throws TidingsError as `connect` does; the signal's reason when it aborts. */
  static async open(
    options: ReplicationOptions,
    signal: AbortSignal,
  ): Promise<ReplicationConnection> {
    const { source, url } = options;
    const client = await connect({ source, url, replication: true }, signal);
    const abandon = (): void => destroyConnection(client);
    using _stop = onAbort(signal, abandon);
    try {
      const { rows } = await client.query<Facts>(FACTS);
      requireTimeline(options, rows[0]);
      if (isRaw(options, rows[0])) await client.query(UNCONVERTED);
      signal.throwIfAborted();
      return new ReplicationConnection(client, options, rows[0]);
    } catch (error) {
      abandon();
      signal.throwIfAborted();
      throw toConnectError(source, lastWords(client, error));
    }
  }

  /**
   * Takes the socket over and asks the server to stream. pg's parser has read all that came, since
   * the server has answered the last query and says nothing unasked before this.
   * @param onChunk gets everything that arrives; to keep a chunk beyond the call it pauses before, and
   *   resumes when it needs it no more, see `ReplicationSocket`.
   * @param onEnd is called once when the socket has closed, with the error if there was one.
   */
  start(onChunk: (chunk: Buffer) => void, onEnd: (error: Error | null) => void): void {
    const socket = this.#socket;
    let failure: Error | null = null;
    socket.removeAllListeners('data');
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => onEnd(failure));
    // With TLS the socket below has what is encrypted.
    if (socket instanceof ReplicationSocket) socket.handOver(onChunk);
    else socket.on('data', onChunk);
    if (socket.destroyed) queueMicrotask(() => onEnd(failure));
    internals(this.#client).query(startReplication(this.#options));
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends it in order: CopyDone and Terminate free the slot without a line in the server's log. */
  close(): void {
    const socket = this.#socket;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(Buffer.from('c\0\0\0\x04X\0\0\0\x04', 'latin1'), () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), FAREWELL);
    socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/**
 * Version 1 of the protocol: whole transactions, in commit order, after they committed.
 * https://www.postgresql.org/docs/current/protocol-logical-replication.html
 */
function startReplication({ slot, publications, from }: ReplicationOptions): string {
  const names = publications.map(quoteIdentifier).join(',');
  const lsn = from === null ? '0/0' : positionToLsn(from);
  return (
    `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${lsn} ` +
    `("proto_version" '1', "publication_names" ${quoteLiteral(names)}, "messages" 'true')`
  );
}
