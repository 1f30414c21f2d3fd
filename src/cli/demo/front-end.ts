import { Client } from 'pg';
import { MAIL_SCHEMA, type MailUser, type WrittenChange } from './mail-accounts.ts';

interface ReturnedRow {
  readonly before: MailUser | null;
  readonly after: MailUser | null;
}

/** A replication slot that nobody reads, and how much of its log the database keeps for it. */
export interface UnreadSlot {
  readonly name: string;
  readonly bytes: number;
}

/**
 * The program that only writes its rows: it knows no mail server and calls none.
 *
 * Every statement returns the rows before and after it, so that what was written is the database's
 * word and not the demo's.
 */
export class FrontEnd implements AsyncDisposable {
  readonly #client: Client;
  readonly #written: WrittenChange[] = [];
  #transactions = 0;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(url: string): Promise<FrontEnd> {
    const client = new Client({ connectionString: url, application_name: 'demo front end' });
    // A lost connection shows in the query that needs it.
    client.on('error', () => {});
    await client.connect();
    return new FrontEnd(client);
  }

  /** All changes so far, in the order in which they were made. */
  get written(): readonly WrittenChange[] {
    return this.#written;
  }

  get transactions(): number {
    return this.#transactions;
  }

  async createSchema(): Promise<void> {
    await this.#client.query(MAIL_SCHEMA);
  }

  /** Runs insert, update and delete statements as one transaction. */
  async write(...statements: readonly string[]): Promise<readonly WrittenChange[]> {
    const changes: WrittenChange[] = [];
    await this.#client.query('begin');
    try {
      for (const statement of statements) {
        const { rows } = await this.#client.query<ReturnedRow>(
          `${statement} returning to_jsonb(old) as before, to_jsonb(new) as after`,
        );
        changes.push(...rows.map(toWritten));
      }
      await this.#client.query('commit');
    } catch (error) {
      await this.#client.query('rollback');
      throw error;
    }
    this.#written.push(...changes);
    this.#transactions += 1;
    return changes;
  }

  /** The table as it is now: what the directories have to agree with. */
  async accounts(): Promise<readonly MailUser[]> {
    const { rows } = await this.#client.query<{ account: MailUser }>(
      'select to_jsonb(mail_users) as account from public.mail_users order by dba',
    );
    return rows.map((row) => row.account);
  }

  /** What the database keeps for those who do not listen at the moment. */
  async unreadSlots(): Promise<readonly UnreadSlot[]> {
    const { rows } = await this.#client.query<UnreadSlot>(
      `select slot_name as name,
              pg_wal_lsn_diff(pg_current_wal_insert_lsn(), confirmed_flush_lsn)::float8 as bytes
       from pg_replication_slots where not active`,
    );
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}

function toWritten({ before, after }: ReturnedRow): WrittenChange {
  if (before === null) return { operation: 'insert', before, after };
  if (after === null) return { operation: 'delete', before, after };
  return { operation: 'update', before, after };
}
