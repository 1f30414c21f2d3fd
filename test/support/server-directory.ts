import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  removeEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded/embedded-postgres.ts';
import { binariesOf, type Major, NEWEST } from './postgres.ts';
import { until } from './until.ts';

/**
 * A server whose data directory is copied, restored and made a standby of: what an administrator does
 * with files. Disposing stops and removes it.
 */
export class ServerDirectory implements AsyncDisposable {
  readonly major: Major;
  readonly #directory: string;
  readonly #settings: Readonly<Record<string, string>>;
  #server: EmbeddedPostgres | null = null;

  private constructor(
    major: Major,
    directory: string,
    settings: Readonly<Record<string, string>> = {},
  ) {
    this.major = major;
    this.#directory = directory;
    this.#settings = settings;
  }

  /** A new one that runs. */
  static async create(
    settings: Readonly<Record<string, string>> = {},
    major: Major = NEWEST,
  ): Promise<ServerDirectory> {
    const server = new ServerDirectory(major, newDirectory(), settings);
    await server.start();
    return server;
  }

  get url(): string {
    if (this.#server === null) throw new Error('The server does not run');
    return this.#server.url;
  }

  get #data(): string {
    return join(this.#directory, 'data');
  }

  async start(): Promise<void> {
    this.#server = await startEmbeddedPostgres({
      directory: this.#directory,
      binaries: binariesOf(this.major),
      settings: this.#settings,
    });
  }

  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = null;
  }

  /** Runs statements in the database `postgres`, and returns the rows of the last one. */
  async query<Row extends object>(sql: string): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => undefined); // Servers are stopped on purpose.
    await client.connect();
    try {
      const results: unknown = await client.query(sql);
      const last = (Array.isArray(results) ? results.at(-1) : results) as pg.QueryResult<Row>;
      return last.rows;
    } finally {
      await client.end();
    }
  }

  /**
   * A copy that does not run yet, with another port.
   * - `backup`: of the running server, with a backup label, as `pg_basebackup` makes it: without slots.
   * - `snapshot`: of the files as they are on disk, with slots; the server is stopped for it.
   */
  async copy(
    kind: 'backup' | 'snapshot',
    settings: Readonly<Record<string, string>> = this.#settings,
  ): Promise<ServerDirectory> {
    const directory = newDirectory();
    const copied = new ServerDirectory(this.major, directory, settings);
    const copyFiles = (): void => {
      for (const name of ['data', 'password']) {
        execFileSync('cp', ['-a', join(this.#directory, name), directory]);
      }
      rmSync(join(copied.#data, 'postmaster.pid'), { force: true });
    };
    if (kind === 'snapshot') {
      await this.stop();
      copyFiles();
      await this.start();
    } else {
      const label = await this.#backup(copyFiles);
      copied.write('backup_label', label);
      execFileSync('find', [join(copied.#data, 'pg_replslot'), '-mindepth', '1', '-delete']);
    }
    return copied;
  }

  /** @returns the backup label. The session has to stay open from the beginning to the end. */
  async #backup(copyFiles: () => void): Promise<string> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      const [begin, end] =
        this.major >= 15
          ? ["pg_backup_start('copy', true)", 'pg_backup_stop(false)']
          : ["pg_start_backup('copy', true, false)", 'pg_stop_backup(false, false)'];
      await client.query(`SELECT ${begin}`);
      copyFiles();
      const { rows } = await client.query<{ labelfile: string }>(`SELECT labelfile FROM ${end}`);
      // The WAL that the backup needs is written up to its end only now.
      return rows[0]?.labelfile ?? '';
    } finally {
      await client.end();
    }
  }

  /** Brings over the WAL that another server has written since. */
  takeWal(from: ServerDirectory): void {
    execFileSync('cp', ['-a', `${from.#data}/pg_wal/.`, join(this.#data, 'pg_wal')]);
  }

  /** Writes a file into the data directory, readable by the server. */
  write(name: string, text: string): void {
    const file = join(this.#data, name);
    writeFileSync(file, text);
    execFileSync('chown', [`--reference=${this.#data}`, file]);
  }

  /** Makes a copy that does not run a standby of this server; its own settings come after. */
  followedBy(copy: ServerDirectory, settings: Readonly<Record<string, string>> = {}): void {
    const { hostname, port, username, password } = new URL(this.url);
    const primary = `host=${hostname} port=${port} user=${username} password=${password} dbname=postgres`;
    copy.configure({ primary_conninfo: primary, ...settings });
    copy.write('standby.signal', '');
  }

  /** Sets what `ALTER SYSTEM` would. */
  configure(settings: Readonly<Record<string, string>>): void {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
    appendFileSync(join(this.#data, 'postgresql.auto.conf'), lines.join(''));
  }

  /** Resolves when it takes writes. */
  async primary(): Promise<void> {
    await until(async () => {
      const [row] = await this.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
      return row?.standby === false;
    });
  }

  /** Resolves when this standby has all that the other server has written. */
  async reached(primary: ServerDirectory): Promise<void> {
    const [row] = await primary.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
    await until(async () => {
      const sql = `SELECT pg_last_wal_replay_lsn() >= '${row?.lsn}' AS there`;
      return (await this.query<{ there: boolean }>(sql))[0]?.there === true;
    });
  }

  /**
   * Resolves when this standby has a logical slot of its primary, ready to be used: the primary's
   * has to pass the place at which the standby began to keep it, and its reader to say so.
   */
  async slotSynchronized(primary: ServerDirectory): Promise<void> {
    await until(async () => {
      await primary.query('SELECT pg_log_standby_snapshot()');
      const [row] = await this.query<{ ready: boolean }>(
        `SELECT pg_sync_replication_slots();
         SELECT EXISTS (SELECT FROM pg_replication_slots WHERE synced AND NOT temporary) AS ready`,
      );
      return row?.ready === true;
    });
  }

  /** Ends it as a power failure does. */
  async kill(): Promise<void> {
    const pid = this.#server?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGQUIT');
    await this.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (existsSync(this.#directory)) await removeEmbeddedPostgres(this.#directory);
  }
}

/** Open to the server's user, as that of `startTestServer`. */
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-copied-'));
  chmodSync(directory, 0o711);
  return directory;
}
