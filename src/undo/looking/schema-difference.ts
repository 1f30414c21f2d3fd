import type { Column, TableDefinition } from '../../change/table.ts';
import { compareTypes } from './type-change.ts';

/** What makes one version of a table another one, by the names that columns have in the later one. */
export interface SchemaDifference {
  readonly added: readonly string[];
  /** Under their old names. */
  readonly dropped: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  /** `from` and `to` are the same where only what the type is made of has changed. */
  readonly retyped: readonly {
    readonly column: string;
    readonly from: string;
    readonly to: string;
  }[];
  /** The columns that identify a row, under their names then and later; null when they are the same. */
  readonly key: { readonly from: readonly string[]; readonly to: readonly string[] } | null;
  /** True when columns are known by their names alone: one that was renamed is dropped and added. */
  readonly byName: boolean;
}

/** What of a table version is compared. */
export interface ComparedTable extends Pick<
  TableDefinition,
  'columns' | 'key' | 'keyUnknown' | 'origin'
> {
  /** Of the table as it is: names of columns that the database computes, which the log need not have. */
  readonly computed?: readonly string[];
}

/**
 * Compares two versions of one table; null when it has the same columns of the same types, and the
 * same key, in both. What one of them does not know is no difference (invariant 14).
 */
export function schemaDifference(
  then: ComparedTable,
  later: ComparedTable,
): SchemaDifference | null {
  const byName = !areNumbered(then, later);
  const pairs = pairColumns(then, later, byName);
  const added = later.columns.filter(
    (column) => !pairs.some(([, to]) => to === column) && !mayBeUnreported(column, then, later),
  );
  const changed = pairs.filter(([from, to]) => to !== null && isRetyped(from, to));
  const lists = {
    added: added.map(({ name }) => name),
    dropped: pairs.flatMap(([{ name }, to]) => (to === null ? [name] : [])),
    renamed: pairs.flatMap(([from, to]) =>
      to === null || to.name === from.name ? [] : [{ from: from.name, to: to.name }],
    ),
    retyped: changed.map(([from, to]) => ({
      column: to?.name ?? from.name,
      from: from.type,
      to: to?.type ?? '',
    })),
  };
  const key = keyDifference(then, later, pairs);
  const isSame = key === null && Object.values(lists).every((list) => list.length === 0);
  return isSame ? null : { ...lists, key, byName };
}

/** `+ nickname, − name, mail → email, age: integer → bigint, key: id → tenant, id` */
export function differenceText({
  added,
  dropped,
  renamed,
  retyped,
  key,
  byName,
}: SchemaDifference): string {
  const perhaps = byName && added.length > 0 && dropped.length > 0 ? ' (or renamed)' : '';
  return [
    ...added.map((name) => `+ ${name}`),
    ...dropped.map((name) => `− ${name}${perhaps}`),
    ...renamed.map(({ from, to }) => `${from} → ${to}`),
    ...retyped.map(({ column, from, to }) =>
      from === to ? `${column}: ${to} made of other parts` : `${column}: ${from} → ${to}`,
    ),
    ...(key === null ? [] : [`key: ${keyText(key.from)} → ${keyText(key.to)}`]),
  ].join(', ');
}

/** The relation whose numbers a version's columns have: a partition counts its own. */
export function relationOf({ origin }: ComparedTable): string | undefined {
  return origin?.partition?.id ?? origin?.id;
}

type Pair = readonly [Column, Column | null];

/** Each column of a version with what it is in a later one; null where it is not there any more. */
function pairColumns(then: ComparedTable, later: ComparedTable, byName: boolean): readonly Pair[] {
  const named = new Map(later.columns.map((column) => [column.name, column]));
  const numbered = new Map(later.columns.map((column) => [column.number, column]));
  return then.columns.map((column) => [
    column,
    (byName ? named.get(column.name) : numbered.get(column.number)) ?? null,
  ]);
}

function areNumbered(then: ComparedTable, later: ComparedTable): boolean {
  const relation = relationOf(then);
  if (relation === undefined || relation !== relationOf(later)) return false;
  return [...then.columns, ...later.columns].every(({ number }) => number !== undefined);
}

/** Computed columns are reported or not: where changes came without it, it may have been there then. */
function mayBeUnreported({ name }: Column, then: ComparedTable, now: ComparedTable): boolean {
  const isComputed = now.computed?.includes(name) === true;
  return isComputed && !then.columns.some((column) => column.name === name);
}

function isRetyped(from: Column, to: Column): boolean {
  // What a type was made of may not be known of one of them: then its name is all there is.
  const isKnown = from.shape !== undefined && to.shape !== undefined;
  return isKnown ? 'problem' in compareTypes(from, to) : from.type !== to.type;
}

function keyDifference(
  then: ComparedTable,
  later: ComparedTable,
  pairs: readonly Pair[],
): SchemaDifference['key'] {
  if (then.keyUnknown === true || later.keyUnknown === true) return null;
  const namesOf = ({ key, columns }: ComparedTable): string[] =>
    key.map((index) => columns[index]?.name ?? '');
  const now = then.key.map((index) => pairs[index]?.[1]?.name ?? null);
  const to = namesOf(later);
  const isSame = now.length === to.length && now.every((name, place) => name === to[place]);
  return isSame ? null : { from: namesOf(then), to };
}

function keyText(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
