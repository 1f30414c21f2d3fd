import { sourcePosition } from '../../../change/position.ts';
import type { StoredChange, StoredTransaction } from '../../../change/stored-change.ts';
import type { TableDefinition } from '../../../change/table.ts';
import type { TableName } from '../../undo-target.ts';
import { lsnToPosition } from '../wire/position.ts';
import { RECENT_BYTES } from '../snapshot/snapshot-transactions.ts';
import type { TableFacts } from './table-facts.ts';
import { isLater } from '../wire/transaction-order.ts';
import type { UndoConnection } from './undo-connection.ts';

/** A table version with the first change of it that is undone. */
export type FirstChange = Pick<StoredChange, 'table' | 'transaction'>;

/** A server that has given out no more ids than these has none that began anew. */
const IDS = 2n ** 32n;

/** What is needed to compare ids of transactions that lie far apart. */
interface Present {
  /** The id, of 64 bits, that the next transaction gets. */
  readonly next: string;
  readonly lsn: string;
}

const PRESENT = `pg_snapshot_xmax(pg_current_snapshot())::text AS next,
  pg_current_wal_insert_lsn()::text AS lsn`;

/**
 * Whether the table that has a name now is the one that had it when a change was made, which a log of
 * an older version does not say (invariant 14). It is when the catalogue's entry of its row type has
 * not changed since: that has the table's name and is renamed with it, a table that is made anew gets
 * another one, and most of what `ALTER TABLE` does leaves it alone. The doubtful case counts as the bad
 * one.
 */
export async function isCertainTable(
  connection: UndoConnection,
  { id }: Pick<TableFacts, 'id'>,
  { table, transaction }: FirstChange,
): Promise<boolean> {
  const [entry] = await connection.rows<
    TableName & Present & { readonly written: readonly string[] }
  >(
    `SELECT n.nspname::text AS schema, c.relname::text AS name, ARRAY[t.xmin::text, n.xmin::text] AS written,
       ${PRESENT}
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = c.reltype
     WHERE c.oid = $1::oid`,
    [id],
  );
  if (entry?.schema !== table.schema || entry.name !== table.name) return false;
  return entry.written.every((written) => isOlder(written, transaction, entry));
}

/**
 * Columns of a version without numbers of which it is not certain that they are those that have their
 * names now. One is when its entry was not written since the change, or when it stands in the same
 * place: columns of a version come in the order of their numbers, which are never given again, so as
 * far as the names agree and none in between was dropped they are the same.
 */
export async function uncertainColumns(
  connection: UndoConnection,
  { id, columns }: Pick<TableFacts, 'id' | 'columns'>,
  { table, transaction }: FirstChange,
): Promise<readonly string[]> {
  const unknown = table.columns.filter(({ number }) => number === undefined);
  if (unknown.length === 0) return [];
  const inPlace = namesInPlace(table, columns);
  const doubtful = unknown.filter(({ name }) => !inPlace.has(name)).map(({ name }) => name);
  if (doubtful.length === 0) return [];
  const entries = await connection.rows<
    Present & { readonly name: string; readonly written: string }
  >(
    `SELECT a.attname::text AS name, a.xmin::text AS written, ${PRESENT}
     FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = ANY ($2)`,
    [id, doubtful],
  );
  const written = entries.filter((entry) => !isOlder(entry.written, transaction, entry));
  return doubtful.filter((name) => written.some((entry) => entry.name === name));
}

function namesInPlace(
  { columns }: TableDefinition,
  now: TableFacts['columns'],
): ReadonlySet<string> {
  const inPlace = new Set<string>();
  let number = 0;
  for (const column of now) {
    number += 1;
    if (column.number !== number) break;
    const was = columns[inPlace.size]?.name;
    // Older servers send no generated columns, so that a version can lack them.
    if (column.generated && column.name !== was) continue;
    if (column.name !== was) break;
    inPlace.add(column.name);
  }
  return inPlace;
}

/**
 * Whether a transaction began before that of a change. Ids have 32 bits in the log: where they have
 * begun anew they can be compared within the last 2^31, which write more WAL than `RECENT_BYTES`.
 */
function isOlder(id: string, { id: other, position }: StoredTransaction, now: Present): boolean {
  if (BigInt(now.next) < IDS) return Number(id) < Number(other);
  const recent = BigInt(`0x${lsnToPosition(now.lsn)}`) - RECENT_BYTES;
  return BigInt(`0x${sourcePosition(position) || '0'}`) > recent && isLater(other, id);
}
