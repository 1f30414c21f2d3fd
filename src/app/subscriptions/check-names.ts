import { compileTablePatterns } from '../../change/table-pattern.ts';
import type { NamedRelation } from '../../source/named-relation.ts';
import type { Source } from '../../source/source.ts';
import type { FilterDefinition } from '../../subscription/filter.ts';
import { asMeant, unmetNames, unmetTables } from '../../subscription/unmet-names.ts';

/** What a subscription names of its source. */
export interface NamedFilter {
  readonly name: string;
  readonly filter: Pick<FilterDefinition, 'tables' | 'columns' | 'where'>;
}

/** What is named and a source does not have, in sentences. */
export interface UnmetNames {
  /** By the patterns of the source itself. */
  readonly source: readonly string[];
  /** By subscriptions, by their names. */
  readonly subscriptions: ReadonlyMap<string, readonly string[]>;
}

/**
 * What a source's own patterns and these subscriptions name and the source does not have. A pattern
 * of the source that means nothing is told of there alone, and not again at each subscription that
 * asks for the table that it should have meant.
 * @param tables the source's patterns.
 */
export async function checkNames(
  source: Pick<Source, 'relations'>,
  {
    tables,
    subscriptions,
  }: { readonly tables: readonly string[]; readonly subscriptions: readonly NamedFilter[] },
  signal: AbortSignal,
): Promise<UnmetNames> {
  const relations = await namedRelations(source, subscriptions, signal);
  return {
    source: unmetTables(tables, relations),
    subscriptions: bySubscription(subscriptions, asMeant(tables, relations)),
  };
}

/** What one subscription names and its source does not have, whatever the reason, in sentences. */
export async function checkSubscription(
  source: Pick<Source, 'relations'>,
  subscription: NamedFilter,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const relations = await namedRelations(source, [subscription], signal);
  return unmetNames(subscription.filter, relations);
}

/** Asked of the source in one query. */
async function namedRelations(
  source: Pick<Source, 'relations'>,
  subscriptions: readonly NamedFilter[],
  signal: AbortSignal,
): Promise<readonly NamedRelation[]> {
  // Excluded tables count too: which of several patterns excludes is of no interest here.
  const included = subscriptions
    .flatMap(({ filter }) => filter.tables)
    .filter((pattern) => !pattern.startsWith('!'));
  const asked = included.length === 0 ? null : compileTablePatterns([...new Set(included)]);
  return await source.relations(asked, signal);
}

function bySubscription(
  subscriptions: readonly NamedFilter[],
  relations: readonly NamedRelation[],
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    subscriptions.flatMap(({ name, filter }) => {
      const unmet = unmetNames(filter, relations);
      return unmet.length === 0 ? [] : [[name, unmet] as const];
    }),
  );
}
