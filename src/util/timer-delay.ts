const LONGEST = 2 ** 31 - 1;

/**
 * A delay as `setTimeout` takes it, in whole milliseconds. One that is longer than a timer can be
 * becomes the longest: whoever waits so long has to look at the clock again.
 */
export function timerDelay(milliseconds: number): number {
  return Math.min(LONGEST, Math.max(1, Math.ceil(milliseconds)));
}
