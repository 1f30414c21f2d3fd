import { qualifiedName } from '../change/table.ts';
import {
  compileTablePatterns,
  type TablePattern,
  type TablePatterns,
} from '../change/table-pattern.ts';
import { suggest } from '../config/suggest.ts';
import { didYouMean, plainName, suggestTable } from '../config/suggest-table.ts';
import type { NamedRelation } from '../source/named-relation.ts';
import type { FilterDefinition } from './filter.ts';
import { conditionColumns } from './where.ts';

const WITHOUT: Readonly<Record<NonNullable<NamedRelation['without']>, string>> = {
  'not meant': "is not captured: the source's tables leave it out",
  view: 'is a view: only tables have changes',
  foreign: 'is a foreign table: its changes are made elsewhere',
  unlogged: 'is unlogged: the WAL has no changes of it',
  partition: 'is a partition: its changes come under the name of the table that it belongs to',
  extension: 'belongs to an extension, and is not captured',
};

/** How many tables a sentence names. */
const NAMED = 3;

/**
 * What a filter names and the database does not have, in sentences: tables, patterns that mean
 * nothing, columns. Pure. None of it is an error, because tables may be made later.
 * @param relations all of the source, with the columns of those that the filter means.
 */
export function unmetNames(
  filter: Pick<FilterDefinition, 'tables' | 'columns' | 'where'>,
  relations: readonly NamedRelation[],
): readonly string[] {
  const patterns = compileTablePatterns(filter.tables);
  const unmet = patterns.patterns.flatMap((pattern) => unmetPattern(pattern, relations) ?? []);
  const meant = relations.filter(
    ({ schema, name, without }) => without === null && patterns.matches(schema, name),
  );
  if (meant.length === 0) {
    return unmet.length > 0 ? unmet : leftOut(patterns, relations);
  }
  return [...unmet, ...unmetColumns(filter, meant)];
}

/** What a source's own patterns name and nobody has; that `*` means nothing yet is not worth a word. */
export function unmetTables(
  tables: readonly string[],
  relations: readonly NamedRelation[],
): readonly string[] {
  return expectedOf(tables).flatMap((pattern) => unmetPattern(pattern, relations) ?? []);
}

/**
 * The relations as they will be once a source's own patterns mean what they probably should: what
 * such a slip leaves out is told of at the source alone.
 */
export function asMeant(
  tables: readonly string[],
  relations: readonly NamedRelation[],
): readonly NamedRelation[] {
  const meant = expectedOf(tables)
    .filter((pattern) => !pattern.exclude && unmetPattern(pattern, relations) !== null)
    .flatMap((pattern) => suggestTable(pattern, relations) ?? []);
  if (meant.length === 0) return relations;
  const excluded = tables.filter((pattern) => pattern.startsWith('!'));
  const patterns = compileTablePatterns([...meant, ...excluded]);
  return relations.map((relation) =>
    relation.without === 'not meant' && patterns.matches(relation.schema, relation.name)
      ? { ...relation, without: null }
      : relation,
  );
}

/** Patterns of a source of which it is expected that they mean something. */
function expectedOf(tables: readonly string[]): readonly TablePattern[] {
  return compileTablePatterns(tables)
    .patterns.filter((pattern) => plainName(pattern.schema) !== null)
    .filter((pattern) => pattern.exclude || plainName(pattern.table) !== null);
}

/** Null when the pattern means something that has changes, or leaves out something that is there. */
function unmetPattern(pattern: TablePattern, relations: readonly NamedRelation[]): string | null {
  const { text, exclude } = pattern;
  const found = matching(pattern, relations);
  if (exclude && found.length > 0) return null;
  if (found.some(({ without }) => without === null)) return null;
  const single = plainName(pattern.schema) !== null && plainName(pattern.table) !== null;
  const without = found[0]?.without ?? null;
  if (single && without !== null) return `${text} ${WITHOUT[without]}.`;
  const question = didYouMean(suggestTable(pattern, relations));
  const bare = exclude ? text.slice(1) : text;
  const none = single ? `there is no table ${bare} now` : `no table is like that now`;
  if (exclude) return `${text} leaves out nothing: ${none}.${question}`;
  return single
    ? `There is no table ${bare} now.${question}`
    : `${bare} means no table now.${question}`;
}

function matching(
  { text, exclude }: TablePattern,
  relations: readonly NamedRelation[],
): readonly NamedRelation[] {
  const alone = compileTablePatterns([exclude ? text.slice(1) : text]);
  return relations.filter(({ schema, name }) => alone.matches(schema, name));
}

function leftOut(patterns: TablePatterns, relations: readonly NamedRelation[]): readonly string[] {
  if (relations.length === 0) return [];
  const excluding = patterns.patterns.filter(({ exclude }) => exclude).map(({ text }) => text);
  return [
    `No table is left to tell of: ${excluding.join(', ')} leaves out all that the others mean.`,
  ];
}

function unmetColumns(
  { columns = [], where }: Pick<FilterDefinition, 'columns' | 'where'>,
  meant: readonly NamedRelation[],
): readonly string[] {
  const all = new Set(meant.flatMap((relation) => relation.columns ?? []));
  const listed = columns
    .filter((column) => !all.has(column))
    .map((column) => `No table of it has a column ${column}.${didYouMean(suggest(column, all))}`);
  const asked = where === undefined ? [] : conditionColumns(where);
  const compared = asked.flatMap((column) => {
    const lacking = meant.filter((relation) => relation.columns?.includes(column) === false);
    if (lacking.length === 0) return [];
    const names = lacking.slice(0, NAMED).map(qualifiedName).join(', ');
    const more = lacking.length > NAMED ? ` and ${lacking.length - NAMED} more` : '';
    const question = didYouMean(all.has(column) ? null : suggest(column, all));
    return [
      `\`where\` asks for a column ${column} that ${names}${more} ${lacking.length === 1 ? 'does' : 'do'} not have.${question}`,
    ];
  });
  return [...listed, ...compared];
}
