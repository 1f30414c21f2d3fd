import { join } from 'node:path';
import type { MarkKind } from '../../src/change/mark.ts';
import { type Cell, encodeImages } from '../../src/change/row-images.ts';
import type { TableDefinition } from '../../src/change/table.ts';
import type { SqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { lsnToPosition } from '../../src/source/postgres/wire/position.ts';
import { describeTable } from '../../src/source/postgres/snapshot/describe-table.ts';
import { openUndo, type UndoService } from '../../src/app/undo.ts';
import { keyText } from '../../src/undo/looking/row-key.ts';
import { capture, type Captured } from './fixture.ts';

/** Rows of a relation with rows, in its own columns and the database's own texts. */
export interface WrittenChange {
  readonly relation: string;
  /** What the relation is a partition of. */
  readonly of?: string;
  readonly before?: readonly Cell[];
  readonly after?: readonly Cell[];
  /** Makes the version's definition another one. */
  readonly as?: (definition: TableDefinition) => TableDefinition;
}

export interface WrittenMark {
  readonly of: string;
  readonly partition: string;
  readonly kind: MarkKind;
  /** Of one that is detached. */
  readonly bounds?: string;
  /** Found by comparing, after the transaction: it happened after this position. */
  readonly after?: string | null;
}

/**
 * A real database whose log a test writes itself: what is done to the tables, and what of it the log
 * says. The publication is there; nobody captures.
 */
export interface WrittenLog extends Captured {
  readonly log: SqliteLog;
  readonly undo: UndoService;
  /** Runs statements as one transaction and writes what it did; resolves with its id. */
  readonly write: (
    sql: string,
    said: { readonly changes?: readonly WrittenChange[]; readonly marks?: readonly WrittenMark[] },
  ) => Promise<string>;
  /** The position up to which the log is complete. */
  readonly position: () => string;
}

export async function writtenLog(setUp: string): Promise<WrittenLog> {
  await using opened = new AsyncDisposableStack();
  const captured = opened.use(await capture(setUp));
  await captured.stop();
  const { client, config } = captured;
  const directory = join(config.dataDir, 'log', 'main');
  const log = opened.use(await openSqliteLog({ directory, source: 'main' }));
  const undo = opened.use(openUndo(config));
  const query = async (text: string, values: readonly unknown[]): Promise<readonly object[]> =>
    (await client.query<object>(text, [...values])).rows;
  const describe = async (name: string): Promise<TableDefinition> => {
    // As our own sessions have it: types of other schemas are named with them.
    await client.query(`SET search_path = ''`);
    const found = await describeTable(query, 'main', { schema: 'public', name });
    await client.query('RESET search_path');
    if (found === null) throw new Error(`There is no table ${name}`);
    return found.definition;
  };
  /** What capture says of a relation: a partition goes by the name and the key of its root. */
  const version = async ({ relation, of }: WrittenChange): Promise<TableDefinition> => {
    const own = { ...(await describe(relation)), identity: 'full' as const };
    if (of === undefined) return own;
    const root = await describe(of);
    const names = root.key.map((index) => root.columns[index]?.name);
    const key = names.map((name) => own.columns.findIndex((column) => column.name === name));
    const { id = '' } = own.origin ?? {};
    const partition = { id, schema: own.schema, name: own.name };
    return { ...own, name: root.name, key, origin: { id: root.origin?.id ?? '', partition } };
  };
  const append = async (change: WrittenChange): Promise<void> => {
    const found = await version(change);
    const definition = change.as?.(found) ?? found;
    const { before, after } = change;
    const keyOf = (row: readonly Cell[] | undefined): string | null =>
      row === undefined || definition.key.length === 0
        ? null
        : keyText(definition.key.map((index) => row[index] ?? ''));
    const key = keyOf(after ?? before);
    const previous = before === undefined ? key : keyOf(before);
    log.writer.append({
      table: log.writer.defineTable(definition),
      operation:
        before === undefined
          ? after === undefined
            ? 'truncate'
            : 'insert'
          : after === undefined
            ? 'delete'
            : 'update',
      key,
      previousKey: previous === key ? null : previous,
      images: encodeImages({
        before: before === undefined ? null : { kind: 'old', cells: before },
        after: after ?? null,
      }),
    });
  };
  const resources = opened.move();
  return {
    ...captured,
    log,
    undo,
    async write(sql, { changes = [], marks = [] }) {
      // A partition that goes is described before; the tests' versions are those of that moment.
      const ids = new Map<string, string>();
      for (const { of, partition } of marks) {
        for (const name of [of, partition]) {
          const { rows } = await client.query<{ id: string | null }>(
            'SELECT to_regclass(quote_ident($1))::oid::text AS id',
            [name],
          );
          ids.set(name, rows[0]?.id ?? ids.get(name) ?? '');
        }
      }
      const id = await captured.commit(sql);
      const { rows } = await client.query<{ lsn: string }>(
        'SELECT pg_current_wal_insert_lsn()::text AS lsn',
      );
      const place = lsnToPosition(rows[0]?.lsn ?? '');
      log.writer.begin({ id, position: place });
      for (const change of changes) await append(change);
      const said = marks.map(({ of, partition: name, kind, bounds, after }) => {
        const partition = { id: ids.get(name) ?? '', schema: 'public', name };
        const table = { schema: 'public', name: of };
        const mark = { ...table, origin: ids.get(of) ?? '', kind, partition };
        const link = { ...partition, parent: table };
        return {
          after,
          mark: bounds === undefined ? mark : { ...mark, link: { ...link, bounds } },
        };
      });
      for (const { mark, after } of said) if (after === undefined) log.writer.mark(mark);
      log.writer.commit({ committedAt: Date.now() * 1000, context: null });
      for (const { mark, after } of said) {
        if (after !== undefined) log.writer.mark(mark, { after, at: Date.now() * 1000 });
      }
      await log.writer.flush();
      return id;
    },
    position: () => log.position ?? '',
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
