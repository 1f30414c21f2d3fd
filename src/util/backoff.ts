/** How delays between attempts grow. Times in milliseconds. */
export interface BackoffOptions {
  readonly first: number;
  readonly factor: number;
  readonly max: number;
  /** Share of each delay that is random, 0 to 1, so that many waiters do not return together. */
  readonly jitter: number;
}

/** The delay before attempt `failures + 1`. `random` is in [0, 1); a parameter so tests can fix it. */
export function backoff(
  options: BackoffOptions,
  failures: number,
  random: number = Math.random(),
): number {
  const full = Math.min(
    options.max,
    options.first * options.factor ** Math.max(0, Math.min(failures, 64) - 1),
  );
  return full * (1 - options.jitter * random);
}
