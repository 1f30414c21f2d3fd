import type { TablePattern } from '../change/table-pattern.ts';
import { suggest } from './suggest.ts';

/** A table's name in its database. */
interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** The plain name that a part of a pattern is; null when it has wildcards. */
export function plainName(part: TablePattern['schema']): string | null {
  const [only, ...others] = part;
  return others.length === 0 ? only : null;
}

/**
 * The table or pattern that was probably meant by one that means nothing: first a table of the same
 * schema with a similar name, then the same name in another schema, then both similar.
 * @returns as a pattern has it, in quotes where that is needed; null when nothing is near.
 */
export function suggestTable(
  { schema, table }: Pick<TablePattern, 'schema' | 'table'>,
  known: readonly TableName[],
): string | null {
  const inSchema = plainName(schema);
  const named = plainName(table);
  if (inSchema === null) return null;
  const schemas = new Set(known.map((each) => each.schema));
  if (named === null) {
    const near = schemas.has(inSchema) ? null : suggest(inSchema, schemas);
    return near === null ? null : `${patternName(near)}.${table.join('*')}`;
  }
  const namesIn = (name: string): string[] =>
    known.filter((each) => each.schema === name).map((each) => each.name);
  const here = suggest(named, namesIn(inSchema));
  if (here !== null) return `${patternName(inSchema)}.${patternName(here)}`;
  const elsewhere = known.filter(({ name }) => name === named).map((each) => each.schema);
  const [only, ...others] = elsewhere;
  const near = suggest(inSchema, elsewhere) ?? (others.length === 0 ? only : undefined);
  if (near !== undefined) return `${patternName(near)}.${patternName(named)}`;
  const similar = suggest(inSchema, schemas);
  const both = similar === null ? null : suggest(named, namesIn(similar));
  return similar === null || both === null ? null : `${patternName(similar)}.${patternName(both)}`;
}

/** A name as a pattern takes it literally: plain where it can be. */
export function patternName(name: string): string {
  return /^[^\s".*!]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** The question that goes with a suggestion, with a space in front; empty when there is none. */
export function didYouMean(meant: string | null): string {
  return meant === null ? '' : ` Did you mean ${meant}?`;
}
