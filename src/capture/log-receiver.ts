import type { CapturedChange, TransactionEnd } from '../change/captured.ts';
import type { MarkFound, TableMark } from '../change/mark.ts';
import type { TableDefinition } from '../change/table.ts';
import type { LogWriter } from '../log/log.ts';
import type { ChangeReceiver, LostChanges } from '../source/source.ts';

/** What the receiver tells its owner. */
export interface LogReceiverOptions {
  readonly writer: LogWriter;
  /** The offset that the next record gets. */
  readonly head: number;
  /** What precedes the source's positions in the log, see `change/position.ts`. */
  readonly history: string;
  /** A transaction is whole: its id, and the offset after its last record. */
  readonly onTransaction: (id: string, end: number) => void;
  /** Something is ready to be flushed, or a position was reached; may ask the source to wait. */
  readonly onBurst: (reachedOnly: boolean) => Promise<void> | undefined;
  /** The source streams: what was wrong before has passed. */
  readonly onStreaming: () => void;
}

/** Appends what a source streams to the log's writer, and counts offsets on the way. */
export class LogReceiver implements ChangeReceiver {
  readonly #writer: LogWriter;
  readonly #options: LogReceiverOptions;
  #transactionId = '';
  #committed: number;
  #open = 0;
  #reachedOnly = true;
  #dirty = false;

  constructor(options: LogReceiverOptions) {
    this.#writer = options.writer;
    this.#options = options;
    this.#committed = options.head;
  }

  table(definition: TableDefinition): number {
    return this.#writer.defineTable(definition);
  }

  begin(transaction: { readonly id: string; readonly position: string }): boolean {
    const { id, position } = transaction;
    this.#transactionId = id;
    this.#open = 0;
    return this.#writer.begin({ id, position: this.#options.history + position });
  }

  change(change: CapturedChange): void {
    this.#writer.append(change);
    this.#open += 1;
  }

  mark(mark: TableMark, found?: MarkFound): void {
    this.#writer.mark(mark, found === undefined ? undefined : this.#toFound(found));
    this.#reachedOnly = false;
    this.#dirty ||= found !== undefined;
  }

  commit(end: TransactionEnd, reached: string): void {
    this.#writer.commit(end);
    this.#writer.reached(this.#options.history + reached);
    this.#dirty = true;
    if (this.#open === 0) return;
    this.#reachedOnly = false;
    this.#committed += this.#open;
    this.#options.onTransaction(this.#transactionId, this.#committed);
    this.#open = 0;
  }

  lost(changes: LostChanges): void {
    const { history } = this.#options;
    const from = changes.from === null ? null : history + changes.from;
    this.#writer.recordGap({ ...changes, from, to: history + changes.to });
    this.#reachedOnly = false;
    this.#dirty = true;
  }

  abandon(): void {
    this.#writer.abandon();
    this.#open = 0;
  }

  idle(reached: string): void {
    this.#writer.reached(this.#options.history + reached);
    this.#dirty = true;
  }

  burst(): Promise<void> | undefined {
    if (!this.#dirty) return undefined;
    return this.#options.onBurst(this.#reachedOnly);
  }

  streaming(): void {
    this.#options.onStreaming();
  }

  #toFound({ after, at }: MarkFound): MarkFound {
    return { after: after === null ? null : this.#options.history + after, at };
  }

  /** A flush begins that covers all that was handed over so far. */
  flushing(): void {
    this.#dirty = false;
    this.#reachedOnly = true;
  }
}
