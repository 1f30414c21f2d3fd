import type { Change } from '../../change/change.ts';
import type { OnPassedOver } from '../../change/decode-listed.ts';
import type { StartAt } from '../../config/start-at.ts';
import type { TidingsError } from '../../errors/tidings-error.ts';
import type { LogFork, LogGap, LoggedMark } from '../../log/log.ts';
import type { CheckResult } from '../../source/source.ts';
import type { Status } from '../status/status.ts';
import type { DescribedTables } from './describe-tables.ts';
import type { TrimReport, TrimRequest } from '../trimming/trim-request.ts';

/** Which changes `changes` yields. */
export interface ChangeQuery {
  readonly source?: string;
  readonly from: StartAt;
  /** Exclusive. */
  readonly to?: number;
  /** Table patterns, as in subscriptions. */
  readonly tables?: readonly string[];
  readonly limit?: number;
  /** Waits for more at the head instead of ending there. */
  readonly follow: boolean;
  /**
   * Told of each named table that the log has no change of, by the error. Default: it ends the
   * reading, because who reads what there is has misspelt it.
   */
  readonly onNotLogged?: (error: TidingsError) => void;
  /** Told of each change that is too large and passed over. Default: it ends the reading. */
  readonly onPassedOver?: OnPassedOver;
}

/** One thing that `log verify` found. */
export interface VerifyFinding {
  readonly source: string;
  readonly segment: string;
  readonly offset: number | null;
  readonly message: string;
}

export interface VerifyProgress {
  readonly source: string;
  readonly records: number;
  readonly total: number;
}

export interface VerifyReport {
  readonly records: number;
  readonly segments: number;
  readonly gaps: readonly (LogGap & { readonly source: string })[];
  /** Where the history of a source went back: what the log has from before that does not exist there. */
  readonly forks: readonly (LogFork & { readonly source: string })[];
  /** Where rows of a table came or went without a change of theirs. */
  readonly marks: readonly (LoggedMark & { readonly source: string })[];
  readonly findings: readonly VerifyFinding[];
}

/** A look at a data directory and its databases from outside the service, running or not. */
export interface Inspection extends AsyncDisposable {
  status(signal: AbortSignal): Promise<Status>;
  /** Sources whose logs are in the data directory and that the configuration does not list. */
  unconfigured(): Promise<readonly string[]>;
  changes(query: ChangeQuery, signal: AbortSignal): AsyncIterable<Change>;
  /** Where rows of tables came or went with partitions, without a change of theirs. */
  marks(options: { readonly source?: string }): Promise<readonly LoggedMark[]>;
  verify(
    options: { readonly source?: string; readonly onProgress?: (progress: VerifyProgress) => void },
    signal: AbortSignal,
  ): Promise<VerifyReport>;
  /** Needs the data directory's lock: refused with DATA_LOCKED while the service runs. */
  trim(
    request: TrimRequest,
    options: { readonly source?: string; readonly force: boolean },
    signal: AbortSignal,
  ): Promise<readonly TrimReport[]>;
  /** Checks of the configuration, the data directory and each source, grouped by what was checked. */
  check(
    signal: AbortSignal,
  ): Promise<readonly { readonly subject: string; readonly checks: readonly CheckResult[] }[]>;
  /**
   * Tables of a source as they are in its database now.
   * @param options patterns of tables, as in subscriptions. Default: those that the subscriptions
   *   name; without subscriptions all that are captured.
   */
  describe(
    options: { readonly source?: string; readonly tables?: readonly string[] },
    signal: AbortSignal,
  ): Promise<DescribedTables>;
  /** Removes what Tidings made in the databases; each line says one thing that was removed. */
  uninstall(
    options: { readonly data: boolean },
    signal: AbortSignal,
  ): Promise<readonly { readonly source: string; readonly removed: readonly string[] }[]>;
  /** What `uninstall` would take from others, one sentence each, for the question before it. */
  uninstallCosts(signal: AbortSignal): Promise<readonly string[]>;
  /** What `uninstall` would remove, for the question before it. */
  uninstallPlan(): readonly string[];
}
