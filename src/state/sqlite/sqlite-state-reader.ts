import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type {
  ExceptionCounts,
  ExceptionQuery,
  ServiceHeartbeat,
  StateReader,
  StoredException,
  StoredLoss,
  StoredReplay,
  StoredSubscription,
} from '../state.ts';
import type { KeptFor, KeptNote, KeptRecord, KeptSize, SubscriptionNeeds } from '../kept-record.ts';
import { keptFor, listKept, readKept, sizeOfKept } from './kept-rows.ts';
import { countNeeded, neededBy, neededOffsets, needsOf } from './needs.ts';
import { EXCEPTION_COLUMNS, readException, readReplay, readSubscription } from './rows.ts';
import { checkFormat, STATE_FORMAT } from './schema.ts';

/** A writer holds its lock for well under a millisecond; this is only for a disk that hangs. */
export const BUSY_TIMEOUT = 5_000;

const MAX_PAGE = 10_000;

/** Reads a state file. What it says holds for the moment; the service goes on writing. */
export class SqliteStateReader implements StateReader {
  protected readonly database: DatabaseSync;

  protected constructor(database: DatabaseSync) {
    this.database = database;
  }

  /**
   * Opens the file for looking only, also while the service writes to it. Null when there is none,
   * one that was made this moment and has no tables yet, or one of an earlier version, which the
   * service brings up to date at its next start.
   * @throws TidingsError `DATA_NEWER`
   */
  static openExisting(path: string): SqliteStateReader | null {
    if (!existsSync(path)) return null;
    const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT });
    try {
      if (checkFormat(database, path) === STATE_FORMAT) return new SqliteStateReader(database);
    } catch (error) {
      database.close();
      throw error;
    }
    database.close();
    return null;
  }

  async subscription(name: string): Promise<StoredSubscription | null> {
    const row = this.database.prepare('SELECT * FROM subscriptions WHERE name = ?').get(name);
    return row === undefined ? null : readSubscription(row);
  }

  async subscriptions({
    after = '',
    limit = 1_000,
  }: { readonly after?: string; readonly limit?: number } = {}): Promise<
    readonly StoredSubscription[]
  > {
    return this.database
      .prepare('SELECT * FROM subscriptions WHERE name > ? ORDER BY name LIMIT ?')
      .all(after, boundedLimit(limit))
      .map(readSubscription);
  }

  async exceptions({
    subscription,
    states,
    after = -1,
    limit = 100,
  }: ExceptionQuery): Promise<readonly StoredException[]> {
    // State by state, because then the index finds them: the few that are retrying may lie among
    // millions that are parked.
    const statement = this.database.prepare(
      `SELECT ${EXCEPTION_COLUMNS} FROM exceptions
       WHERE subscription = ? AND state = ? AND "offset" > ? ORDER BY "offset" LIMIT ?`,
    );
    const most = boundedLimit(limit);
    return [...new Set(states)]
      .flatMap((state) => statement.all(subscription, state, after, most).map(readException))
      .sort((a, b) => a.offset - b.offset)
      .slice(0, most);
  }

  async exception(subscription: string, offset: number): Promise<StoredException | null> {
    const row = this.database
      .prepare(
        `SELECT ${EXCEPTION_COLUMNS} FROM exceptions WHERE subscription = ? AND "offset" = ?`,
      )
      .get(subscription, offset);
    return row === undefined ? null : readException(row);
  }

  async countExceptions(subscription: string): Promise<ExceptionCounts> {
    const rows = this.database
      .prepare('SELECT state, count(*) AS n FROM exceptions WHERE subscription = ? GROUP BY state')
      .all(subscription);
    const count = (state: string): number =>
      Number(rows.find((row) => row['state'] === state)?.['n'] ?? 0);
    return { retrying: count('retrying'), blocked: count('blocked'), parked: count('parked') };
  }

  async replays(subscription: string): Promise<readonly StoredReplay[]> {
    return this.database
      .prepare('SELECT id, kind, next, to_offset FROM replays WHERE subscription = ? ORDER BY id')
      .all(subscription)
      .map(readReplay);
  }

  async losses(subscription: string, limit = 100): Promise<readonly StoredLoss[]> {
    return this.database
      .prepare(
        `SELECT from_offset, to_offset, at FROM losses WHERE subscription = ?
         ORDER BY rowid DESC LIMIT ?`,
      )
      .all(subscription, boundedLimit(limit))
      .map((row) => ({
        from: Number(row['from_offset']),
        to: Number(row['to_offset']),
        at: Number(row['at']),
      }));
  }

  async furthest(source: string): Promise<Pick<StoredSubscription, 'name' | 'cursor'> | null> {
    const row = this.database
      .prepare(
        'SELECT name, cursor FROM subscriptions WHERE source = ? ORDER BY cursor DESC, name LIMIT 1',
      )
      .get(source);
    return row === undefined ? null : { name: String(row['name']), cursor: Number(row['cursor']) };
  }

  async keptRecord(source: string, offset: number): Promise<KeptRecord | null> {
    return readKept(this.database, source, offset);
  }

  async keptNotes(
    source: string,
    { from, limit }: { readonly from: number; readonly limit: number },
  ): Promise<readonly KeptNote[]> {
    return listKept(this.database, source, { from, limit: boundedLimit(limit) });
  }

  async kept(source: string): Promise<KeptSize> {
    return sizeOfKept(this.database, source);
  }

  async keptFor(source: string): Promise<readonly KeptFor[]> {
    return keptFor(this.database, source);
  }

  async needs(source: string): Promise<readonly SubscriptionNeeds[]> {
    return needsOf(this.database, source);
  }

  async neededOffsets(
    ...request: Parameters<StateReader['neededOffsets']>
  ): Promise<readonly number[]> {
    return neededOffsets(this.database, ...request);
  }

  async countNeeded(...request: Parameters<StateReader['countNeeded']>): Promise<number> {
    return countNeeded(this.database, ...request);
  }

  async neededBy(...request: Parameters<StateReader['neededBy']>): Promise<readonly string[]> {
    return neededBy(this.database, ...request);
  }

  async sourceIdentity(source: string): Promise<string | null> {
    const row = this.database.prepare('SELECT identity FROM sources WHERE name = ?').get(source);
    return row === undefined ? null : String(row['identity']);
  }

  async heartbeat(): Promise<ServiceHeartbeat | null> {
    const row = this.database.prepare('SELECT pid, started_at, at, status FROM service').get();
    if (row === undefined) return null;
    return {
      pid: Number(row['pid']),
      startedAt: Number(row['started_at']),
      at: Number(row['at']),
      status: String(row['status']),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.database.isOpen) this.database.close();
  }
}

function boundedLimit(limit: number): number {
  return Math.max(1, Math.min(limit, MAX_PAGE));
}
