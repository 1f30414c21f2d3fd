import type { Row } from '../../change/change.ts';
import { createChangeDecoder } from '../../change/decode.ts';
import { encodeImages } from '../../change/row-images.ts';
import type { StoredTransaction } from '../../change/stored-change.ts';
import { type Column, qualifiedName, type TableDefinition } from '../../change/table.ts';
import type { Config } from '../../config/define-config.ts';
import type { SqliteLogReader } from '../../log/sqlite/sqlite-log.ts';
import { compileCondition } from '../../subscription/where.ts';
import type { PastRow } from '../../undo/looking/past-rows.ts';
import { resolveTable } from '../../undo/looking/resolve-table.ts';
import type { TableName } from '../../undo/looking/searchable-log.ts';
import { openPastTable } from '../../undo/looking/table-as-of.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { DIALECTS, openSnapshots } from '../adapters.ts';
import { DataLock } from '../data-lock.ts';
import type { TableQuery, TableView } from './looking.ts';
import { PAST_ROW_STORE } from './past-row-store.ts';

/** Whose tables are looked at. */
interface Viewed {
  readonly config: Config;
  readonly source: string;
  readonly log: SqliteLogReader;
}

/** Opens a table as it was. */
export async function openTableView(
  { config, source, log }: Viewed,
  query: TableQuery,
  signal: AbortSignal,
): Promise<TableView> {
  await using opened = new AsyncDisposableStack();
  const condition = query.where === undefined ? null : rowCondition(source, query.where);
  const snapshots = opened.use(openSnapshots(config, source));
  const { keys, columns: asked, asOf: moment } = query;
  const past = opened.use(
    await openPastTable(
      {
        source,
        log,
        snapshots,
        isCapturing: () => DataLock.isHeld(config.dataDir),
        store: PAST_ROW_STORE,
        onProgress: query.onProgress ?? (() => undefined),
      },
      {
        table: tableOf(log, source, query.table),
        moment,
        ...(keys === undefined ? {} : { keys }),
        ...(asked === undefined ? {} : { columns: asked }),
        // A condition may ask for any of them.
        readsOthers: condition !== null,
      },
      signal,
    ),
  );
  const { definition, present, offset, leftOut, notes } = past;
  const names = definition.columns.map(({ name }) => name);
  const places = (asked ?? names).map((name) => names.indexOf(name));
  const columns = places.flatMap((place) => definition.columns[place] ?? []);
  const resources = opened.move();
  return {
    source,
    table: qualifiedName(definition),
    present: qualifiedName(present),
    offset,
    columns,
    leftOut,
    notes,
    rows: select(
      past.rows,
      places,
      condition === null ? null : (row) => condition(definition, row),
    ),
    toJson: jsonReader(definition, columns),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A table that has not changed since capture began is not in the log, but in the database. */
function tableOf(log: SqliteLogReader, source: string, text: string): TableName {
  try {
    return resolveTable(log, source, text);
  } catch (error) {
    const [schema, name, ...more] = text.split('.');
    const named = schema !== undefined && name !== undefined && more.length === 0;
    if (!named || !isTidingsError(error, 'TABLE_NOT_LOGGED')) throw error;
    return { schema, name };
  }
}

async function* select(
  rows: AsyncIterable<PastRow>,
  places: readonly number[],
  holds: ((row: PastRow) => boolean) | null,
): AsyncGenerator<PastRow> {
  for await (const row of rows) {
    if (holds?.(row) !== false) yield places.map((place) => row[place]);
  }
}

const NO_TRANSACTION: StoredTransaction = {
  first: 0,
  last: 0,
  id: '',
  position: '',
  committedAt: 0,
  context: null,
};

/** A condition on a row: it sees the row as `after`, like that of an insert. */
function rowCondition(
  source: string,
  where: string,
): (table: TableDefinition, row: PastRow) => boolean {
  const condition = compileCondition(where);
  const decoder = createChangeDecoder(source, DIALECTS);
  return (table, row) =>
    condition.holds(
      decoder.view({
        offset: 0,
        table,
        operation: 'insert',
        key: null,
        previousKey: null,
        images: encodeImages({ before: null, after: row }),
        transaction: NO_TRANSACTION,
      }),
    );
}

function jsonReader(table: TableDefinition, columns: readonly Column[]): (row: PastRow) => Row {
  const dialect = DIALECTS.find(({ name }) => name === table.dialect);
  if (dialect === undefined) throw new Error(`No dialect ${table.dialect}`);
  const readers = columns.map((column) => ({ name: column.name, read: dialect.reader(column) }));
  return (row) =>
    Object.fromEntries(
      readers.map(({ name, read }, place) => {
        const cell = row[place];
        return [name, cell === null || cell === undefined ? null : read(cell)];
      }),
    );
}
