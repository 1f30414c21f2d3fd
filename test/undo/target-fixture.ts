import type pg from 'pg';
import { encodeImages } from '../../src/change/row-images.ts';
import type { StoredChange } from '../../src/change/stored-change.ts';
import type { TableDefinition } from '../../src/change/table.ts';
import { readTypes } from '../../src/source/postgres/relation/relation-types.ts';
import { PostgresUndoTarget } from '../../src/source/postgres/undo/postgres-undo-target.ts';
import type { TargetApplied, TargetConflict } from '../../src/source/undo-target.ts';
import { freshDatabase, type Major } from '../support/postgres.ts';

export type Texts = readonly (string | null)[];

/** A change as the log would have it: the row before and after. */
export type Made = readonly [table: TableDefinition, before: Texts | null, after: Texts | null];

export interface Undone {
  /** As `reason key: detail`, before anything was done about them. */
  readonly conflicts: readonly string[];
  readonly found: readonly TargetConflict[];
  /** Null when something stands against it still. */
  readonly applied: TargetApplied | null;
  readonly formerNames: readonly string[];
}

/** A database and its undo target, without a log: table versions are read from the catalogue. */
export interface TargetFixture extends AsyncDisposable {
  readonly client: pg.Client;
  readonly target: PostgresUndoTarget;
  /** The version that capture would write down now. */
  version(table: string): Promise<TableDefinition>;
  /** Every row of a query, as one text each. */
  rows(query: string): Promise<readonly string[]>;
  script(made: readonly Made[]): Promise<string>;
  /** @param transaction of the changes; else one right after their version was read. */
  undo(
    made: readonly Made[],
    mode?: 'skip' | 'force' | null,
    transaction?: string,
    cascaded?: readonly Made[],
  ): Promise<Undone>;
}

/** @param sql makes the tables. */
export async function targetFixture(sql: string, major: Major = 18): Promise<TargetFixture> {
  const database = await freshDatabase(major);
  const { client } = database;
  await client.query(sql);
  const target = new PostgresUndoTarget({ source: 'main', url: database.url });
  const { signal } = new AbortController();
  return {
    client,
    target,
    version: (table) => readVersion(client, table),
    async rows(query) {
      const { rows } = await client.query<{ row: string }>(
        `SELECT q::text AS row FROM (${query}) q`,
      );
      return rows.map(({ row }) => row);
    },
    async script(made) {
      await using workspace = await target.open('plan', signal);
      await workspace.stage(numbered(made));
      await workspace.assess();
      const parts: string[] = [];
      const options = {
        context: '{}',
        title: '',
        notes: [],
        triggers: true,
        allowTriggerChanges: false,
      };
      for await (const part of workspace.script(options)) parts.push(part);
      return parts.join('');
    },
    async undo(made, mode, id, cascaded = []) {
      await using workspace = await target.open('apply', signal);
      await workspace.stage(numbered(made, id));
      await workspace.stageCascaded(numbered(cascaded, id, made.length));
      await workspace.holdBags();
      let { conflicts, tables } = await workspace.assess();
      const found = await workspace.conflicts(100);
      // Leaving rows out can leave others without their parents.
      const rounds =
        mode === null || mode === undefined ? [] : mode === 'force' ? [mode] : [mode, mode, mode];
      for (const each of rounds) {
        if (conflicts.length === 0) break;
        await workspace.settle(each);
        ({ conflicts, tables } = await workspace.assess());
      }
      return {
        conflicts: found.map(({ reason, row, detail }) =>
          `${reason} ${row?.key.join() ?? '-'}: ${detail}`.replace(/: $/, ''),
        ),
        found,
        applied:
          conflicts.length > 0
            ? null
            : await workspace.apply({ context: '{}', triggers: true, allowTriggerChanges: false }),
        formerNames: tables.flatMap(({ formerNames }) => formerNames),
      };
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

async function readVersion(client: pg.Client, name: string): Promise<TableDefinition> {
  // As capture's own sessions see names of types.
  await client.query('BEGIN; SET LOCAL search_path = pg_catalog');
  try {
    const qualified = name.includes('.') ? name : `public.${name}`;
    const {
      rows: [table],
    } = await client.query<{
      id: string;
      moment: string;
      schema: string;
      name: string;
      root: string;
      rootSchema: string;
      rootName: string;
      partition: boolean;
      key: number[] | null;
      columns: { name: string; number: number; type: number; modifier: number }[];
    }>(
      `SELECT c.oid::text AS id, pg_current_xact_id()::text AS moment, n.nspname::text AS schema, c.relname::text AS name,
         c.relispartition AS partition, r.oid::text AS root, rn.nspname::text AS "rootSchema", r.relname::text AS "rootName",
         (SELECT json_agg(json_build_object('name', attname, 'number', attnum, 'type', atttypid::bigint,
            'modifier', atttypmod) ORDER BY attnum) FROM pg_attribute
          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
         (SELECT to_json(indkey::int2[]) FROM pg_index WHERE indrelid = c.oid AND indisprimary) AS key
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_class r ON r.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid ELSE c.oid END
         JOIN pg_namespace rn ON rn.oid = r.relnamespace
       WHERE c.oid = $1::regclass`,
      [qualified],
    );
    if (table === undefined) throw new Error(`There is no table ${name}`);
    const types = await readTypes(
      async ({ text, values }) => (await client.query<object>(text, [...values])).rows,
      table.columns.map((column) => ({ ...column, flagged: false })),
      new Map(),
    );
    const { id, schema, name: own, root, columns } = table;
    const found: TableDefinition = {
      schema: table.rootSchema,
      name: table.rootName,
      columns: columns.map(({ name: column, number }, index) => ({
        ...(types[index] ?? { type: '', kind: 'other', array: false }),
        name: column,
        number,
      })),
      origin: { id: root, ...(table.partition ? { partition: { id, schema, name: own } } : {}) },
      key: (table.key ?? []).map((number) => columns.findIndex((each) => each.number === number)),
      identity: 'full',
      dialect: 'postgres',
    };
    moments.set(found, table.moment);
    return found;
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Ids of transactions right after versions were read. */
const moments = new WeakMap<TableDefinition, string>();

/** The version as an old log has it, which knows no numbers and no shapes. */
export function asOldLog(version: TableDefinition): TableDefinition {
  const { schema, name, key, identity, dialect } = version;
  const columns = version.columns.map(({ name: column, type, kind, array }) => ({
    name: column,
    type,
    kind,
    array,
  }));
  const old: TableDefinition = { schema, name, columns, key, identity, dialect };
  const moment = moments.get(version);
  if (moment !== undefined) moments.set(old, moment);
  return old;
}

/** A transaction that is later than any of a new server. */
const LATER = '2000000000';

function numbered(made: readonly Made[], id?: string, first = 0): readonly StoredChange[] {
  const transactionOf = (table: TableDefinition): StoredChange['transaction'] => ({
    first,
    last: first + made.length - 1,
    id: id ?? moments.get(table) ?? LATER,
    position: '',
    committedAt: 0,
    context: null,
  });
  return made.map(([table, before, after], index) => ({
    offset: first + index,
    table,
    operation: before === null ? 'insert' : after === null ? 'delete' : 'update',
    key: (after ?? before)?.[table.key[0] ?? 0] ?? null,
    previousKey: null,
    images: encodeImages({
      before: before === null ? null : { kind: 'old', cells: before },
      after,
    }),
    transaction: transactionOf(table),
  }));
}
