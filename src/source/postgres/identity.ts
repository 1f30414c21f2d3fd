import { connect, type ConnectOptions, destroyConnection } from './connect.ts';
import { sqlState, toSourceError } from './source-error.ts';
import type { SqlSession } from './sql-session.ts';

interface Identity {
  readonly system: string;
  readonly database: string;
}

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Names a database for good: the identifier that `initdb` gave its server, and its name. A copy made
 * with pg_basebackup has the same identifier, which is right: it has the same history.
 */
export async function readIdentity(
  session: SqlSession,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<string> {
  const { system, database } = await readIdentityBySql(session, signal).catch((error: unknown) => {
    // Some hosted servers keep the function to themselves; a replication connection always tells.
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    return readIdentityByProtocol(options, signal);
  });
  return `postgresql:${system}/${database}`;
}

async function readIdentityBySql(session: SqlSession, signal: AbortSignal): Promise<Identity> {
  const [identity] = await session.query<Identity>(
    `SELECT system_identifier::text AS system, current_database()::text AS database
     FROM pg_control_system()`,
    signal,
  );
  if (identity === undefined) throw new Error('The server does not know its identity');
  return identity;
}

/** https://www.postgresql.org/docs/current/protocol-replication.html */
async function readIdentityByProtocol(
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<Identity> {
  const client = await connect({ ...options, replication: true }, signal);
  try {
    const { rows } = await client.query<{ systemid: string; dbname: string }>('IDENTIFY_SYSTEM');
    const [row] = rows;
    if (row === undefined) throw new Error('IDENTIFY_SYSTEM gave no row');
    return { system: row.systemid, database: row.dbname };
  } catch (error) {
    throw toSourceError(options.source, error);
  } finally {
    destroyConnection(client);
  }
}
