import type { StoredChange, StoredTransaction } from '../../../change/stored-change.ts';
import { qualifiedName, type TableDefinition } from '../../../change/table.ts';
import type { TableName } from '../../undo-target.ts';
import { isBefore } from '../define-relation.ts';
import { lsnToPosition } from '../position.ts';
import { RECENT_BYTES } from '../snapshot/snapshot-transactions.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Ids have 32 bits; a server that has given out no more than these has none that began anew. */
const IDS = 2n ** 32n;

/** Who wrote what the catalogue says of a table now: ids of transactions. */
interface Written extends TableName {
  /** The row of its type, which has the table's name, and is left alone by most that alters it. */
  readonly type: string;
  /** The row of its schema. */
  readonly namespace: string;
  /** In the order of their numbers, with those that were dropped. */
  readonly columns: readonly {
    readonly name: string;
    readonly number: number;
    readonly generated: boolean;
    readonly dropped: boolean;
    readonly written: string;
  }[];
  /** The id, of 64 bits, that the next transaction gets. */
  readonly next: string;
  readonly lsn: string;
}

/** What has to be older than a change for its version's names to mean now what they meant then. */
interface Needed {
  /** Null when the table has another name now: then nothing is proof. */
  readonly table: readonly string[] | null;
  readonly columns: readonly { readonly name: string; readonly written: string }[];
}

/**
 * Versions of logs that were written before tables and columns had numbers: only names say what they
 * were of. A name means the same as then when what the catalogue has under it was written by a
 * transaction that is older than the change: it was neither renamed nor made anew since. Where there
 * is no such proof the table is in conflict (invariant 14).
 */
export class NameProofs {
  readonly #connection: UndoConnection;
  readonly #written = new Map<string, Written | null>();
  readonly #needed = new Map<TableDefinition, Needed>();
  /** What was checked last for a place: changes come by transaction and version. */
  readonly #last = new Map<StagedTable, Pick<StoredChange, 'table' | 'transaction'>>();

  constructor(connection: UndoConnection) {
    this.#connection = connection;
  }

  /**
   * Makes a problem of `of` where it is not certain that the change was of that table and its columns.
   * @returns false when it was found not to be certain of the table.
   */
  async check(table: StagedTable, change: StoredChange, of = table): Promise<boolean> {
    const { table: version, transaction } = change;
    const last = this.#last.get(of);
    if (last?.table === version && last.transaction === transaction) return true;
    this.#last.set(of, change);
    const { id } = table.facts;
    let written = this.#written.get(id);
    if (written === undefined) {
      written = await readWritten(this.#connection, id);
      this.#written.set(id, written);
    }
    const needed = this.#needed.get(version) ?? neededBy(version, written);
    this.#needed.set(version, needed);
    const stands = (ids: readonly string[]): boolean =>
      written !== null && ids.every((each) => isOlder(each, transaction, written));
    const certain = needed.table !== null && stands(needed.table);
    if (!certain) of.problem('name-uncertain', qualifiedName(version));
    for (const column of needed.columns) {
      if (!stands([column.written])) of.problem('name-uncertain', `column ${column.name}`);
    }
    return certain;
  }
}

function neededBy(version: TableDefinition, written: Written | null): Needed {
  const columns = (written?.columns ?? []).filter(({ dropped }) => !dropped);
  const kept = namesInPlace(version, written);
  const isNamed = written?.schema === version.schema && written.name === version.name;
  return {
    table: isNamed ? [written.type, written.namespace] : null,
    columns: version.columns.flatMap(({ name }) => {
      const now = columns.find((column) => column.name === name);
      return now === undefined || kept.has(name) ? [] : [{ name, written: now.written }];
    }),
  };
}

/**
 * Columns of a version come in the order of their numbers. For as long as those of the table have the
 * same names in the same order, and none before them was dropped, they are the same columns: numbers
 * are never given again.
 */
function namesInPlace(version: TableDefinition, written: Written | null): ReadonlySet<string> {
  const kept = new Set<string>();
  let at = 0;
  for (const { name, dropped, generated } of written?.columns ?? []) {
    const was = version.columns[at]?.name;
    // Generated columns were not captured.
    if (generated && !dropped && was !== name) continue;
    if (dropped || was !== name) break;
    kept.add(name);
    at += 1;
  }
  return kept;
}

/**
 * Whether one transaction began before another. Compared by their lower 32 bits, which is only sure
 * where ids have not begun anew since: 2^31 transactions write more WAL than `RECENT_BYTES`.
 */
function isOlder(id: string, { id: other, position }: StoredTransaction, now: Written): boolean {
  if (BigInt(now.next) < IDS) return BigInt(id) < BigInt(other);
  const recent = BigInt(`0x${lsnToPosition(now.lsn)}`) - RECENT_BYTES;
  return BigInt(`0x${position || '0'}`) > recent && isBefore(Number(id), Number(other));
}

async function readWritten(connection: UndoConnection, id: string): Promise<Written | null> {
  const [found] = await connection.rows<Written>(
    `SELECT n.nspname::text AS "schema", c.relname::text AS "name", t.xmin::text AS "type", n.xmin::text AS "namespace",
       pg_snapshot_xmax(pg_current_snapshot())::text AS "next", pg_current_wal_insert_lsn()::text AS "lsn",
       COALESCE((SELECT json_agg(json_build_object('name', attname, 'number', attnum, 'dropped', attisdropped,
           'generated', attgenerated <> '', 'written', a.xmin::text) ORDER BY attnum)
         FROM pg_attribute a WHERE attrelid = c.oid AND attnum > 0), '[]') AS "columns"
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = c.reltype
     WHERE c.oid = $1::oid`,
    [id],
  );
  return found ?? null;
}
