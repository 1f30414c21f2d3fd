import { PostgresSource } from '../../src/source/postgres/postgres-source.ts';
import type { Source } from '../../src/source/source.ts';

/** A source without an application around it, for tests of what it says by itself. */
export function openTestSource(options: {
  readonly name: string;
  readonly url: string;
  readonly tables: readonly string[];
}): Source {
  return new PostgresSource(options);
}
