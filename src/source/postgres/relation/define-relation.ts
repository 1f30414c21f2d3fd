import { isDeepStrictEqual } from 'node:util';
import type {
  Column,
  RowIdentity,
  TableDefinition,
  TableOrigin,
  TypeShape,
} from '../../../change/table.ts';
import { alignColumns, type CandidateColumn } from './align-columns.ts';
import type { Announcement } from './announcements.ts';
import type { RelationColumn, RelationMessage } from './decode-relation.ts';
import { POSTGRES_DIALECT } from '../values/dialect.ts';
import type { RelationDescription, Touched } from './relation-description.ts';
import { toDescription } from './relation-types.ts';
import { toShapes } from '../values/type-shapes.ts';
import { builtinType, type TypeDescription } from '../values/types.ts';

/** The catalogue as one look at it found it, after the transaction at hand had become visible. */
export interface CatalogLook {
  /** Ids from here on had not begun, 32 bits. */
  readonly next: number;
  /** What kind of relation has the oid; null when none has it any more. */
  readonly kind: string | null;
  /** Null when the relation is not there, or is not captured. */
  readonly description: RelationDescription | null;
  readonly touched: Touched | null;
  readonly announcements: readonly Announcement[];
  /** The transaction that last changed the publication's settings; null when there is none. */
  readonly published: number | null;
}

/** The change that a relation has to be described for. */
export interface RelationUse {
  readonly message: RelationMessage;
  /** The transaction's id, and the position of its commit. */
  readonly transaction: number;
  readonly position: string;
  /** The last announcement of the relation that came in the transaction itself; null for none. */
  readonly announced: string | null;
  /** What Type messages said, by type oid. */
  readonly typeNames: ReadonlyMap<number, string>;
}

/** What was known of the relation before. */
export interface RelationMemory {
  /** The description at an earlier look, and the first id that had not begun then. */
  readonly look: { readonly description: RelationDescription; readonly next: number } | null;
  /** The last version that the log has of it. */
  readonly version: TableDefinition | null;
}

/** What a Relation message means. */
export interface DefinedRelation {
  readonly definition: TableDefinition;
  /** False when an old row that the server calls whole may be only a key. */
  readonly wholeOldRows: boolean;
  /**
   * Null when all is known; else the id of the first transaction for which another look may tell more,
   * because it began after this one: what is the same before and after it was so during it.
   */
  readonly again: number | null;
}

/**
 * Completes a Relation message (invariant 14). The stream tells of the past; the catalogue, asked
 * later, of the present. So what the stream says decides; an announcement that held when the
 * transaction committed is as good; the present catalogue counts where nobody has touched it since, or
 * where it was the same before and after; and what none of them tells is not known.
 * @param look null when the transaction does not become visible, so that the catalogue cannot tell.
 */
export function defineRelation(
  use: RelationUse,
  look: CatalogLook | null,
  memory: RelationMemory,
): DefinedRelation {
  const { message } = use;
  const wholeOldRows = message.identity === 'f' && !mayStandForPartitions(use, look);
  const chosen = look === null ? null : choose(use, look, memory);
  const found = chosen === null ? recall(message, memory.version) : describe(use, chosen);
  return {
    wholeOldRows,
    again: chosen?.certain === true ? null : (look?.next ?? (use.transaction + 1) % 2 ** 32),
    definition: {
      ...found.table,
      columns: found.columns.map((column, index) => ({
        ...typeOf(message.columns[index], column, use.typeNames),
        ...column,
      })),
      ...findKey(message, found.columns, found.key),
      identity: identityOf(message, wholeOldRows),
      dialect: POSTGRES_DIALECT.name,
    },
  };
}

/** A description, and what of it may be younger than the change. */
interface Chosen {
  readonly description: RelationDescription;
  /** Numbers of the columns of its key; empty for none, null when it is not known. */
  readonly key: readonly number[] | null;
  readonly touched: TouchedSince;
  /** True when it is what the relation was when the transaction committed. */
  readonly certain: boolean;
}

/** What was written in the catalogue after the change; by numbers of columns, and oids of types. */
interface TouchedSince {
  /** Columns that are not among them were not written since. */
  readonly columns: ReadonlyMap<number, 'within' | 'since'>;
  readonly types: ReadonlySet<string>;
}

const NOTHING: TouchedSince = { columns: new Map(), types: new Set() };

