import type { KeptSize } from '../../state/kept-record.ts';
import type { LogHold } from './log-hold.ts';
import type { TrimLimits, TrimPlan } from './plan-trim.ts';
import { type Trimmed, trimLog, type TrimOptions } from './trim-log.ts';

/** Trims one log of a running service, for retention and for operators: one at a time. */
export class LogTrimmer {
  readonly #options: TrimOptions;
  #last: Promise<unknown> = Promise.resolve();
  #hold: LogHold | null = null;
  #kept: KeptSize = { records: 0, bytes: 0 };

  constructor(options: TrimOptions) {
    this.#options = options;
  }

  get floor(): number {
    return this.#options.log.floor;
  }

  /** Who kept the log beyond the configured limits when they were last applied. */
  get hold(): LogHold | null {
    return this.#hold;
  }

  /** What was kept aside then. */
  get kept(): KeptSize {
    return this.#kept;
  }

  /** Applies the configured limits. See {@link trimLog}. */
  async trim(limits: TrimLimits): Promise<Trimmed> {
    const trimmed = await this.trimOnce(limits);
    this.#hold = trimmed.hold;
    return trimmed;
  }

  /** Applies what somebody has asked for. See {@link trimLog}. */
  trimOnce(limits: TrimLimits, check?: (plan: TrimPlan) => Promise<void>): Promise<Trimmed> {
    const turn = this.#last.then(() => trimLog(this.#options, limits, check));
    // Its own caller hears of a failure; the next in turn does not care.
    this.#last = turn.then(
      ({ kept }) => (this.#kept = kept),
      () => undefined,
    );
    return turn;
  }
}
