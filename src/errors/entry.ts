/** One kind of error: what happened and what to do, with `{placeholders}` for the particulars. */
export interface ErrorEntry {
  /** What happened. Never holds a secret. */
  readonly message: string;
  /** The command or statement that mends it. */
  readonly hint: string;
  /** True when trying the same again, later and unchanged, may succeed. */
  readonly retryable: boolean;
  /**
   * The exit code of a command that ends with it: 1 failed, 2 refused, 64 bad usage or
   * configuration.
   */
  readonly exit: 1 | 2 | 64;
}
