import { historyOf, nextHistory } from '../change/position.ts';
import { NO_TRANSACTION, rewindChange, type RewindNotice, rewindTable } from '../change/rewind.ts';
import type { Log } from '../log/log.ts';
import type { Continuation } from '../source/source-history.ts';
import type { Source } from '../source/source.ts';
import { findAbandoned, knownHistory, rewoundError } from './log-history.ts';

export interface LogContinuationOptions {
  readonly source: Source;
  readonly log: Log;
  /** Compares the database behind the connection with the one the log was made from; may throw. */
  readonly confirmIdentity: (identity: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Sees to it that a log goes on with the history that it has, and with no other (invariant 15). */
export class LogContinuation {
  readonly #options: LogContinuationOptions;

  constructor(options: LogContinuationOptions) {
    this.#options = options;
  }

  /**
   * Makes sure, at every connect, that the source's history goes on from where the log's has come to.
   * Changes nothing in the database.
   * @throws TidingsError `SOURCE_CHANGED`, `SOURCE_REWOUND`, or why the two cannot be compared.
   */
  async confirm(): Promise<void> {
    const { lineage, doubt } = await this.#refuseRewound();
    if (doubt !== null) throw doubt;
    this.#options.log.writer.lineage(lineage);
  }

  /** See `Capture.acceptGap`. */
  async acceptGap(reason: string): Promise<void> {
    const { source, signal } = this.#options;
    // Before anything is changed: a slot in the wrong database would keep its WAL for ever, and one
    // that is made anew would hide that the history went back. One that cannot be read any more is
    // what is given up here.
    const { lineage } = await this.#refuseRewound();
    this.#options.log.writer.lineage(lineage);
    await this.#recordGap(await source.restart(signal), reason);
  }

  /**
   * Goes on in the same log after the source's history went back: notes the fork, and begins where
   * the two histories part. Does nothing when it did not go back.
   * @throws TidingsError `SOURCE_CHANGED`, or why the source or the log cannot.
   */
  async acceptRewind(): Promise<void> {
    const { source, log, signal } = this.#options;
    const { lineage, rewound } = await this.#compare();
    const from = log.position;
    if (rewound === null || from === null) return;
    const { reason } = rewound;
    const { offset: abandoned } = await findAbandoned(log, rewound.abandoned);
    const history = nextHistory(historyOf(from));
    const to = history + rewound.to;
    const at = Date.now() * 1000;
    log.writer.recordFork({ abandoned, from, to, reason, at });
    this.#tell(history, at, {
      abandonedFrom: abandoned,
      abandonedBefore: log.head,
      historyLost: !rewound.complete,
      reason,
    });
    log.writer.reached(to);
    log.writer.lineage(lineage);
    // Durable before the database is changed: else a slot that is new would be all that tells of it.
    await log.writer.flush();
    const begin = await source.rejoin(rewound.to, signal);
    if (begin !== rewound.to) await this.#recordGap(begin, `its history went back: ${reason}`);
  }

  /**
   * Writes the record by which subscriptions learn of it. Its position is the new history's prefix
   * alone, which sorts before all that the history has.
   */
  #tell(history: string, committedAt: number, notice: RewindNotice): void {
    const { source, log } = this.#options;
    const { writer } = log;
    writer.begin({ id: NO_TRANSACTION, position: history });
    writer.append(rewindChange(writer.defineTable(rewindTable(source.dialect.name)), notice));
    writer.commit({ committedAt, context: null });
  }

  async #refuseRewound(): Promise<Continuation> {
    const { source, log } = this.#options;
    const continuation = await this.#compare();
    const { rewound } = continuation;
    if (rewound !== null) throw await rewoundError(source.name, log, rewound);
    return continuation;
  }

  async #compare(): Promise<Continuation> {
    const { source, log, signal, confirmIdentity } = this.#options;
    await confirmIdentity(await source.identify(signal));
    return source.continuation(knownHistory(log), signal);
  }

  /** @param to the source's own position at which its stream begins again. */
  async #recordGap(to: string, reason: string): Promise<void> {
    const { log } = this.#options;
    const from = log.position;
    const end = historyOf(from) + to;
    log.writer.recordGap({ from, to: end, reason, at: Date.now() * 1000 });
    log.writer.reached(end);
    await log.writer.flush();
  }
}
