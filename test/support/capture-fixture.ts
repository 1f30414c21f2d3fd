import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Capture, type CaptureOptions } from '../../src/capture/capture.ts';
import { encodeImages } from '../../src/change/row-images.ts';
import type { OnCommitPoint } from '../../src/log/sqlite/commit-points.ts';
import { TidingsError } from '../../src/errors/tidings-error.ts';
import { openSqliteLog, type SqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { POSTGRES_DIALECT } from '../../src/source/postgres/values/dialect.ts';
import type { Continuation } from '../../src/source/source-history.ts';
import type { ChangeReceiver, Source, StreamOptions } from '../../src/source/source.ts';
import { until } from './until.ts';

/** A source whose stream the test writes; it sends again whatever the log does not have. */
export class ScriptedSource implements Source {
  readonly name = 'main';
  readonly dialect = POSTGRES_DIALECT;
  readonly acknowledged: string[] = [];
  readonly restarts: string[] = [];
  identity = 'database 1';
  /** What it says of its history. */
  next: Continuation = { lineage: 'one', rewound: null, doubt: null, lost: null };
  streams = 0;
  #receiver: ChangeReceiver | null = null;
  #sent: string[] = [];
  #end: PromiseWithResolvers<void> | null = null;

  async stream({ receiver, signal }: StreamOptions): Promise<void> {
    this.streams += 1;
    const end = Promise.withResolvers<void>();
    this.#end = end;
    signal.addEventListener('abort', () => end.resolve(), { once: true });
    this.#receiver = receiver;
    receiver.streaming();
    for (const position of this.#sent) this.#hand(position);
    this.#burst();
    try {
      await end.promise;
    } finally {
      this.#receiver = null;
      receiver.abandon();
    }
  }

  /** One transaction with one record. */
  send(position: string): void {
    this.#sent.push(position);
    this.#hand(position);
    this.#burst();
  }

  /** The server ends the connection. */
  cut(): void {
    this.#end?.reject(new TidingsError('SOURCE_UNREACHABLE', { source: 'main', reason: 'cut' }));
  }

  /** A transaction of so many records that has begun and does not end. */
  sendOpen(position: string, records: number): void {
    if (this.#receiver?.begin({ id: '9', position }) !== true) return;
    for (let index = 0; index < records; index++) this.#change();
    this.#burst();
  }

  #burst(): void {
    const end = this.#end;
    this.#receiver?.burst()?.catch((error: unknown) => end?.reject(error));
  }

  #hand(position: string): void {
    const receiver = this.#receiver;
    if (receiver?.begin({ id: '1', position }) !== true) return;
    this.#change();
    receiver.commit({ committedAt: 1, context: null }, position);
  }

  #change(): void {
    const receiver = this.#receiver;
    const table = receiver?.table({
      schema: 'public',
      name: 't',
      columns: [{ kind: 'text', type: 'text', array: false, name: 'id' }],
      key: [0],
      identity: 'full',
      dialect: POSTGRES_DIALECT.name,
    });
    const images = encodeImages({ before: null, after: ['1'] });
    const change = { operation: 'insert', key: '1', previousKey: null, images } as const;
    receiver?.change({ ...change, table: table ?? 0 });
  }

  acknowledge(position: string): void {
    this.acknowledged.push(position);
  }

  tearDownCosts(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  carriedOver(): Promise<string> {
    return assert.fail('not asked here');
  }

  isElsewhere(): Promise<boolean> {
    return Promise.resolve(false);
  }

  relations(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  describe(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  identify(): Promise<string> {
    return Promise.resolve(this.identity);
  }

  continuation(): Promise<Continuation> {
    return Promise.resolve(this.next);
  }

  /** What the source was told to begin with, after its history went back. */
  readonly rejoined: string[] = [];

  rejoin(from: string): Promise<string> {
    this.rejoined.push(from);
    // What it had sent in the history that went back does not come again.
    this.#sent = this.#sent.filter((sent) => sent <= from);
    return Promise.resolve(this.next.rewound?.complete === false ? position(9) : from);
  }

  restart(): Promise<string> {
    this.restarts.push(this.identity);
    return Promise.resolve('0000000000000100');
  }

  visible = true;
  looks = 0;

  visibility(): ReturnType<Source['visibility']> {
    this.looks += 1;
    const { visible } = this;
    return Promise.resolve({ visible: () => visible, inProgress: [] });
  }

  setUps = 0;

  setUp(): Promise<void> {
    this.setUps += 1;
    return Promise.resolve();
  }

  check(): Promise<never> {
    return assert.fail('not asked by capture');
  }

  tearDown(): Promise<never> {
    return assert.fail('not asked by capture');
  }

  status(): Promise<never> {
    return assert.fail('not asked by capture');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

export interface Fixture extends AsyncDisposable {
  readonly source: ScriptedSource;
  readonly log: SqliteLog;
  readonly capture: Capture;
  readonly states: string[];
  /** What the observer was told in all. */
  readonly captured: { changes: number; transactions: number };
}

export async function fixture(
  options: Partial<CaptureOptions> = {},
  onCommitPoint?: OnCommitPoint,
  memoryBytes?: number,
): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-capture-'));
  const log = await openSqliteLog({ directory, source: 'main', onCommitPoint, memoryBytes });
  const source = new ScriptedSource();
  const states: string[] = [];
  const captured = { changes: 0, transactions: 0 };
  const stop = new AbortController();
  const capture = new Capture({
    source,
    log,
    advance: () => undefined,
    confirmIdentity: () => Promise.resolve(),
    checkSpace: () => Promise.resolve(),
    observer: {
      captured(changes, transactions) {
        captured.changes += changes;
        captured.transactions += transactions;
      },
      flushed: () => undefined,
      state: (state) => states.push(state),
      failure: () => undefined,
    },
    signal: stop.signal,
    ...options,
  });
  return {
    source,
    log,
    capture,
    states,
    captured,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await until(() => capture.state === 'stopped' || capture.state === 'failed');
      await log[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

export const position = (number: number): string => String(number).padStart(16, '0');
