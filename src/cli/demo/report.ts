import type { DirectoryReport, HearingReport } from './comparison.ts';
import type { Told } from './told.ts';

/** Delays after commit, milliseconds; null when nothing was told. */
export interface Delays {
  readonly median: number | null;
  readonly max: number | null;
}

/** What the demo found in the end, per mail server. */
export interface ServerSummary extends HearingReport {
  /** Of the calls while the mail server ran, without those that it caught up on. */
  readonly live: Delays;
  readonly directories: DirectoryReport;
}

export interface DemoSummary {
  /** Row changes and transactions that the front end made. */
  readonly changes: number;
  readonly transactions: number;
  readonly servers: readonly ServerSummary[];
  readonly seconds: number;
  /** Nothing missed, unasked or out of order, and every directory as its row says. */
  readonly complete: boolean;
}

/** What a demo that stays up offers to play with. */
export interface DemoAddress {
  readonly url: string;
  readonly directory: string;
  readonly servers: readonly {
    readonly name: string;
    readonly pid: number | undefined;
    /** A configuration file, for `tidings status --config` and others. */
    readonly config: string;
    readonly mail: string;
  }[];
  /** The configuration file of the Tidings that posts to the customer database. */
  readonly webhookConfig: string;
}

/** How a demo tells what it does: lines for people, or NDJSON. */
export interface DemoReport {
  /** A stage begins: its number, how many there are, and what it does. */
  stage(number: number, of: number, title: string): void;
  /** Something worth knowing about the stage. */
  note(text: string): void;
  /** What is waited for takes longer than usual. */
  waiting(what: string, seconds: number): void;
  /** The front end is about to run these statements, as one transaction. */
  writes(statements: readonly string[]): void;
  told(call: Told): void;
  summary(summary: DemoSummary): void;
  staysUp(address: DemoAddress): void;
  /** A demo that stayed up has ended; its files are still there. */
  stopped(directory: string): void;
  /** The demo is over: what a person may try now. */
  next(): void;
}

/** The delays of some calls. */
export function delaysOf(calls: readonly Told[]): Delays {
  const sorted = calls.map((call) => call.afterCommitMs).sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return { median: null, max: null };
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return { median: (lower + upper) / 2, max: sorted.at(-1) ?? null };
}

/** Waits for something and reports every two seconds that it still does. */
export async function whileWaiting<Result>(
  report: DemoReport,
  what: string,
  result: Promise<Result>,
): Promise<Result> {
  const since = performance.now();
  const tell = (): void => report.waiting(what, Math.round((performance.now() - since) / 1000));
  const timer = setInterval(tell, 2_000);
  try {
    return await result;
  } finally {
    clearInterval(timer);
  }
}
