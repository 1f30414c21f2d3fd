import {
  PostgresSource,
  type PostgresSourceOptions,
} from '../src/source/postgres/postgres-source.ts';

/** A source for tests that need no application around it. */
export function openTestSource(options: PostgresSourceOptions): Promise<PostgresSource> {
  return Promise.resolve(new PostgresSource(options));
}
