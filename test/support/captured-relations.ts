import type { TableDefinition } from '../../src/change/table.ts';
import { lsnToPosition } from '../../src/source/postgres/wire/position.ts';
import { PostgresSource } from '../../src/source/postgres/postgres-source.ts';
import { freshDatabase, type Major, NEWEST, type TestDatabase } from './postgres.ts';
import { RecordingReceiver } from './recording-receiver.ts';
import { until } from './until.ts';

/** With a superuser the event trigger announces; with another role only the catalogue can be asked. */
export type Kind = 'announced' | 'asked';

export interface Captured extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly source: PostgresSource;
  /** With the role that captures. */
  readonly url: string;
  /** Runs statements while nobody reads the slot. */
  run(...statements: readonly string[]): Promise<void>;
  /** Reads all that was written so far, and at least so many marks; then nobody reads again. */
  read(marks?: number): Promise<RecordingReceiver>;
}

/** @param sql makes what is there before capture is set up. */
export async function captured(
  kind: Kind,
  sql: string,
  {
    tables = ['public.*'],
    server = NEWEST,
  }: { readonly tables?: readonly string[]; readonly server?: Major | string } = {},
): Promise<Captured> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase(server));
  const { client } = database;
  let url = database.url;
  if (kind === 'asked') {
    const role = `r_${database.name}`;
    await client.query(
      `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'p'; GRANT CREATE ON DATABASE ${database.name} TO ${role};
       GRANT CREATE ON SCHEMA public TO ${role}; SET ROLE ${role}`,
    );
    const parsed = new URL(url);
    [parsed.username, parsed.password] = [role, 'p'];
    url = parsed.href;
    stack.defer(() =>
      client
        .query(`RESET ROLE; DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
        .then(() => undefined),
    );
  }
  await client.query(sql);
  const source = stack.use(new PostgresSource({ name: 'main', url, tables }));
  const { signal } = new AbortController();
  await source.setUp(signal, { slot: 'create' });
  const known: { tables: TableDefinition[]; marks: RecordingReceiver['marks'] } = {
    tables: [],
    marks: [],
  };
  let from: string | null = null;
  const opened = stack.move();
  return {
    database,
    source,
    url,
    async run(...statements) {
      for (const statement of statements) await client.query(statement);
    },
    async read(marks = 0) {
      const receiver = new RecordingReceiver();
      const abort = new AbortController();
      await source.setUp(signal, { slot: 'expect' });
      const emit = async (): Promise<string> => {
        const { rows } = await client.query<{ lsn: string }>(
          `SELECT pg_logical_emit_message(true, 'read up to', '')::text AS lsn`,
        );
        return lsnToPosition(rows[0]?.lsn ?? '');
      };
      const position = await emit();
      const isRead = async (): Promise<boolean> => {
        if (receiver.reached > position && receiver.marks.length >= marks) return true;
        // What is found by comparing comes to light when the stream goes on.
        if (marks > 0) await emit();
        return false;
      };
      const streaming = source.stream({ from, known, receiver, signal: abort.signal });
      await Promise.race([streaming, until(isRead)]);
      from = receiver.reached;
      source.acknowledge(from);
      abort.abort();
      await streaming;
      known.tables.push(...receiver.tables);
      known.marks.push(...receiver.marks);
      return receiver;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
