import type { Environment } from '@marcbachmann/cel-js';
import { matchesLike } from './like.ts';
import { plain } from './plain.ts';

/** `text.like("%@example.com")`, and `ilike`, which takes upper for lower case. */
export function addText(environment: Environment): void {
  environment.registerFunction('string.like(string): bool', plain(matchesLike)).registerFunction(
    'string.ilike(string): bool',
    plain((text: string, pattern: string) =>
      matchesLike(text.toLowerCase(), pattern.toLowerCase()),
    ),
  );
}
