import { qualifiedName, type TableDefinition } from '../../change/table.ts';
import { formatMicros } from '../../change/time.ts';
import type { LoggedTable, LogRecord, TableId } from '../../log/log.ts';
import { idsOf, versionsBeside } from './known-tables.ts';
import { type NotedMigration, notedMigrations } from './noted-migrations.ts';
import {
  type ComparedTable,
  relationOf,
  schemaDifference,
  type SchemaDifference,
} from './schema-difference.ts';
import { firstRecordLeft, lastRecordBefore, type SearchableLog } from './searchable-log.ts';

/** A change of a table's columns or key, as the log saw it: DDL itself is not in it. */
export interface SchemaChange extends SchemaDifference {
  /** `schema.name`, as it was called by then. */
  readonly table: string;
  /** The first change that came with other columns; null when the log has no change of it since. */
  readonly offset: number | null;
  /** When that was committed, ISO 8601; null as `offset`. */
  readonly at: string | null;
  /** What migration tools noted in their bookkeeping meanwhile, oldest first. */
  readonly migrations: readonly NotedMigration[];
}

/** A change of a table, by its place and the version it came with. */
export interface VersionAt {
  readonly version: LoggedTable;
  readonly offset: number;
}

/** The table as it is now, where that is known. */
export type PresentSchema = ComparedTable & Pick<TableDefinition, 'schema' | 'name'>;

/** From here on nobody reads them one by one: the last version is looked up. */
const MOST = 100;

/** The first change that came with other columns than the ones before it. */
interface Step {
  readonly from: LoggedTable;
  /** Where the last change with those is at the earliest. */
  readonly since: number;
  readonly record: LogRecord;
}

/**
 * Each place from a change on, and before `to`, where the table's changes come with other columns. A
 * version that comes again after another one is another place: tables do go back.
 */
