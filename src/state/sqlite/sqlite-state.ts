import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { TidingsError } from '../../errors/tidings-error.ts';
import type {
  ServiceHeartbeat,
  State,
  StoredException,
  StoredReplay,
  StoredSubscription,
  SubscriptionCheckpoint,
} from '../state.ts';
import type { KeptRecord, LostDeliveries } from '../kept-record.ts';
import { dropKept, forgetKept, insertKept } from './kept-rows.ts';
import { noteLost } from './needs.ts';
import { EXCEPTION_COLUMNS } from './rows.ts';
import { prepareSchema } from './schema.ts';
import { BUSY_TIMEOUT, SqliteStateReader } from './sqlite-state-reader.ts';
import { isWalLarge, moveWal, useWal } from './wal.ts';

/**
 * The state in one SQLite file.
 *
 * Checkpoints are committed with WAL and `synchronous=NORMAL`, which costs no fsync. That is enough:
 * SQLite's WAL keeps whole transactions in their order, and cursor and exceptions are in the same
 * one, so a power cut can only set both back together, to an earlier checkpoint. Deliveries made
 * since then are repeated; none is skipped (invariant 5). The end of the process alone loses nothing.
 *
 * What must not be set back (that a subscription exists, that it was rewound or paused, which
 * database a log belongs to) is committed with an fsync, and is in the file itself at once: without
 * its WAL (see `missingFile`) it has these all the same.
 */
export class SqliteState extends SqliteStateReader implements State {
  readonly #path: string;
  readonly #setCursor: StatementSync;
  readonly #putException: StatementSync;
  readonly #removeException: StatementSync;
  readonly #addLoss: StatementSync;
  readonly #setRest: StatementSync;
  readonly #setReplay: StatementSync;
  readonly #removeReplay: StatementSync;

