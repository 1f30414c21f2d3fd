import { compileTablePatterns } from '../../src/change/table-pattern.ts';
import { RelationCatalog } from '../../src/source/postgres/relation/relation-catalog.ts';
import { lsnToPosition } from '../../src/source/postgres/wire/position.ts';
import {
  streamChanges,
  type StreamChangesOptions,
} from '../../src/source/postgres/wire/stream-changes.ts';
import type { TestDatabase } from './postgres.ts';
import { RecordingReceiver } from './recording-receiver.ts';
import { until } from './until.ts';

/** A running stream of a test database's changes. */
export interface CapturedStream extends AsyncDisposable {
  readonly receiver: RecordingReceiver;
  readonly slot: string;
  /** What it ended with: an error, or null on abort. */
  readonly end: Promise<unknown>;
  readonly abort: AbortController;
  /** The slot as the server shows it. */
  slotState(): Promise<{ readonly active_pid: number | null; readonly confirmed: string }>;
  /** Waits until everything that was written before the call has been handed over. */
  caughtUp(): Promise<void>;
}

/** Makes publications and a slot; changes from here on can be streamed. */
export async function createSlot(
  database: TestDatabase,
  publications: readonly string[] = ['CREATE PUBLICATION tidings FOR ALL TABLES'],
): Promise<string> {
  for (const statement of publications) await database.client.query(statement);
  const slot = database.name;
  await database.client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
  return slot;
}

/** Streams from the slot that `createSlot` made. */
export async function openStream(
  database: TestDatabase,
  options: Partial<StreamChangesOptions> = {},
): Promise<CapturedStream> {
  const { client } = database;
  const receiver = new RecordingReceiver();
  receiver.keepsEmpty = false;
  const abort = new AbortController();
  const catalogue = await database.connect();
  const slot = database.name;
  const catalog = new RelationCatalog({
    source: 'main',
    patterns: compileTablePatterns(['*.*']),
    query: (statement) =>
      catalogue
        .query<object>({ ...statement, values: [...statement.values] })
        .then((result) => result.rows),
  });
  const end = streamChanges({
    onPassedOver: () => undefined,
    unconverted: { query: () => Promise.resolve([]), onUnreadable: () => undefined },
    source: 'main',
    url: database.url,
    slot,
    publications: ['tidings'],
    from: null,
    receiver,
    acknowledged: () => null,
    catalog,
    signal: abort.signal,
    ...options,
  }).then(
    () => null,
    (error: unknown) => error,
  );
  let ended = false;
  void end.then(() => {
    ended = true;
  });
  const slotState = async (): Promise<{ active_pid: number | null; confirmed: string }> => {
    const { rows } = await client.query<{ active_pid: number | null; confirmed: string }>(
      `SELECT active_pid, confirmed_flush_lsn::text AS confirmed
       FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    );
    const [state] = rows;
    if (state === undefined) throw new Error(`there is no slot ${slot}`);
    return { ...state, confirmed: lsnToPosition(state.confirmed) };
  };
  return {
    receiver,
    slot,
    end,
    abort,
    slotState,
    async caughtUp() {
      // A transaction of its own: an idle server may leave its newest WAL unwritten for seconds.
      const { rows } = await client.query<{ lsn: string }>(
        `SELECT pg_logical_emit_message(true, 'caught up', '')::text AS lsn`,
      );
      const position = lsnToPosition(rows[0]?.lsn ?? '');
      await until(() => {
        if (ended) throw new Error('the stream has ended', { cause: end });
        return receiver.reached > position;
      }, 60_000);
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await end;
      await until(async () => (await slotState()).active_pid === null);
    },
  };
}
