import { compileTablePatterns } from '../../change/table-pattern.ts';
import type { Source } from '../../source/source.ts';
import type { FilterDefinition } from '../../subscription/filter.ts';
import { unmetNames } from '../../subscription/unmet-names.ts';

/** What a subscription names of its source. */
export interface NamedFilter {
  readonly name: string;
  readonly filter: Pick<FilterDefinition, 'tables' | 'columns' | 'where'>;
}

/**
 * What these subscriptions name and the source does not have, in sentences, by subscription; asked of
 * the source in one query.
 */
export async function checkNames(
  source: Pick<Source, 'relations'>,
  subscriptions: readonly NamedFilter[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (subscriptions.length === 0) return new Map();
  // Excluded tables count too: which of several patterns excludes is of no interest here.
  const included = subscriptions
    .flatMap(({ filter }) => filter.tables)
    .filter((pattern) => !pattern.startsWith('!'));
  const relations = await source.relations(compileTablePatterns([...new Set(included)]), signal);
  return new Map(
    subscriptions.flatMap(({ name, filter }) => {
      const unmet = unmetNames(filter, relations);
      return unmet.length === 0 ? [] : [[name, unmet] as const];
    }),
  );
}
