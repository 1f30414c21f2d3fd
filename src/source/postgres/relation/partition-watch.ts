import {
  isPart,
  type MarkFound,
  type PartitionLink,
  type TableMark,
} from '../../../change/mark.ts';
import type { TablePatterns } from '../../../change/table-pattern.ts';
import { type AnnouncedLink, toLink } from './announcements.ts';
import { wantedSql } from '../setup/captured-tables.ts';
import { toldNameSql } from '../connection/convertible-name.ts';
import { linksSql } from './partition-links.ts';
import { treeSql } from './partition-tree.ts';
import { lsnToPosition } from '../wire/position.ts';
import type { SqlSession } from '../connection/sql-session.ts';

type Partition = NonNullable<TableMark['partition']>;

/** A partition of a captured table as the catalogue has it. */
interface ListedPartition {
  readonly root: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly partition: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly links: readonly AnnouncedLink[] | null;
  /** True when it was made for its table, and so brought no rows along. */
  readonly made: boolean;
}

/** All partitions at a moment. */
export interface PartitionList {
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly at: number;
  readonly partitions: readonly ListedPartition[];
  /** Of which it was asked whether they are still there; all oids. */
  readonly asked: ReadonlySet<string>;
  /** Those of them that are still tables, with what each is a partition of: all oids. */
  readonly existing: ReadonlyMap<string, readonly string[]>;
}

/** A mark that was found, ready for the receiver. */
export interface FoundMark {
  readonly mark: TableMark;
  readonly found: MarkFound;
}

/**
 * Notices partitions that came or went. Where an event trigger says so in the stream, this only
 * listens; everything else it finds by comparing lists, once the stream has passed the moment of the
 * list: until then what the stream says itself may explain the difference.
 */
export class PartitionWatch {
  /** The last mark of each partition, by its oid. */
  readonly #last = new Map<string, TableMark>();
  /** Partitions whose last mark the stream has not told in this run; it tells none of those twice. */
  readonly #found = new Set<string>();
  #late: { readonly mark: TableMark; readonly at: number }[] = [];
  #list: (PartitionList & { readonly before: string }) | null = null;
  /** The position up to which the known partitions are all there were. */
  #after: string | null;
  /** The same, once the stream is there: what it tells on the way may have come and gone since. */
  #unchanged: string | null = null;
  #isUnsure = false;

