import assert from 'node:assert/strict';

/** For tests that could wait for ever when what they test is broken: they fail instead. Milliseconds. */
export const ENDS = { timeout: 60_000 };

/** Waits for a condition by asking again; fails when it does not come true in time (milliseconds). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  milliseconds = 20_000,
  what = 'the condition',
): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `${what} did not come true within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
