/** One thing that `doctor` looked at. */
export interface CheckResult {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed';
  /** What was found, in one sentence. */
  readonly message: string;
  /** What to do: a command, ready to copy, or words. */
  readonly fix?: string;
  /** The SQL that mends it, whole; at times hundreds of lines. `doctor --sql` prints it. */
  readonly sql?: string;
}
