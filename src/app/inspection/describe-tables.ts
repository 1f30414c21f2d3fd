import { compileTablePatterns } from '../../change/table-pattern.ts';
import type { Config } from '../../config/define-config.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { NamedRelation } from '../../source/named-relation.ts';
import type { TypedTable } from '../../source/typed-table.ts';
import { compileFilter } from '../../subscription/filter.ts';
import { unmetNames, unmetTables } from '../../subscription/unmet-names.ts';
import { openSource } from '../adapters.ts';

/** Tables of a source as they are now. */
export interface DescribedTables {
  readonly source: string;
  readonly tables: readonly TypedTable[];
  /** What the subscriptions name and the source does not have, in sentences. */
  readonly unmet: readonly string[];
}

/** Which tables are described, and what of the question nothing answers. */
interface Chosen {
  readonly tables: readonly NamedRelation[];
  readonly unmet: readonly string[];
}

/**
 * Describes tables of a source.
 * @param asked patterns of them. Default: what the configuration's subscriptions name; all that are
 *   captured where none does.
 * @throws TidingsError `TYPES_NO_TABLE` when there are none, and for a name that nothing has;
 *   `TABLE_PATTERN_INVALID`.
 */
export async function describeTables(
  config: Config,
  { source: name, asked }: { readonly source: string; readonly asked?: readonly string[] },
  signal: AbortSignal,
): Promise<DescribedTables> {
  // Before anything connects.
  if (asked !== undefined) compileFilter({ tables: asked });
  await using source = openSource(config, name);
  const relations = await source.relations(null, signal);
  const { tables, unmet } =
    asked === undefined ? configured(config, name, relations) : named(name, asked, relations);
  if (tables.length === 0) {
    const patterns = config.sources[name]?.tables ?? [];
    const nothing = `it captures no table now (${patterns.join(', ')}).`;
    const misspelt = [...unmet, ...unmetTables(patterns, relations)];
    throw noTable(name, misspelt.length > 0 ? misspelt : [nothing]);
  }
  return { source: name, tables: await source.describe(tables, signal), unmet };
}

function named(
  source: string,
  asked: readonly string[],
  relations: readonly NamedRelation[],
): Chosen {
  const unmet = unmetNames({ tables: asked }, relations);
  // Who names tables wants them all.
  if (unmet.length > 0) throw noTable(source, unmet);
  return { tables: meant(asked, relations), unmet };
}

function configured(
  { subscriptions }: Config,
  source: string,
  relations: readonly NamedRelation[],
): Chosen {
  const lists = Object.values(subscriptions)
    .filter((subscription) => subscription.source === source)
    .map(({ tables }) => tables);
  if (lists.length === 0) return { tables: relations.filter(isCaptured), unmet: [] };
  const tables = new Set(lists.flatMap((list) => meant(list, relations)));
  return {
    tables: [...tables],
    unmet: [...new Set(lists.flatMap((list) => unmetNames({ tables: list }, relations)))],
  };
}

function meant(
  texts: readonly string[],
  relations: readonly NamedRelation[],
): readonly NamedRelation[] {
  const patterns = compileTablePatterns(texts);
  return relations.filter(
    (relation) => isCaptured(relation) && patterns.matches(relation.schema, relation.name),
  );
}

function isCaptured({ without }: NamedRelation): boolean {
  return without === null;
}

function noTable(source: string, sentences: readonly string[]): TidingsError {
  return new TidingsError('TYPES_NO_TABLE', { source, problem: sentences.join(' ') });
}
