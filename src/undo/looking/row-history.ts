import type { LogRecord, TableId } from '../../log/log.ts';
import { findRecords, type SearchableLog } from './searchable-log.ts';

/** Offsets, the second exclusive, during which a row went by a key. */
interface Span {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

/** Which row's history is wanted. */
export interface HistoryRequest {
  /** The versions of its table. */
  readonly tables: ReadonlySet<TableId>;
  /** Texts of the key as the log has them. */
  readonly keys: readonly string[];
  /** Offsets; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
}

/**
 * Every change of a row, in log order: all that happened under its key, and where an update gave it
 * that key or another, what happened before and after under the other one. Truncates of its table are
 * part of it unless it was gone already. Memory grows with the number of keys, not of changes.
 */
export async function* rowHistory(
  log: SearchableLog,
  request: HistoryRequest,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  const spans = await new SpanTracer(log, request, signal).trace();
  const { tables } = request;
  const streams = spans.map((span) => findRecords(log, { tables, ...span }, signal));
  let gone = false;
  let partition: string | null = null;
  let early: LogRecord[] = [];
  for await (const record of mergeByOffset(streams)) {
    const { operation, table } = record;
    const own = table.origin?.partition?.id;
    if (operation === 'truncate') {
      if (gone) continue;
      // Which partition the row was in, only its first change tells.
      if (partition === null) {
        early.push(record);
        continue;
      }
      if (partition !== '' && !mayConcern(record, partition)) continue;
    } else {
      partition = own ?? '';
      yield* early.filter((truncate) => mayConcern(truncate, own));
      early = [];
    }
    gone = operation === 'delete' || operation === 'truncate';
    yield record;
  }
  yield* early;
}

/** False for a truncate of another partition than the row's. */
function mayConcern({ table }: LogRecord, partition: string | undefined): boolean {
  const emptied = table.origin?.partition?.id;
  return emptied === undefined || partition === undefined || emptied === partition;
}

/** Follows a row through its keys. */
class SpanTracer {
  readonly #log: SearchableLog;
  readonly #request: HistoryRequest;
  readonly #signal: AbortSignal;
  readonly #spans: Span[] = [];
  readonly #open: Span[] = [];

  constructor(log: SearchableLog, request: HistoryRequest, signal: AbortSignal) {
    this.#log = log;
    this.#request = request;
    this.#signal = signal;
  }

  async trace(): Promise<readonly Span[]> {
    const { keys, from, to } = this.#request;
    for (const key of keys) this.#add({ key, from, to });
    for (let span = this.#open.pop(); span !== undefined; span = this.#open.pop()) {
      for await (const { key, previousKey, offset } of this.#records(span)) {
        if (previousKey === null || key === null) continue;
        if (key === span.key) this.#add(await this.#lifeBefore(previousKey, offset));
        else this.#add(await this.#lifeAfter(key, offset));
      }
    }
    return this.#spans;
  }

  #add(span: Span): void {
    const covered = this.#spans.some(
      ({ key, from, to }) => key === span.key && from <= span.from && span.to <= to,
    );
    if (covered || span.from >= span.to) return;
    this.#spans.push(span);
    this.#open.push(span);
  }

  /** The row that went by a key just before an offset: since when it did. */
  async #lifeBefore(key: string, end: number): Promise<Span> {
    let from = this.#request.from;
    for await (const record of this.#records({ key, from, to: end })) {
      if (record.operation === 'insert') from = record.offset;
      else if (record.key !== key || record.operation === 'delete') from = record.offset + 1;
      else if (record.previousKey !== null) from = record.offset;
    }
    return { key, from, to: end };
  }

  /** The row that got a key at an offset: until when it went by it. */
  async #lifeAfter(key: string, start: number): Promise<Span> {
    const { to } = this.#request;
    for await (const record of this.#records({ key, from: start + 1, to })) {
      const ends = record.key !== key || record.operation === 'delete';
      if (ends) return { key, from: start + 1, to: record.offset + 1 };
    }
    return { key, from: start + 1, to };
  }

  #records(span: Span): AsyncGenerator<LogRecord> {
    return findRecords(this.#log, { tables: this.#request.tables, ...span }, this.#signal);
  }
}

/** A stream with the record that it is at. */
interface Head {
  readonly stream: AsyncGenerator<LogRecord>;
  readonly record: LogRecord;
}

/** Several ordered streams as one; a record that is in several comes once. */
async function* mergeByOffset(
  streams: readonly AsyncGenerator<LogRecord>[],
): AsyncGenerator<LogRecord> {
  const heads: Head[] = [];
  for (const stream of streams) heads.push(...(await advance(stream)));
  for (let last = -1; ;) {
    heads.sort((one, other) => other.record.offset - one.record.offset);
    const lowest = heads.pop();
    if (lowest === undefined) return;
    const { stream, record } = lowest;
    if (record.offset !== last) yield record;
    last = record.offset;
    heads.push(...(await advance(stream)));
  }
}

/** The stream at its next record; nothing at its end. */
async function advance(stream: AsyncGenerator<LogRecord>): Promise<readonly Head[]> {
  const next = await stream.next();
  return next.done === true ? [] : [{ stream, record: next.value }];
}
