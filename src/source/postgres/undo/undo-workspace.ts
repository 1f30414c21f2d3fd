import { TidingsError } from '../../../errors/tidings-error.ts';
import { qualifiedName } from '../../../change/table.ts';
import type { StoredChange } from '../../../change/stored-change.ts';
import type {
  Assessment,
  TableName,
  TargetApplied,
  TargetApplyOptions,
  TargetConflict,
  TargetRow,
  UndoWorkspace,
} from '../../undo-target.ts';
import { asciiJson } from '../ascii-json.ts';
import { quoteLiteral } from '../quote.ts';
import { countRows, type RowCounts, writeRows } from './apply.ts';
import { checkTable } from './check-table.ts';
import { countInConflict } from './count-conflicts.ts';
import { CONFLICT_TABLES } from './check-rows.ts';
import { countConflicts, listConflicts } from './conflicts.ts';
import { requireKnownMoney } from './known-money.ts';
import { readRows } from './read-rows.ts';
import { scriptOf } from './script.ts';
import { advanceSequences } from './sequences.ts';
import { settle } from './settle.ts';
import { stageLaterChange } from './later-changes.ts';
import { CascadedChanges } from './stage-cascaded.ts';
import { stageTruncated } from './stage-truncated.ts';
import { StagedTables } from './staged-tables.ts';
import type { StagedTable } from './staged-table.ts';
import { countDifferent, disableTriggers } from './triggers.ts';
import type { UndoConnection } from './undo-connection.ts';

/** An undo in temporary tables of one transaction. */
export class PostgresUndoWorkspace implements UndoWorkspace {
  readonly #connection: UndoConnection;
  readonly #locks: boolean;
  #tables: StagedTables;
  #cascaded: CascadedChanges;
  #counts = new Map<StagedTable, RowCounts>();

  private constructor(connection: UndoConnection, locks: boolean) {
    this.#connection = connection;
    this.#locks = locks;
    this.#tables = new StagedTables(connection);
    this.#cascaded = new CascadedChanges(connection, this.#tables);
  }

