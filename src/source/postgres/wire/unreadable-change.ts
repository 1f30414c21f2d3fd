import type pg from 'pg';
import { TidingsError } from '../../../errors/tidings-error.ts';
import { qualifiedName } from '../../../change/table.ts';
import { sleep } from '../../../util/sleep.ts';
import { ServerError } from '../connection/connection-error.ts';
import { connect, type ConnectOptions } from '../connection/connect.ts';
import { quoteIdentifier } from '../quote.ts';
import { UNCONVERTED } from '../connection/session-settings.ts';
import { sqlState } from '../connection/source-error.ts';

/** Where the change is that the server could not hand over. */
export interface UnreadableChange {
  readonly connection: ConnectOptions;
  readonly slot: string;
  readonly publications: readonly string[];
}

const IN_USE = '55006';
/** How long the ended stream may take to let go of the slot, and how often that is looked at; milliseconds. */
const RELEASE_DEADLINE = 5_000;
const RELEASE_PAUSE = 50;

/** Looking may not take long: the slot's backlog is decoded again. */
const DEADLINE = "SET statement_timeout = '20s'";

/**
 * The relation's oid of the insert, update or delete at a position, within the transactions that have
 * so many messages; and how many there were.
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
const RELATION = `
  SELECT count(*)::int AS messages, min(('x' || encode(substr(data, 2, 4), 'hex'))::bit(32)::bigint)
    FILTER (WHERE lsn = $2::pg_lsn AND chr(get_byte(data, 0)) IN ('I', 'U', 'D'))::text AS oid
  FROM pg_logical_slot_peek_binary_changes($1, NULL, $4::int,
    'proto_version', '1', 'publication_names', $3)`;

/** Messages that are looked through first; ten times as many the next time. */
const FIRST_MESSAGES = 1_000;

const NAME = `SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid`;

/**
 * The same error with the table's name, which the server does not say. Where it cannot be found out,
 * the error as it is: that one change cannot be read is bad enough.
 */
export async function nameUnreadable(
  unnamed: TidingsError<'SOURCE_UNREADABLE'>,
  change: UnreadableChange,
  signal: AbortSignal,
): Promise<TidingsError> {
  const { cause } = unnamed;
  const lsn =
    cause instanceof ServerError
      ? /\bpgoutput\b.*?([\dA-F]+\/[\dA-F]+)/.exec(cause.where)?.[1]
      : null;
  if (!(cause instanceof ServerError) || lsn === undefined || lsn === null) return unnamed;
  const table = await findTable(lsn, change, signal).catch((failure: unknown) => {
    if (sqlState(failure) === null) throw failure;
    return null; // Too long, in use by another reader, no right: then it stays without a name.
  });
  if (table === null) return unnamed;
  const { message: reason, code: state } = cause;
  const details = { source: change.connection.source, table, reason, state };
  return new TidingsError('SOURCE_UNREADABLE', details, { cause });
}

async function findTable(
  lsn: string,
  { connection, slot, publications }: UnreadableChange,
  signal: AbortSignal,
): Promise<string | null> {
  const client = await connect(connection, signal);
  try {
    await client.query(`${DEADLINE}; ${UNCONVERTED}`);
    const names = publications.map(quoteIdentifier).join(',');
    const relation = await peek(client, [slot, lsn, names], signal);
    if (relation === null) return null;
    await client.query("SET client_encoding = 'UTF8'");
    const [table] = (await client.query<{ schema: string; name: string }>(NAME, [relation])).rows;
    return table === undefined ? null : qualifiedName(table);
  } finally {
    await client.end().catch(() => undefined); // Only a question was asked.
  }
}

async function peek(
  client: pg.Client,
  values: readonly string[],
  signal: AbortSignal,
): Promise<string | null> {
  const deadline = Date.now() + RELEASE_DEADLINE;
  for (let wanted = FIRST_MESSAGES; ;) {
    signal.throwIfAborted();
    try {
      const { rows } = await client.query<{ messages: number; oid: string | null }>(RELATION, [
        ...values,
        wanted,
      ]);
      const { messages = 0, oid = null } = rows[0] ?? {};
      if (oid !== null || messages < wanted) return oid;
      wanted *= 10;
    } catch (error) {
      // The stream has just ended, and its server process lets go of the slot a moment later.
      if (sqlState(error) !== IN_USE || Date.now() > deadline) throw error;
      await sleep(RELEASE_PAUSE, signal);
    }
  }
}
