import type { MarkFound, TableMark } from '../../change/mark.ts';
import type { TablePatterns } from '../../change/table-pattern.ts';
import { wantedSql } from './captured-tables.ts';
import { treeSql } from './partition-tree.ts';
import { lsnToPosition } from './position.ts';
import type { SqlSession } from './sql-session.ts';

type Partition = NonNullable<TableMark['partition']>;

/** A partition of a captured table as the catalogue has it. */
interface ListedPartition {
  readonly root: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly partition: { readonly oid: number; readonly schema: string; readonly name: string };
  /** True when it was made for its table, and so brought no rows along. */
  readonly made: boolean;
}

/** All partitions at a moment. */
export interface PartitionList {
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly at: number;
  readonly partitions: readonly ListedPartition[];
  /** Oids of those known before that are still tables. */
  readonly existing: ReadonlySet<string>;
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
  /** By the partition's oid. */
  readonly #known = new Map<string, TableMark>();
  #list: PartitionList | null = null;
  /** The position up to which the known partitions are all there were. */
  #after: string | null;

  /**
   * @param marks those of the log, in its order.
   * @param from the position up to which the log is complete; null for a new log.
   */
  constructor(marks: readonly TableMark[], from: string | null) {
    this.#after = from;
    for (const mark of marks) this.note(mark);
  }

  /** Oids of the partitions that are known. */
  get known(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** The stream itself has told. */
  note(mark: TableMark): void {
    const id = mark.partition?.id;
    if (id === undefined) return;
    if (mark.kind === 'present' || mark.kind === 'attached') this.#known.set(id, mark);
    else if (this.#known.get(id)?.origin === mark.origin) this.#known.delete(id);
  }

  /** A list was read; the last one counts. */
  listed(list: PartitionList): void {
    this.#list = list;
  }

  /** What a list shows that the stream, read up to this position, has not told. */
  *passed(position: string): Generator<FoundMark> {
    const list = this.#list;
    if (list === null || position < list.position) return;
    this.#list = null;
    const found = { after: this.#after, at: list.at };
    this.#after = list.position;
    const seen = new Set<string>();
    const tables = new Set([...this.#known.values()].map(({ origin }) => origin));
    for (const { root, partition, made } of list.partitions) {
      const id = String(partition.oid);
      const origin = String(root.oid);
      seen.add(id);
      const before = this.#known.get(id);
      if (before?.origin === origin) continue;
      if (before !== undefined) yield this.#mark({ ...before, kind: 'detached' }, found);
      // Of a table that is new to the log nothing was known that could have changed.
      const kind = made || !tables.has(origin) ? 'present' : 'attached';
      const { schema, name } = root;
      yield this.#mark({ schema, name, origin, kind, partition: withId(partition) }, found);
    }
    for (const [id, before] of this.#known) {
      if (seen.has(id)) continue;
      yield this.#mark({ ...before, kind: list.existing.has(id) ? 'detached' : 'dropped' }, found);
    }
  }

  #mark(mark: TableMark, found: MarkFound): FoundMark {
    this.note(mark);
    return { mark, found };
  }
}

function withId({ oid, schema, name }: ListedPartition['partition']): Partition {
  return { id: String(oid), schema, name };
}

/**
 * A number that is another one when a partition has come or gone; cheap, because it is asked for all
 * the time.
 */
export async function fingerprintPartitions(
  session: SqlSession,
  signal: AbortSignal,
): Promise<string> {
  const [row] = await session.query<{ fingerprint: string }>(
    {
      name: 'tidings partition fingerprint',
      text: `SELECT count(*) || ':' || COALESCE(sum(hashint8((inhrelid::bigint << 32) | inhparent::bigint)), 0)
        AS fingerprint FROM pg_inherits`,
    },
    signal,
  );
  return row?.fingerprint ?? '';
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
    existing: readonly string[] | null;
  }>({ name: 'tidings partitions', text: listSql(patterns), values: [known] }, signal);
  if (row === undefined) throw new Error('The catalogue gave no answer');
  return {
    position: lsnToPosition(row.lsn),
    at: Number(row.at),
    partitions: row.partitions ?? [],
    existing: new Set(row.existing),
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
      'partition', json_build_object('oid', l.oid::bigint, 'schema', ln.nspname, 'name', l.relname),
      'made', EXISTS (SELECT FROM pg_inherits h JOIN pg_attribute a ON a.attrelid = h.inhrelid
        WHERE h.inhrelid = l.oid AND a.attname = 'tableoid' AND a.attnum < 0 AND a.xmin = h.xmin)))
    FROM (${treeSql('SELECT oid FROM wanted')}) t
      JOIN pg_class r ON r.oid = t.root AND r.relkind = 'p'
      JOIN pg_namespace rn ON rn.oid = r.relnamespace
      JOIN pg_class l ON l.oid = t.relation AND l.relkind <> 'p'
      JOIN pg_namespace ln ON ln.oid = l.relnamespace) AS partitions,
  (SELECT json_agg(c.oid::text) FROM pg_class c WHERE c.oid = ANY ($1::oid[])) AS existing`;
}
