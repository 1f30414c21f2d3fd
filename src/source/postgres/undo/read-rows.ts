import type { Cell } from '../../../change/row-images.ts';
import type { Column } from '../../../change/table.ts';
import type { TargetRow, UndoOperation } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { keyOf, noRow, sameKey } from './row-sql.ts';
import type { StagedPairs } from './staged-pairs.ts';
import type { StagedTable } from './staged-table.ts';
import { type UnreadColumn, unreadColumns, unreadText } from './unread-texts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Columns that are shown, beside those of the key: a statement returns 1,664 values at most. */
const SHOWN = 800;
/** Where the row's values begin. */
const FIRST = 3;

/** The rows of an undo, table by table in the order of their changes. */
export async function* readRows(
  connection: UndoConnection,
  tables: readonly StagedTable[],
  perTable: number | undefined,
): AsyncGenerator<TargetRow> {
  for (const table of tables) {
    if (table.columns.length === 0) continue;
    const { pairs } = table;
    const unread = pairs === null ? await unreadColumns(connection, table) : [];
    const select =
      pairs !== null
        ? pairedRows(table, pairs, perTable)
        : perTable === undefined
          ? selectRows(table, unread)
          : sampleRows(table, unread, perTable);
    for await (const page of connection.pages(`${select} ORDER BY 2`)) {
      for (const cells of page) yield toRow(table, unread, cells);
    }
  }
}

/** The operation, the offset, whether it is in conflict, then the columns of `before` and `after`. */
function selectRows(table: StagedTable, unread: readonly UnreadColumn[]): string {
  const { before, after, offset } = table;
  const columns = bothSides(table, unread);
  if (table.key === null) {
    return `SELECT 'insert', b.${offset}, ${inConflict(table, 'b')}, ${columns} FROM ${before} b LEFT JOIN ${after} a ON false
      UNION ALL
      SELECT 'delete', a.${offset}, ${inConflict(table, 'a')}, ${columns}
      FROM ${after} a LEFT JOIN ${before} b ON false`;
  }
  return `SELECT CASE WHEN ${noRow(table, 'a')} THEN 'insert' WHEN ${noRow(table, 'b')} THEN 'delete'
      ELSE 'update' END, COALESCE(b.${offset}, a.${offset}),
      ${inConflict(table, 'a')} OR ${inConflict(table, 'b')}, ${columns}
    FROM ${before} b FULL JOIN ${after} a ON ${sameKey(table, 'a', 'b')}`;
}

/** The same of updates that are kept side by side. */
function pairedRows(table: StagedTable, pairs: StagedPairs, limit: number | undefined): string {
  const names = shown(table).map(({ name }) => name);
  const columns = [
    ...names.map((name) => pairs.oldValue('p', name)),
    ...names.map((name) => pairs.newValue('p', name)),
  ];
  const some = limit === undefined ? pairs.name : `(SELECT * FROM ${pairs.name} LIMIT ${limit})`;
  return `SELECT 'update', p.undo_offset, false, ${columns.join(', ')} FROM ${some} p`;
}

/** A few of each operation, without looking at all rows. */
function sampleRows(table: StagedTable, unread: readonly UnreadColumn[], limit: number): string {
  if (table.key === null) return `(${selectRows(table, unread)} LIMIT ${limit})`;
  const { before, after, offset } = table;
  const columns = bothSides(table, unread);
  const same = sameKey(table, 'a', 'b');
  return `SELECT * FROM (
    (SELECT CASE WHEN ${noRow(table, 'a')} THEN 'insert' ELSE 'update' END, b.${offset},
        ${inConflict(table, 'b')}, ${columns}
      FROM ${before} b LEFT JOIN ${after} a ON ${same} LIMIT ${limit})
    UNION ALL
    (SELECT 'delete', a.${offset}, ${inConflict(table, 'a')}, ${columns}
      FROM ${after} a LEFT JOIN ${before} b ON ${same} WHERE ${noRow(table, 'b')} LIMIT ${limit})
    LIMIT ${limit}) sample`;
}

function inConflict(table: StagedTable, alias: string): string {
  if (table.inConflict !== 'some') return String(table.inConflict === 'all');
  return `EXISTS (SELECT FROM ${table.conflictRows} x WHERE ${sameKey(table, 'x', alias)})`;
}

function shown(table: StagedTable): readonly Column[] {
  const key = new Set(table.key?.map(({ column }) => column));
  return table.columns.filter(({ name }, index) => index < SHOWN || key.has(name));
}

function bothSides(table: StagedTable, unread: readonly UnreadColumn[]): string {
  const names = shown(table).map(({ name }) => quoteIdentifier(name));
  const texts = unread.map((column) =>
    unreadText(table, column, column.side === 'before' ? 'b' : 'a'),
  );
  const values = [...names.map((name) => `b.${name}`), ...names.map((name) => `a.${name}`)];
  return [...values, ...texts].join(', ');
}

function toRow(
  table: StagedTable,
  unread: readonly UnreadColumn[],
  cells: readonly Cell[],
): TargetRow {
  const columns = shown(table);
  const operation = cells[0] as UndoOperation;
  const then = cells.slice(FIRST, FIRST + columns.length);
  const now = cells.slice(FIRST + columns.length, FIRST + 2 * columns.length);
  const texts = { before: new Set<number>(), after: new Set<number>() };
  for (const [index, { side, name }] of unread.entries()) {
    const text = cells[FIRST + 2 * columns.length + index] ?? null;
    const place = columns.findIndex((column) => column.name === name);
    if (text === null || place < 0) continue;
    // What the changes found is what the row will be.
    (side === 'before' ? then : now)[place] = text;
    texts[side === 'before' ? 'after' : 'before'].add(place);
  }
  const key = table.key === null ? [] : keyOf(table).map(({ column }) => column);
  return {
    ...table.name,
    operation,
    columns,
    key: key.map((name) => columns.findIndex((column) => column.name === name)),
    before: operation === 'insert' ? null : now,
    after: operation === 'delete' ? null : then,
    conflict: cells[2] === 't',
    ...(texts.before.size + texts.after.size === 0 ? {} : { texts }),
  };
}