  static async open(connection: UndoConnection, locks: boolean): Promise<PostgresUndoWorkspace> {
    await connection.run(CONFLICT_TABLES);
    return new PostgresUndoWorkspace(connection, locks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  async stage(changes: readonly StoredChange[]): Promise<void> {
    for (const change of changes) {
      // Asked first: waiting for a promise per row would be a good part of its cost.
      const table = this.#tables.known(change.table) ?? (await this.#tables.enter(change.table));
      if (table === null) {
        this.#tables.lose(change.table);
        continue;
      }
      requireKnownMoney(change);
      const sending = table.add(change);
      if (sending !== undefined) await sending;
    }
  }

  async stageTruncate(
    offset: number,
    history: AsyncIterable<readonly StoredChange[]>,
  ): Promise<void> {
    await stageTruncated({ connection: this.#connection, tables: this.#tables, offset, history });
  }

  async stageCascaded(changes: readonly StoredChange[]): Promise<void> {
    for (const change of changes) requireKnownMoney(change);
    await this.#cascaded.add(changes);
  }

  async reset(): Promise<void> {
    for (const table of this.#tables.all) await table.flush();
    await this.#connection.run('DISCARD TEMPORARY');
    await this.#connection.run(CONFLICT_TABLES);
    this.#tables = new StagedTables(this.#connection);
    this.#cascaded = new CascadedChanges(this.#connection, this.#tables);
    this.#counts = new Map();
  }

  async holdBags(): Promise<readonly TableName[]> {
    await this.#cascaded.settle();
    const bags = this.#tables.all.filter(({ key }) => key === null);
    for (const { facts } of bags) {
      if (!this.#locks || !facts.rights.has('UPDATE')) continue;
      await this.#connection.run(`LOCK TABLE ${facts.sql} IN SHARE ROW EXCLUSIVE MODE`);
    }
    return bags.map(({ name }) => name);
  }

  async stageLater(changes: readonly StoredChange[]): Promise<void> {
    for (const change of changes) {
      requireKnownMoney(change);
      const table = await this.#tables.enter(change.table);
      if (table !== null) await stageLaterChange(this.#connection, table, change);
    }
  }

  cascadesFrom(tables: readonly TableName[]): Promise<readonly TableName[]> {
    return this.#tables.cascadesFrom(tables);
  }

  async assess(): Promise<Assessment> {
    await this.#cascaded.settle();
    const tables = this.#tables.all;
    await this.#connection.run('TRUNCATE pg_temp.undo_conflict');
    for (const table of tables) {
      await checkTable.rows(this.#connection, table, this.#locks);
    }
    for (const table of tables) await checkTable.constraints(this.#connection, table, this.#tables);
    this.#counts = new Map();
    const clean = new Map<StagedTable, RowCounts & { readonly conflict: number }>();
    for (const table of tables) {
      const counts = await countRows(this.#connection, table);
      checkTable.rights(table, counts);
      this.#counts.set(table, counts);
      const inConflict = await countInConflict(this.#connection, table, counts);
      clean.set(table, { ...without(counts, inConflict), conflict: total(inConflict) });
    }
    return {
      tables: [
        ...tables.map((table) => ({
          ...table.name,
          ...(clean.get(table) ?? { insert: 0, update: 0, delete: 0, conflict: 0 }),
          already: table.already,
          identity: table.facts.identity,
          triggers: table.facts.triggers.map(({ trigger }) => trigger),
          addedColumns: table.addedColumns,
          addedAfter: ({ id }: { readonly id: string }) => isLater(table.facts.added, id),
        })),
        ...this.#tables.missing.map(({ schema, name, changes }) => ({
          schema,
          name,
          insert: 0,
          update: 0,
          delete: 0,
          conflict: changes,
          already: 0,
          identity: null,
          triggers: [],
          addedColumns: [],
          addedAfter: () => false,
        })),
      ],
      conflicts: await countConflicts(this.#connection, this.#tables),
    };
  }

  conflicts(limit: number): Promise<readonly TargetConflict[]> {
    return listConflicts(this.#connection, this.#tables, limit);
  }

  settle(mode: 'skip' | 'force'): Promise<number> {
    return settle(this.#connection, this.#tables, mode);
  }

  rows(options: { readonly perTable?: number }): AsyncIterable<TargetRow> {
    return readRows(this.#connection, this.#tables.all, options.perTable);
  }

  async apply({
    context,
    triggers,
    allowTriggerChanges,
  }: TargetApplyOptions): Promise<TargetApplied> {
    const connection = this.#connection;
    const written = [...this.#counts].filter(([, counts]) => total(counts) > 0);
    const tables = written.map(([table]) => table);
    const restore = triggers ? null : await disableTriggers(connection, tables);
    const [row] = await connection.rows<{ id: string }>(
      `SELECT (pg_current_xact_id()::text::numeric % 4294967296)::text AS id,
         pg_logical_emit_message(true, 'tidings', ${quoteLiteral(asciiJson(context))})`,
    );
    await connection.withOwnSettings(async () => {
      await writeRows(connection, written);
      await connection.run('SET CONSTRAINTS ALL IMMEDIATE');
    });
    const warnings: string[] = [];
    for (const [table, { insert }] of written) {
      if (insert > 0) warnings.push(...(await advanceSequences(connection, table)));
    }
    warnings.push(...(await this.#checkTriggers(tables, allowTriggerChanges)));
    await restore?.();
    if (!triggers) warnings.push('Triggers did not fire; foreign keys were checked as always.');
    await connection.run('COMMIT');
    return {
      tables: written.map(([table, counts]) => ({ ...table.name, ...counts })),
      transaction: row?.id ?? '',
      warnings,
    };
  }

  script(options: { readonly context: string; readonly title: string }): AsyncIterable<string> {
    return scriptOf(this.#connection, this.#tables, this.#counts, options);
  }

  /** A trigger of one table may have written to another one. */
  async #checkTriggers(
    tables: readonly StagedTable[],
    allowed: boolean,
  ): Promise<readonly string[]> {
    if (!tables.some((table) => table.facts.triggers.length > 0)) return [];
    const found: string[] = [];
    let rows = 0;
    for (const table of tables) {
      const different = await countDifferent(this.#connection, table);
      if (different === 0) continue;
      rows += different;
      found.push(qualifiedName(table.facts));
    }
    if (rows === 0) return [];
    if (!allowed) {
      throw new TidingsError('UNDO_TRIGGERS_INTERFERED', { rows, tables: found.join(', ') });
    }
    return [`Triggers changed ${rows} rows again that had been put back (${found.join(', ')}).`];
  }
}

/** Transaction ids have 32 bits and begin anew: the later of two is less than half of that ahead. */
function isLater(id: string | null, other: string): boolean {
  if (id === null) return false;
  const distance = (Number(id) - Number(other)) >>> 0;
  return distance > 0 && distance < 2 ** 31;
}

function without(counts: RowCounts, some: RowCounts): RowCounts {
  return {
    insert: counts.insert - some.insert,
    update: counts.update - some.update,
    delete: counts.delete - some.delete,
  };
}

function total({ insert, update, delete: deleted }: RowCounts): number {
  return insert + update + deleted;
}
