import pg from 'pg';
import { onAbort } from '../../../util/on-abort.ts';
import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import { internals } from './client-internals.ts';
import { ReplicationSocket } from './connection-socket.ts';
import { guardParser } from './guard-parser.ts';
import { keepLastWords, lastWords, readToTheEnd } from './last-words.ts';
import { HAS_ARRIVED, NEWER_SETTINGS, startupOptions } from './session-settings.ts';
import { toConnectError } from './source-error.ts';

/** Where a source is and what it is called. */
export interface ConnectOptions {
  /** The source's name: part of messages and of `application_name`. */
  readonly source: string;
  readonly url: string;
  /** True for the connection that streams changes. It also takes replication commands. */
  readonly replication?: boolean;
  /**
   * True when the application's triggers will fire in it. Then it begins with what texts mean to the
   * role, and its own statements have to see to what they mean to us, see `session-settings.ts`.
   */
  readonly firesTriggers?: boolean;
}

/** A server that is there answers within this; milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/**
 * After so much silence the system asks whether the other side is there; milliseconds. Its own
 * default of two hours is no help when a firewall has dropped the connection.
 */
const KEEPALIVE_DELAY = 10_000;

/** Parameters of a url that would go before what a session of ours is set to. */
const OURS_TO_SAY = [
  'options',
  'application_name',
  'replication',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'query_timeout',
];

/**
 * Opens a connection.
 * @throws TidingsError `SOURCE_UNREACHABLE`, `SOURCE_LOGIN_REFUSED`, `SOURCE_TLS_FAILED`; the
 *   signal's reason when it aborts.
 */
export async function connect(options: ConnectOptions, signal?: AbortSignal): Promise<pg.Client> {
  try {
    return await open(options, signal);
  } catch (error) {
    const plain = withoutTls(options.url);
    if (plain === null || !isTidingsError(error, 'SOURCE_TLS_FAILED')) throw error;
    return open({ ...options, url: plain }, signal);
  }
}

/** `sslmode=prefer` means: encrypted if the server can. Null for a url that says something else. */
function withoutTls(url: string): string | null {
  const plain = new URL(url);
  if (!['prefer', 'allow'].includes(plain.searchParams.get('sslmode') ?? '')) return null;
  plain.searchParams.set('sslmode', 'disable');
  return plain.href;
}

async function open(options: ConnectOptions, signal?: AbortSignal): Promise<pg.Client> {
  signal?.throwIfAborted();
  const client = newClient(options);
  const abandon = (): void => destroyConnection(client);
  using _stop = onAbort(signal, abandon);
  try {
    await client.connect();
    signal?.throwIfAborted();
    readToTheEnd(client);
    guardParser(client);
    await requireDirect(options.source, client);
    signal?.throwIfAborted();
    return client;
  } catch (error) {
    abandon();
    signal?.throwIfAborted();
    throw toConnectError(options.source, lastWords(client, error));
  }
}

/** @throws TidingsError `SOURCE_POOLED` when the server has not got what the session begins with. */
async function requireDirect(source: string, client: pg.Client): Promise<void> {
  // Of several statements pg returns a list, which its types do not say.
  const results = [
    await client.query(`${NEWER_SETTINGS}; ${HAS_ARRIVED}`),
  ].flat() as readonly pg.QueryResult<{ readonly arrived: string | null }>[];
  if (results.at(-1)?.rows[0]?.arrived === 'on') return;
  const reason = 'the options that a session begins with do not reach the server';
  throw new TidingsError('SOURCE_POOLED', { source, reason });
}

/** Ends a connection at once, whatever it is doing. */
export function destroyConnection(client: pg.Client): void {
  internals(client).stream.destroy();
}

/** True when the connection may cross a network: neither a socket file nor this machine. */
export function isRemote(url: string): boolean {
  const parsed = new URL(url);
  const host = parsed.searchParams.get('host') ?? decodeURIComponent(parsed.hostname);
  return !/^$|^\/|^localhost$|^127\.|^\[?::1\]?$/.test(host);
}

function newClient(options: ConnectOptions): pg.Client {
  const url = new URL(options.url);
  // The url's own settings come first: of two, the server takes the later one.
  const own = url.searchParams.get('options');
  for (const name of OURS_TO_SAY) url.searchParams.delete(name);
  // sslmode as PostgreSQL's documentation has it; the driver would read `require` as `verify-full`.
  if (!url.searchParams.has('uselibpqcompat')) url.searchParams.set('uselibpqcompat', 'true');
  const config = {
    connectionString: url.href,
    options: `${own ?? ''} ${startupOptions(options.firesTriggers === true)}`.trim(),
    application_name: `tidings ${options.source}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_DELAY,
    ...(options.replication === true
      ? { replication: 'database', stream: () => new ReplicationSocket() }
      : {}),
  };
  let client: pg.Client;
  try {
    client = new pg.Client(config);
  } catch (error) {
    // It reads certificate files here.
    throw toConnectError(options.source, error);
  }
  keepLastWords(client);
  client.on('error', () => undefined); // Whoever uses the connection meets the same error.
  return client;
}
