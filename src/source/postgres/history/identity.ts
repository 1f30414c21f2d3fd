import { connect, type ConnectOptions, destroyConnection } from '../connection/connect.ts';
import { ownName } from '../names.ts';
import { quoteLiteral } from '../quote.ts';
import { sqlState, toSourceError } from '../connection/source-error.ts';

/** The database of a session: its number, which a rename keeps, and its name. */
const DATABASE = `(SELECT oid::text || ' ' || datname FROM pg_catalog.pg_database
  WHERE datname = pg_catalog.current_database())`;

interface Identity {
  readonly system: string;
  readonly database: string;
}

/** Asks the database; the rows have the statement's columns. */
type Ask = <Row extends object>(statement: string) => Promise<readonly Row[]>;

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Names a database for good: the identifier that `initdb` gave its server, and the database's number;
 * then its name, for people. A copy made with pg_basebackup has the same ones: how far it has the same
 * history is another question (`find-continuation.ts`). One that was made by pg_upgrade or from a dump
 * is another database.
 */
export async function readIdentity(
  ask: Ask,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<string> {
  const { system, database } = await readIdentityBySql(ask).catch(async (error: unknown) => {
    // Some hosted servers keep the function to themselves; a replication connection always tells.
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    const [found] = await ask<{ database: string }>(`SELECT ${DATABASE} AS database`);
    return { system: await readSystemByProtocol(options, signal), database: found?.database ?? '' };
  });
  return `postgresql:${system}#${database}`;
}

/**
 * Whether the slot of this source is that of another database of the server, and this one has none.
 * A slot keeps to its database through renames, so it tells what a name alone cannot.
 */
export async function isSlotElsewhere(ask: Ask, source: string): Promise<boolean> {
  const name = quoteLiteral(ownName(source));
  const [found] = await ask<{ elsewhere: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s, pg_catalog.pg_database d
         WHERE s.database = d.datname AND d.datname <> pg_catalog.current_database()
           AND s.slot_name IN (${name}, ${name} || '_' || d.oid))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s, pg_catalog.pg_database d
         WHERE d.datname = pg_catalog.current_database() AND s.database = d.datname
           AND s.slot_name IN (${name}, ${name} || '_' || d.oid)) AS elsewhere`,
  );
  return found?.elsewhere === true;
}

async function readIdentityBySql(ask: Ask): Promise<Identity> {
  const [identity] = await ask<Identity>(
    `SELECT system_identifier::text AS system, ${DATABASE} AS database
     FROM pg_catalog.pg_control_system()`,
  );
  if (identity === undefined) throw new Error('The server does not know its identity');
  return identity;
}

/** https://www.postgresql.org/docs/current/protocol-replication.html */
async function readSystemByProtocol(options: ConnectOptions, signal: AbortSignal): Promise<string> {
  const client = await connect({ ...options, replication: true }, signal);
  try {
    const { rows } = await client.query<{ systemid: string }>('IDENTIFY_SYSTEM');
    const [row] = rows;
    if (row === undefined) throw new Error('IDENTIFY_SYSTEM gave no row');
    return row.systemid;
  } catch (error) {
    throw toSourceError(options.source, error);
  } finally {
    destroyConnection(client);
  }
}