function choose(
  use: RelationUse,
  look: CatalogLook,
  { look: before, version }: RelationMemory,
): Chosen | null {
  const exactly = (description: RelationDescription): Chosen => ({
    description,
    key: description.key ?? [],
    touched: NOTHING,
    certain: true,
  });
  const announced = findAnnounced(use, look);
  if (announced !== null) return exactly(announced);
  const { description, touched, next } = look;
  if (description === null || touched === null) {
    // It was dropped since, or is not captured any more.
    if (before === null) return null;
    const changed = fits(use.message, before.description) ? [] : before.description.columns;
    const columns = new Map(changed.map(({ number }) => [number, 'since'] as const));
    return { ...exactly(before.description), touched: { ...NOTHING, columns }, certain: false };
  }
  const began = use.transaction;
  if (before !== null && !isBefore(began, before.next) && isSame(before.description, description)) {
    return exactly(description);
  }
  const since = (ids: readonly string[]): boolean =>
    ids.some((id) => isWithin(Number(id), began, next));
  const columns = new Map<number, 'within' | 'since'>();
  for (const [index, { number }] of description.columns.entries()) {
    const id = touched.columns[index] ?? '';
    if (Number(id) === began) columns.set(number, 'within');
    else if (since([id])) columns.set(number, 'since');
  }
  const types = Object.entries(touched.types ?? {}).flatMap(([oid, ids]) =>
    since(ids) ? [oid] : [],
  );
  const known = before?.description.key ?? keyNumbers(version);
  const key =
    since(touched.key ?? []) || (description.key === null && known.length > 0)
      ? oneKey(known, description.key)
      : (description.key ?? []);
  return {
    description: since(touched.place)
      ? withPlace(description, before?.description ?? null)
      : description,
    key,
    touched: { columns, types: new Set(types) },
    certain: false,
  };
}

/** The key before and the key now, when they are the same; else it is not known which it was. */
function oneKey(
  before: readonly number[],
  now: readonly number[] | null,
): readonly number[] | null {
  return now !== null && isSame(before, now) ? now : null;
}

/** What a relation was called, and was a part of, before its place in the catalogue was changed. */
function withPlace(
  description: RelationDescription,
  before: RelationDescription | null,
): RelationDescription {
  if (before === null) return description;
  const { root, schema, name } = before;
  return { ...description, root, schema, name };
}

/**
 * The description that held when the transaction committed. What comes next has to have been announced
 * when it happened, or to be what the catalogue says now: else something was not announced.
 */
export function findAnnounced(
  { message, transaction, position, announced }: RelationUse,
  { announcements, description }: CatalogLook,
): RelationDescription | null {
  const held = announcements.filter((each) =>
    Number(each.transaction) === transaction
      ? announced !== null && each.position <= announced
      : each.position < position,
  );
  const last = held.at(-1)?.description ?? null;
  if (last === null || !fits(message, last)) return null;
  const next = announcements[held.length];
  if (next !== undefined) return next.exact ? last : null;
  return description === null || isSame(description, last) ? last : null;
}

/** True when the message has the columns that the description has, which need not be computed ones. */
function fits(message: RelationMessage, { columns }: RelationDescription): boolean {
  let at = 0;
  for (const { name, type } of message.columns) {
    while (
      columns[at]?.dropped === true ||
      (columns[at]?.generated === true && columns[at]?.name !== name)
    )
      at++;
    if (columns[at]?.name !== name || columns[at]?.type !== type) return false;
    at++;
  }
  return columns.slice(at).every(({ dropped, generated }) => dropped || generated);
}

/** What is known of the columns and the table, before their types and the key are worked out. */
interface Found {
  readonly table: Pick<TableDefinition, 'schema' | 'name'> & { readonly origin: TableOrigin };
  readonly columns: readonly FoundColumn[];
  /** Numbers of the columns of the key; null when it is not known. */
  readonly key: readonly number[] | null;
}

type FoundColumn = { readonly name: string; readonly number?: number } & Partial<TypeDescription>;