  /**
   * @param marks those of the log, in its order.
   * @param from the position up to which the log is complete; null for a new log.
   */
  constructor(marks: readonly TableMark[], from: string | null) {
    this.#after = from;
    for (const mark of marks) this.#note(mark);
    for (const id of this.#last.keys()) this.#found.add(id);
  }

  /** True when the last list leaves something open, so that another one is needed. */
  get isUnsure(): boolean {
    return this.#isUnsure;
  }

  /** Oids of the partitions that are known. */
  get known(): readonly string[] {
    return [...this.#last].flatMap(([id, mark]) => (isPart(mark) ? [id] : []));
  }

  /**
   * The stream itself has told.
   * @returns the mark with what is known beside; null when it was found before, because what did it
   *   said nothing, and only a later command noticed.
   */
  note(mark: TableMark): TableMark | null {
    const id = mark.partition?.id ?? '';
    const last = this.#last.get(id);
    const isGone = last !== undefined && !isPart(last) && last.origin === mark.origin;
    if (isGone && !isPart(mark) && this.#found.has(id)) return null;
    const { link } = mark;
    const bounds = last?.links?.find((each) => each.id === link?.id)?.bounds;
    const whole =
      link === undefined || bounds === undefined ? mark : { ...mark, link: { ...link, bounds } };
    this.#note(whole);
    this.#found.delete(id);
    return whole;
  }

  /** The stream has told of something that had happened before; when is not known. */
  noteLate(mark: TableMark, at: number): void {
    const told = this.note(mark);
    if (told === null) return;
    this.#found.add(mark.partition?.id ?? '');
    this.#late.push({ mark: told, at });
  }

  #note(mark: TableMark): void {
    const id = mark.partition?.id;
    if (id === undefined) return;
    const last = this.#last.get(id);
    // One that left a table which it is in no more has told nothing new.
    if (isPart(mark) || last === undefined || last.origin === mark.origin) this.#last.set(id, mark);
  }

  /**
   * A list was read; the last one counts.
   * @param before a position that was told before the list was read: all up to there is in it.
   */
  listed(list: PartitionList, before: string): void {
    this.#list = { ...list, before };
  }

  /** Nothing came or went up to this position since the last list. */
  unchanged(before: string): void {
    if (this.#list !== null) this.#list = { ...this.#list, before };
    else this.#unchanged = before;
  }

  /** What a list shows that the stream, read up to this position, has not told. */
  *passed(position: string): Generator<FoundMark> {
    const late = this.#late;
    this.#late = [];
    for (const { mark, at } of late) yield { mark, found: { after: this.#after, at } };
    const unchanged = this.#unchanged;
    if (unchanged !== null && unchanged <= position) {
      if (this.#after !== null && unchanged > this.#after && !this.#isUnsure) {
        this.#after = unchanged;
      }
      this.#unchanged = null;
    }
    const list = this.#list;
    if (list === null || position < list.position) return;
    this.#list = null;
    const found = { after: this.#after, at: list.at };
    const seen = new Set<string>();
    const known = new Map([...this.#last].filter(([, mark]) => isPart(mark)));
    const tables = new Set(
      [...known].flatMap(([id, { origin }]) => (list.asked.has(id) ? [origin] : [])),
    );
    for (const { root, partition, links, made } of list.partitions) {
      const id = String(partition.oid);
      const { schema, name, oid } = root;
      const origin = String(oid);
      seen.add(id);
      const before = known.get(id);
      const hangs = links?.map(toLink) ?? [];
      const now = { schema, name, origin, partition: withId(partition), links: hangs };
      if (before?.origin === origin) {
        // What it is called by now, and what an older version has not noted.
        this.#last.set(id, { ...before, ...now });
        continue;
      }
      if (before !== undefined)
        yield this.#left(before, [...hangs.map((link) => link.id), origin], found);
      // Of a table that is new to the log nothing was known that could have changed.
      const kind = made || !tables.has(origin) ? 'present' : 'attached';
      yield this.#mark({ ...now, kind }, found);
    }
    const gone = [...known].filter(([id]) => !seen.has(id));
    // One that the stream has told of only after the list was asked for: whether it is there still, or is
    // a table of its own, the list does not say.
    this.#isUnsure = gone.some(([id]) => !list.asked.has(id));
    for (const [id, before] of gone) {
      if (list.asked.has(id)) yield this.#left(before, list.existing.get(id), found);
    }
    if (!this.#isUnsure) this.#after = list.before;
  }

  /** @param above what it is a partition of now; undefined when it is gone. */
  #left(before: TableMark, above: readonly string[] | undefined, found: MarkFound): FoundMark {
    const { schema, name, origin, partition, links = [] } = before;
    const kind = above === undefined ? 'dropped' : 'detached';
    const link = above === undefined ? undefined : cutLink(links, above);
    const mark = { schema, name, origin, kind, partition } as const;
    return this.#mark(link === undefined ? mark : { ...mark, link }, found);
  }

  #mark(mark: TableMark, found: MarkFound): FoundMark {
    this.#note(mark);
    this.#found.add(mark.partition?.id ?? '');
    return { mark, found };
  }
}

/** Of the links that a partition had, the one that is not there any more. */
function cutLink(
  links: readonly PartitionLink[],
  above: readonly string[],
): PartitionLink | undefined {
  return links.findLast(({ id }, at) => at === 0 || above.includes(id));
}

function withId({ oid, schema, name }: ListedPartition['partition']): Partition {
  return { id: String(oid), schema, name };
}

/** What tells whether a partition has come or gone. */
export interface PartitionFingerprint {
  readonly fingerprint: string;
  /** Of a moment after this look. */
  readonly position: string;
}

/**
 * A number that is another one when a partition has come or gone, or begun to go: one that is detached
 * concurrently is no part any more as soon as that has begun. Cheap, because it is asked for all the time.
 */
export async function fingerprintPartitions(
  session: SqlSession,
  signal: AbortSignal,
): Promise<PartitionFingerprint> {
  const [row] = await session.query<{ fingerprint: string; lsn: string }>(
    {
      name: 'tidings partition fingerprint',
      text: `SELECT count(*) || ':' || COALESCE(sum(hashint8((inhrelid::bigint << 32) | inhparent::bigint)), 0)
          || ':' || count(*) FILTER (WHERE inhdetachpending) AS fingerprint,
        pg_current_wal_insert_lsn()::text AS lsn FROM pg_inherits`,
    },
    signal,
  );
  if (row === undefined) throw new Error('The catalogue gave no answer');
  return { fingerprint: row.fingerprint, position: lsnToPosition(row.lsn) };
}

/** Lists the partitions of all captured tables. */
export async function listPartitions(
  session: SqlSession,
  patterns: TablePatterns,
  known: readonly string[],
  signal: AbortSignal,
): Promise<PartitionList> {
  const [row] = await session.query<{
    lsn: string;
    at: string;
    partitions: readonly ListedPartition[] | null;
    existing: readonly { readonly oid: string; readonly above: readonly string[] }[] | null;
  }>({ name: 'tidings partitions', text: listSql(patterns), values: [known] }, signal);
  if (row === undefined) throw new Error('The catalogue gave no answer');
  return {
    position: lsnToPosition(row.lsn),
    at: Number(row.at),
    partitions: row.partitions ?? [],
    asked: new Set(known),
    existing: new Map((row.existing ?? []).map(({ oid, above }) => [oid, above])),
  };
}

/**
 * A partition that was made for its table entered the catalogue in the transaction that made it its
 * partition; the rows of system columns are never written again.
 */
function listSql(patterns: TablePatterns): string {
  return `
WITH ${wantedSql(patterns)}
SELECT pg_current_wal_insert_lsn()::text AS lsn,
  (extract(epoch FROM clock_timestamp()) * 1e6)::bigint::text AS at,
  (SELECT json_agg(json_build_object(
      'root', json_build_object('oid', r.oid::bigint, 'schema', rn.nspname, 'name', r.relname),
      'partition', json_build_object('oid', l.oid::bigint, 'schema', ${toldNameSql('ln.nspname')},
        'name', ${toldNameSql('l.relname')}),
      'links', ${linksSql('l.oid', 't.root')},
      'made', EXISTS (SELECT FROM pg_inherits h JOIN pg_attribute a ON a.attrelid = h.inhrelid
        WHERE h.inhrelid = l.oid AND a.attname = 'tableoid' AND a.attnum < 0 AND a.xmin = h.xmin)))
    FROM (${treeSql('SELECT oid FROM wanted')}) t
      JOIN pg_class r ON r.oid = t.root AND r.relkind = 'p'
      JOIN pg_namespace rn ON rn.oid = r.relnamespace
      JOIN pg_class l ON l.oid = t.relation AND l.relkind <> 'p'
      JOIN pg_namespace ln ON ln.oid = l.relnamespace) AS partitions,
  (SELECT json_agg(json_build_object('oid', c.oid::text,
      'above', ARRAY(SELECT relid::oid::text FROM pg_partition_ancestors(c.oid))))
    FROM pg_class c WHERE c.oid = ANY ($1::oid[])) AS existing`;
}