export async function* schemaChangesSince(
  log: SearchableLog,
  start: VersionAt,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<SchemaChange> {
  const versions = versionsBeside(log, start.version) ?? [];
  for await (const step of steps(log, { start, versions, to }, signal)) {
    const difference = differenceWithin(versions, step.from, step.record.table);
    if (difference === null) continue;
    const migrations = await migrationsOf(log, { ...step, versions }, signal);
    yield { ...placeOf(step.record), ...difference, migrations };
  }
}

/** Those of one table, from its first change on. */
export async function allSchemaChanges(
  log: SearchableLog,
  versions: readonly LoggedTable[],
  signal: AbortSignal,
): Promise<readonly SchemaChange[]> {
  if (versions.length < 2) return [];
  const range = { from: log.floor, to: log.head, tables: idsOf(versions) };
  const first = await firstRecordLeft(log, range, signal);
  if (first === null) return [];
  const start = { version: first.table, offset: first.offset };
  const changes: SchemaChange[] = [];
  for await (const each of schemaChangesSince(log, start, log.head, signal)) changes.push(each);
  return changes;
}

/**
 * What has become of a table's columns and key since a change, all in all; null for nothing.
 * @param now the table as it is, if that is known; else its last change counts.
 */
export async function schemaChangeSince(
  log: SearchableLog,
  start: VersionAt,
  now: PresentSchema | null,
  signal: AbortSignal,
): Promise<SchemaChange | null> {
  const versions = versionsBeside(log, start.version) ?? [];
  const migrations: NotedMigration[] = [];
  let first: LogRecord | null = null;
  let last = start;
  let count = 0;
  for await (const step of steps(log, { start, versions, to: log.head }, signal)) {
    first ??= step.record;
    last = { version: step.record.table, offset: step.record.offset };
    migrations.push(...(await migrationsOf(log, { ...step, versions }, signal)));
    count += 1;
    if (count < MOST) continue;
    const record = await lastRecordBefore(log, { to: log.head, tables: idsOf(versions) }, signal);
    if (record !== null) last = { version: record.table, offset: record.offset };
    break;
  }
  // Of its key the log may know more.
  const isLast = now === null || differenceWithin(versions, last.version, now) === null;
  if (!isLast) {
    const place = { from: last.offset, to: log.head, before: alike(versions, last.version) };
    migrations.push(...(await notedMigrations(log, place, signal)));
  }
  const difference = differenceWithin(versions, start.version, isLast ? last.version : now);
  if (difference === null) return null;
  const place = first === null ? { offset: null, at: null } : placeOf(first);
  return { ...place, table: qualifiedName(now ?? last.version), ...difference, migrations };
}

/** Of transactions that are listed newest first: what lies after each and was not told before it. */
export class ListedSchemaChanges {
  readonly #log: SearchableLog;
  /** By a table's first version: where what was told begins. */
  readonly #told = new Map<TableId, number>();

  constructor(log: SearchableLog) {
    this.#log = log;
  }

  /** @param changes the first changes of each version in the next transaction. @returns newest first. */
  async next(changes: readonly VersionAt[], signal: AbortSignal): Promise<readonly SchemaChange[]> {
    const found: SchemaChange[] = [];
    for (const [start] of byTable(this.#log, changes)) {
      if (start === undefined) continue;
      const table = versionsBeside(this.#log, start.version)?.[0].id ?? start.version.id;
      const to = this.#told.get(table) ?? this.#log.head;
      for await (const each of schemaChangesSince(this.#log, start, to, signal)) found.push(each);
      // The change at this offset came with the version from which the next one begins.
      this.#told.set(table, start.offset + 1);
    }
    return found.sort((one, other) => (other.offset ?? 0) - (one.offset ?? 0));
  }
}

/** Changes by table, each table's in log order. */
export function byTable(
  log: SearchableLog,
  changes: readonly VersionAt[],
): readonly (readonly VersionAt[])[] {
  const tables = Map.groupBy(changes, ({ version }) => versionsBeside(log, version)?.[0].id);
  return [...tables.values()].map((all) => all.toSorted((one, other) => one.offset - other.offset));
}

/**
 * The same as {@link schemaChangeSince} of several changes of one table: of the first after which
 * anything is another now.
 */
export async function schemaChangeSinceAny(
  log: SearchableLog,
  changes: readonly VersionAt[],
  now: PresentSchema | null,
  signal: AbortSignal,
): Promise<SchemaChange | null> {
  for (const start of changes) {
    const change = await schemaChangeSince(log, start, now, signal);
    if (change !== null) return change;
  }
  return null;
}

async function* steps(
  log: SearchableLog,
  {
    start,
    versions,
    to,
  }: {
    readonly start: VersionAt;
    readonly versions: readonly LoggedTable[];
    readonly to: number;
  },
  signal: AbortSignal,
): AsyncGenerator<Step> {
  let { version: from, offset: since } = start;
  for (;;) {
    const others = versions.filter((each) => schemaDifference(from, each) !== null);
    // A change may be kept aside from a part of the log that is gone.
    const range = { from: since + 1, to, tables: idsOf(others) };
    const record = await firstRecordLeft(log, range, signal);
    if (record === null) return;
    yield { from, since, record };
    from = record.table;
    since = record.offset;
  }
}

/**
 * Partitions number their columns each for themselves, so a rename shows only between versions of one
 * of them; the version that stands for the other side is one that has the same columns by name.
 */
function differenceWithin(
  versions: readonly LoggedTable[],
  then: ComparedTable,
  later: ComparedTable,
): SchemaDifference | null {
  const relation = relationOf(then);
  const own = (one: ComparedTable, like: ComparedTable): ComparedTable | undefined =>
    alike(versions, like).find((each) => relationOf(each) === relationOf(one));
  if (relation === relationOf(later)) return schemaDifference(then, later);
  const [from, to] = [own(later, then), own(then, later)];
  if (from !== undefined) return schemaDifference(from, later);
  return schemaDifference(then, to ?? later);
}

function alike(versions: readonly LoggedTable[], like: ComparedTable): readonly LoggedTable[] {
  return versions.filter((each) => schemaDifference(each, like) === null);
}

async function migrationsOf(
  log: SearchableLog,
  { from, since, record, versions }: Step & { readonly versions: readonly LoggedTable[] },
  signal: AbortSignal,
): Promise<readonly NotedMigration[]> {
  const place = { from: since, to: record.transaction.last + 1, before: alike(versions, from) };
  return await notedMigrations(log, place, signal);
}

function placeOf({ table, offset, transaction }: LogRecord): {
  readonly table: string;
  readonly offset: number;
  readonly at: string;
} {
  return { table: qualifiedName(table), offset, at: formatMicros(transaction.committedAt) };
}