function describe({ message }: RelationUse, { description, key, touched }: Chosen): Found {
  const candidates = description.columns.map((column): CandidateColumn => ({
    ...column,
    touched: touched.columns.get(column.number) ?? 'before',
  }));
  const numbers = alignColumns(message.columns, candidates);
  const types = new Map(description.types.map((type) => [type.place, type]));
  const shapes = toShapes(
    description.shapes,
    message.columns.map(({ type }) => type),
  );
  const columns = message.columns.map((column, index): FoundColumn => {
    const number = numbers[index];
    const candidate = candidates.find((each) => each.number === number);
    const type = candidate?.type === column.type ? types.get(candidate.number) : undefined;
    const shape = shapes.get(column.type);
    const known = shape !== undefined && !partsOf(shape).some((id) => touched.types.has(id));
    return {
      name: column.name,
      ...(number === undefined ? {} : { number }),
      ...(type === undefined ? {} : toDescription(type)),
      ...(known ? { shape } : {}),
    };
  });
  // What it was called itself, the message says.
  const { oid, schema, name } = message;
  const { root } = description;
  const table =
    root.oid === oid
      ? { schema, name, origin: { id: String(oid) } }
      : {
          schema: root.schema,
          name: root.name,
          origin: { id: String(root.oid), partition: { id: String(oid), schema, name } },
        };
  return { table, columns, key };
}

/** A type and all that it is made of, by their oids. */
function partsOf({ id, of, attributes = [] }: TypeShape): readonly string[] {
  return [
    id,
    ...(of === undefined ? [] : partsOf(of)),
    ...attributes.flatMap(({ type }) => partsOf(type)),
  ];
}

/** Of a relation that the catalogue has no word of: what the log last had of it. */
function recall(message: RelationMessage, version: TableDefinition | null): Found {
  const { schema, name } = version ?? message;
  const columns = message.columns.map((column): FoundColumn => {
    const same = version?.columns.find(
      (each) => each.name === column.name && each.shape?.id === String(column.type),
    );
    return same ?? { name: column.name };
  });
  const key = version === null || version.keyUnknown === true ? null : keyNumbers(version);
  return {
    table: { schema, name, origin: version?.origin ?? { id: String(message.oid) } },
    columns,
    key: key !== null && key.length < (version?.key.length ?? 0) ? null : key,
  };
}

function keyNumbers(version: TableDefinition | null): readonly number[] {
  return (version?.key ?? []).flatMap((index) => version?.columns[index]?.number ?? []);
}

/**
 * Which columns identify a row. With a key identity it must be those that the server flagged, because
 * the old row of a delete has no others; what is known of the key then only gives their order.
 */
function findKey(
  { identity, columns }: RelationMessage,
  found: readonly FoundColumn[],
  numbers: readonly number[] | null,
): Pick<TableDefinition, 'key' | 'keyUnknown'> {
  const flagged = [...columns.keys()].filter((index) => columns[index]?.flagged === true);
  const key =
    numbers?.map((number) => found.findIndex((column) => column.number === number)) ?? null;
  const whole = key !== null && !key.includes(-1);
  if (identity !== 'f' && flagged.length > 0) {
    return { key: whole && isSame(key.toSorted(byNumber), flagged) ? key : flagged };
  }
  return whole ? { key } : { key: [], keyUnknown: true };
}

const byNumber = (one: number, other: number): number => one - other;

function identityOf({ columns }: RelationMessage, wholeOldRows: boolean): RowIdentity {
  if (wholeOldRows) return 'full';
  return columns.some((column) => column.flagged) ? 'key' : 'nothing';
}

/**
 * Published as their root, as an earlier version did, a partition's rows come under the root's
 * identity, whatever the partition's own is. What was written then may still be sent.
 */
function mayStandForPartitions({ transaction }: RelationUse, look: CatalogLook | null): boolean {
  if (look === null) return false;
  if (look.kind === PARTITIONED) return true;
  return look.kind === null && look.published !== null && isBefore(transaction, look.published);
}

const PARTITIONED = 'p';

/** The column's type as far as the stream itself tells. */
function typeOf(
  column: RelationColumn | undefined,
  found: FoundColumn,
  typeNames: ReadonlyMap<number, string>,
): Omit<Column, 'name'> {
  const { type = 0, modifier = -1 } = column ?? {};
  const other = typeNames.get(type) ?? `type ${type}`;
  return builtinType(type, modifier) ?? { type: found.type ?? other, kind: 'other', array: false };
}

/** Ids have 32 bits and begin anew: the earlier of two is less than half of that behind. */
export function isBefore(id: number, other: number): boolean {
  const distance = (other - id) >>> 0;
  return distance > 0 && distance < 2 ** 31;
}

/** True for the id of a transaction that began after the change's, up to the look. */
function isWithin(id: number, began: number, next: number): boolean {
  return isBefore(began, id) && isBefore(id, next);
}

function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other);
}
