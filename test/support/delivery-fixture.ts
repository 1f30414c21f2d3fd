import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Change, Operation } from '../../src/change/change.ts';
import { createChangeDecoder } from '../../src/change/decode.ts';
import { encodeImages } from '../../src/change/row-images.ts';
import type { TableDefinition } from '../../src/change/table.ts';
import type { SubscriptionDefinition } from '../../src/delivery/definition.ts';
import type { OpenRoomLimits } from '../../src/delivery/open-room.ts';
import type { DeliveryCommitPoint, DeliveryObserver } from '../../src/delivery/observer.ts';
import { SILENT_OBSERVER } from '../../src/delivery/observer.ts';
import { SourceDelivery } from '../../src/delivery/source-delivery.ts';
import type { SubscriptionStatus } from '../../src/delivery/subscription-status.ts';
import { openSqliteLog, type SqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import type { Attempt, Outcome, Sink } from '../../src/sink/sink.ts';
import { POSTGRES_DIALECT } from '../../src/source/postgres/values/dialect.ts';
import type { State } from '../../src/state/state.ts';
import { SqliteState } from '../../src/state/sqlite/sqlite-state.ts';
import { Horizon } from '../../src/subscription/horizon.ts';

/** A change to be put into the log; `key` null is a truncate or a table without a key. */
export interface LogEntry {
  readonly table?: string;
  readonly operation?: Operation;
  readonly key?: string | null;
  readonly previousKey?: string | null;
  readonly value?: string;
}

/** A real log and a real state in a directory of their own; `delivery` runs subscriptions on them. */
export class DeliveryFixture implements AsyncDisposable {
  readonly directory: string;
  readonly horizon = new Horizon();
  readonly log: SqliteLog;
  state: State;
  #transactions = 0;

  private constructor(directory: string, log: SqliteLog) {
    this.directory = directory;
    this.log = log;
    this.state = SqliteState.open(join(directory, 'state.sqlite'));
  }

  /** @param segmentBytes small ones let retention remove something. */
  static async create(segmentBytes?: number): Promise<DeliveryFixture> {
    const directory = mkdtempSync(join(tmpdir(), 'tidings-delivery-'));
    const log = await openSqliteLog({
      directory: join(directory, 'log'),
      source: 'main',
      segmentBytes,
    });
    return new DeliveryFixture(directory, log);
  }

  /** Appends one transaction, durable; the horizon stays where it is. */
  async append(entries: readonly LogEntry[]): Promise<void> {
    const { writer } = this.log;
    const id = String(++this.#transactions);
    writer.begin({ id, position: id.padStart(16, '0') });
    for (const {
      table = 'public.accounts',
      operation = 'insert',
      key = null,
      ...rest
    } of entries) {
      writer.append({
        table: writer.defineTable(tableDefinition(table)),
        operation,
        key,
        previousKey: rest.previousKey ?? null,
        images: images(operation, key, rest.value ?? ''),
      });
    }
    writer.commit({ committedAt: Date.now() * 1_000, context: null });
    await writer.flush();
  }

  /** Appends one transaction and lets subscribers read it. */
  async write(entries: readonly LogEntry[]): Promise<void> {
    await this.append(entries);
    this.horizon.advance(this.log.head);
  }

  deliver(
    observer: Partial<DeliveryObserver> = {},
    onCommitPoint?: (point: DeliveryCommitPoint) => void,
    openRoom?: OpenRoomLimits,
  ): SourceDelivery {
    return new SourceDelivery({
      source: 'main',
      log: this.log,
      horizon: this.horizon,
      state: this.state,
      decoder: createChangeDecoder('main', [POSTGRES_DIALECT]),
      observer: { ...SILENT_OBSERVER, ...observer },
      onCommitPoint,
      openRoom,
    });
  }

  /** Closes the state and opens it again, as the next process would find it. */
  async reopenState(): Promise<void> {
    await this.state[Symbol.asyncDispose]();
    this.state = SqliteState.open(join(this.directory, 'state.sqlite'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log[Symbol.asyncDispose]();
    await this.state[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true });
  }
}

/** An endpoint as a function. */
export function sink(deliver: (attempt: Attempt, signal: AbortSignal) => Promise<Outcome>): Sink {
  return { kind: 'test', deliver, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** An endpoint that takes everything and remembers it. */
export function recorder(): Sink & { readonly changes: Change[] } {
  const changes: Change[] = [];
  const acknowledged = Promise.resolve<Outcome>({ kind: 'ack' });
  const deliver = ({ change }: Attempt): Promise<Outcome> => {
    changes.push(change);
    return acknowledged;
  };
  return { ...sink(deliver), changes };
}

export const FAILED: Outcome = { kind: 'retry', error: { code: 'TEST', message: 'not now' } };
export const ACK: Outcome = { kind: 'ack' };

/** A subscription to tables, with pauses short enough for tests. */
export function subscription(
  name: string,
  tables: readonly string[] = ['public.*'],
  rest: Partial<SubscriptionDefinition> = {},
): SubscriptionDefinition {
  const retry = { first: 5, factor: 1, max: 5, jitter: 0 };
  return {
    name,
    filter: { tables },
    from: 'floor',
    ...rest,
    delivery: { retry, ...rest.delivery },
  };
}

/** As many new rows, with keys from `first` on. */
export function rows(count: number, first = 0, table = 'public.accounts'): LogEntry[] {
  return Array.from({ length: count }, (_, index) => ({ table, key: String(first + index) }));
}

/** The whole numbers from one to the other, exclusive. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** The status of a subscription; of the first when none is named. */
export function statusOf(delivery: SourceDelivery, name?: string): SubscriptionStatus {
  const status = delivery.status().find((one) => name === undefined || one.name === name);
  assert.ok(status);
  return status;
}

/** The lowest offset whose record a subscription still needs, once all is written down. */
export async function neededFrom(delivery: SourceDelivery, state: State): Promise<number> {
  await delivery.settle();
  const range = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1 };
  const offsets = await state.neededOffsets('main', range);
  const needs = await state.needs('main');
  return Math.min(...offsets, ...needs.map(({ cursor, replay }) => replay ?? cursor));
}

export function isCaughtUp(delivery: SourceDelivery): boolean {
  return delivery.status().every(({ lag }) => lag === 0);
}

/** `schema.name`; a third part names the key column. */
function tableDefinition(table: string): TableDefinition {
  const [schema = '', name = '', key = 'id'] = table.split('.');
  const column = { kind: 'text', type: 'text', array: false } as const;
  return {
    schema,
    name,
    columns: [
      { ...column, name: key },
      { ...column, name: 'value' },
    ],
    key: [0],
    identity: 'full',
    dialect: POSTGRES_DIALECT.name,
  };
}

function images(operation: Operation, key: string | null, value: string): Buffer {
  if (operation === 'truncate') return Buffer.alloc(0);
  const cells = [key ?? 'none', value];
  return operation === 'delete'
    ? encodeImages({ before: { kind: 'old', cells }, after: null })
    : encodeImages({ before: null, after: cells });
}
