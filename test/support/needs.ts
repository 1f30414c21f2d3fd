import type { TestContext } from 'node:test';

/**
 * Whether a test has what it needs. When not, it is skipped, loudly and with the command that helps;
 * with CI=true it fails, because there nothing may be skipped.
 */
export function needs(
  context: TestContext,
  there: boolean,
  what: string,
  command: string,
): boolean {
  if (there) return true;
  const message = `needs ${what}: ${command}`;
  if (process.env['CI'] === 'true') throw new Error(message);
  process.stderr.write(`SKIPPED ${context.name}: ${message}\n`);
  context.skip(message);
  return false;
}