  private constructor(path: string, database: DatabaseSync) {
    super(database);
    this.#path = path;
    this.#setCursor = database.prepare('UPDATE subscriptions SET cursor = ? WHERE name = ?');
    this.#putException = database.prepare(
      `INSERT OR REPLACE INTO exceptions (subscription, ${EXCEPTION_COLUMNS})
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#removeException = database.prepare(
      'DELETE FROM exceptions WHERE subscription = ? AND "offset" = ?',
    );
    this.#addLoss = database.prepare('INSERT INTO losses VALUES (?, ?, ?, ?)');
    this.#setRest = database.prepare('UPDATE subscriptions SET rests_until = ? WHERE name = ?');
    this.#setReplay = database.prepare('UPDATE replays SET next = ? WHERE id = ?');
    this.#removeReplay = database.prepare('DELETE FROM replays WHERE id = ?');
  }

  /**
   * Opens the file, or makes it. The caller holds the right to write to the data directory.
   * @throws TidingsError `DATA_NEWER`, `STATE_FAILED`
   */
  static open(path: string): SqliteState {
    let database: DatabaseSync;
    try {
      // Row keys and error texts are nobody else's to read, whatever folder this is in. SQLite gives
      // its files beside this one the same mode.
      closeSync(openSync(path, 'a', 0o600));
      database = new DatabaseSync(path, {
        timeout: BUSY_TIMEOUT,
        enableForeignKeyConstraints: true,
      });
    } catch (error) {
      throw failed(path, error);
    }
    try {
      useWal(database);
      prepareSchema(database, path);
      const state = new SqliteState(path, database);
      state.#moveWal(true);
      return state;
    } catch (error) {
      database.close();
      throw failed(path, error);
    }
  }

  async addSubscriptions(subscriptions: readonly StoredSubscription[]): Promise<void> {
    this.#durably(() => {
      const insert = this.database.prepare(`INSERT INTO subscriptions
           (name, source, cursor, paused_reason, paused_since, created_at, definition, rests_until)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
      for (const each of subscriptions) {
        const { name, source, cursor, paused, createdAt, definition, restsUntil } = each;
        const { reason, since } = paused ?? { reason: null, since: null };
        insert.run(name, source, cursor, reason, since, createdAt, definition, restsUntil);
      }
    });
  }

  async removeSubscription(name: string): Promise<void> {
    this.#durably(() =>
      this.database.prepare('DELETE FROM subscriptions WHERE name = ?').run(name),
    );
  }

  async setDefinition(name: string, definition: string): Promise<void> {
    this.#durably(() =>
      this.database
        .prepare('UPDATE subscriptions SET definition = ? WHERE name = ?')
        .run(definition, name),
    );
  }

  async addReplay(name: string, replay: Omit<StoredReplay, 'id'>): Promise<StoredReplay> {
    const { kind, next, to } = replay;
    let id = 0;
    this.#durably(() => {
      const { lastInsertRowid } = this.database
        .prepare('INSERT INTO replays (subscription, kind, next, to_offset) VALUES (?, ?, ?, ?)')
        .run(name, kind, next, to);
      id = Number(lastInsertRowid);
    });
    return { id, ...replay };
  }

  async setPaused(name: string, paused: StoredSubscription['paused']): Promise<void> {
    this.#durably(() =>
      this.database
        .prepare('UPDATE subscriptions SET paused_reason = ?, paused_since = ? WHERE name = ?')
        .run(paused?.reason ?? null, paused?.since ?? null, name),
    );
  }

  async checkpoint(checkpoints: readonly SubscriptionCheckpoint[]): Promise<void> {
    this.#transact(() => {
      for (const checkpoint of checkpoints) {
        const { name, cursor, put, remove, losses, replays = [], restsUntil } = checkpoint;
        this.#setCursor.run(cursor, name);
        if (restsUntil !== undefined) this.#setRest.run(restsUntil, name);
        for (const { id, next, to } of replays) {
          if (next < to) this.#setReplay.run(next, id);
          else this.#removeReplay.run(id);
        }
        for (const offset of remove) this.#removeException.run(name, offset);
        for (const exception of put) this.#put(name, exception);
        for (const { from, to, at } of losses) this.#addLoss.run(name, from, to, at);
      }
    });
  }

  async rewind(name: string, cursor: number): Promise<void> {
    this.#durably(() => {
      this.database
        .prepare('DELETE FROM exceptions WHERE subscription = ? AND "offset" >= ?')
        .run(name, cursor);
      this.database
        .prepare('DELETE FROM replays WHERE subscription = ? AND next >= ?')
        .run(name, cursor);
      this.database
        .prepare('UPDATE replays SET to_offset = min(to_offset, ?) WHERE subscription = ?')
        .run(cursor, name);
      this.#setCursor.run(cursor, name);
    });
  }

  async setSourceIdentity(source: string, identity: string): Promise<void> {
    this.#durably(() =>
      this.database
        .prepare('INSERT OR REPLACE INTO sources (name, identity) VALUES (?, ?)')
        .run(source, identity),
    );
  }

  async beat(heartbeat: ServiceHeartbeat | null): Promise<void> {
    this.#transact(() => {
      if (heartbeat === null) this.database.exec('DELETE FROM service');
      else {
        const { pid, startedAt, at, status } = heartbeat;
        this.database
          .prepare('INSERT OR REPLACE INTO service VALUES (1, ?, ?, ?, ?)')
          .run(pid, startedAt, at, status);
      }
    });
  }

  async forgetDiscarded(source: string, floor: number): Promise<void> {
    this.#transact(() =>
      this.database
        .prepare(
          `DELETE FROM exceptions WHERE state = 'discarded' AND "offset" < ?
           AND subscription IN (SELECT name FROM subscriptions WHERE source = ?)`,
        )
        .run(floor, source),
    );
  }

  async sync(): Promise<void> {
    // A commit with synchronous=FULL ends with an fsync of the WAL, which holds all commits before
    // it. A checkpoint of the WAL would sync too, but not while another process reads.
    this.#durably(() =>
      this.database.prepare('INSERT OR REPLACE INTO syncs VALUES (1, ?)').run(Date.now()),
    );
  }

  async keep(source: string, records: readonly KeptRecord[]): Promise<void> {
    this.#transact(() => insertKept(this.database, source, records));
  }

  async forgetKept(source: string, floor: number): Promise<void> {
    this.#transact(() => forgetKept(this.database, source, floor));
  }

  async dropKept(...[source, limits]: Parameters<State['dropKept']>): Promise<void> {
    this.#transact(() => dropKept(this.database, source, limits));
  }

  async noteLost(source: string, floor: number): Promise<readonly LostDeliveries[]> {
    let lost: readonly LostDeliveries[] = [];
    this.#transact(() => (lost = noteLost(this.database, source, floor)));
    return lost;
  }

  #put(name: string, exception: StoredException): void {
    this.#putException.run(
      name,
      exception.offset,
      exception.tableId,
      exception.table,
      exception.key,
      exception.previousKey,
      exception.state,
      exception.attempts,
      exception.nextAttemptAt,
      exception.error?.code ?? null,
      exception.error?.message ?? null,
      exception.error?.answer?.status ?? null,
      exception.error?.answer?.excerpt ?? exception.error?.stack ?? null,
      exception.failedAt,
      exception.discarded?.reason ?? null,
      exception.discarded?.at ?? null,
    );
  }

  #durably(write: () => void): void {
    this.database.exec('PRAGMA synchronous = FULL');
    try {
      this.#transact(write);
    } finally {
      this.database.exec('PRAGMA synchronous = NORMAL');
    }
    this.#moveWal(true);
  }

  #transact(write: () => void): void {
    try {
      this.database.exec('BEGIN IMMEDIATE');
      write();
      this.database.exec('COMMIT');
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw failed(this.#path, error);
    }
    if (isWalLarge(this.#path)) this.#moveWal(false);
  }

  #moveWal(waiting: boolean): void {
    try {
      moveWal(this.database, waiting);
    } catch (error) {
      // A full disk, most likely. What was committed is in the WAL, and the next time tries again.
      if (!isSystemError(error)) throw error;
    }
  }
}

/** What SQLite reports becomes a coded error; anything else is a defect and stays as it is. */
function failed(path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new TidingsError('STATE_FAILED', { path, reason: error.message }, { cause: error });
}

/** SQLite's errors and the file system's have a code; a defect of ours has none. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && !(error instanceof TidingsError);
}
