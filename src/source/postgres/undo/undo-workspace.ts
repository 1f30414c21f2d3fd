import type { StoredChange } from '../../../change/stored-change.ts';
import type { TableDefinition } from '../../../change/table.ts';
import type {
  Assessment,
  TableName,
  TargetApplied,
  TargetApplyOptions,
  TargetConflict,
  TargetRefused,
  LoweredCounter,
  TargetRow,
  TargetTable,
  TruncatedTable,
  UndoWorkspace,
} from '../../undo-target.ts';
import { asciiJson } from '../connection/ascii-json.ts';
import { quoteLiteral } from '../quote.ts';
import { findActedOn } from './acted-on.ts';
import { countRows, type RowCounts } from './apply.ts';
import { changeBack, takeBack } from './change-back.ts';
import { checkTable } from './check-table.ts';
import { countInConflict } from './count-conflicts.ts';
import { CONFLICT_TABLES } from './check-rows.ts';
import { countConflicts, listConflicts } from './conflicts.ts';
import { loweredCounters } from './lowered-counters.ts';
import { findRefused, toRefused } from './find-refused.ts';
import { requireKnownMoney } from './known-money.ts';
import { Outcome } from './outcome.ts';
import { readRows } from './read-rows.ts';
import { TEXTS_TABLE } from './read-texts.ts';
import { RETYPED_TABLE } from './retyped-notes.ts';
import { scriptOf, type ScriptOptions } from './script.ts';
import { advanceSequences } from './sequences.ts';
import { lossesOf, settle } from './settle.ts';
import { stageLaterChange } from './later-changes.ts';
import { CascadedChanges } from './stage-cascaded.ts';
import { stageTruncated } from './stage-truncated.ts';
import { StagedTables } from './staged-tables.ts';
import type { StagedTable } from './staged-table.ts';
import type { TableFacts } from './table-facts.ts';
import { triggerStatements } from './triggers.ts';
import { atTable } from './undo-error.ts';
import type { UndoConnection } from './undo-connection.ts';
import { writeOnly, writeRows } from './write-rows.ts';
import { postponedTables, writingOrders } from './writing-order.ts';

type Written = readonly (readonly [StagedTable, RowCounts])[];

const TABLES = [CONFLICT_TABLES, RETYPED_TABLE, TEXTS_TABLE].join(';');

/** An undo in temporary tables of one transaction. */
export class PostgresUndoWorkspace implements UndoWorkspace {
  readonly #connection: UndoConnection;
  readonly #locks: boolean;
  #tables: StagedTables;
  #cascaded: CascadedChanges;
  #counts = new Map<StagedTable, RowCounts>();
  /** Whether the short way of `change-back.ts` is still to be tried, or has written everything. */
  #shortWay: 'untried' | 'written' | 'closed' = 'untried';

  private constructor(connection: UndoConnection, locks: boolean) {
    this.#connection = connection;
    this.#locks = locks;
    if (!locks) this.#shortWay = 'closed';
    this.#tables = new StagedTables(connection, { pairs: locks });
    this.#cascaded = new CascadedChanges(connection, this.#tables);
  }

  static async open(connection: UndoConnection, locks: boolean): Promise<PostgresUndoWorkspace> {
    await connection.run(TABLES);
    return new PostgresUndoWorkspace(connection, locks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  presume(tables: ReadonlyMap<TableDefinition, string>): void {
    this.#tables.presume(tables);
  }

  async stage(changes: readonly StoredChange[]): Promise<void> {
    for (const change of changes) {
      // Asked first: waiting for a promise per row would be a good part of its cost.
      const table = this.#tables.known(change.table) ?? (await this.#tables.enter(change));
      if (table === null) {
        this.#tables.lose(change.table);
        continue;
      }
      requireKnownMoney(change);
      const sending = table.add(change);
      if (sending !== undefined) await atTable(table, () => sending);
    }
  }

  async stageTruncate(
    truncate: TruncatedTable,
    history: AsyncIterable<readonly StoredChange[]>,
  ): Promise<void> {
    await stageTruncated({ connection: this.#connection, tables: this.#tables, truncate, history });
  }

  async stageCascaded(changes: readonly StoredChange[]): Promise<void> {
    for (const change of changes) requireKnownMoney(change);
    await this.#cascaded.add(changes);
  }

  async reset({ onlyCertain = false } = {}): Promise<void> {
    for (const table of this.#tables.all) await table.send();
    await this.#leaveShortWay();
    await this.#connection.run('DISCARD TEMPORARY');
    await this.#connection.run(TABLES);
    const pairs = this.#shortWay === 'untried';
    this.#tables = new StagedTables(this.#connection, { pairs, onlyCertain });
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
      const table = await this.#tables.enter(change);
      if (table !== null) await stageLaterChange(this.#connection, table, change);
    }
  }

  async stageLaterTruncate(
    truncate: TruncatedTable,
    history: AsyncIterable<readonly StoredChange[]>,
  ): Promise<void> {
    const options = { connection: this.#connection, tables: this.#tables, truncate, history };
    await stageTruncated({ ...options, later: true });
  }

  cascadesFrom(tables: readonly TableName[]): Promise<readonly TableName[]> {
    return this.#tables.cascadesFrom(tables);
  }

  async assess(): Promise<Assessment> {
    await this.#cascaded.settle();
    const tables = this.#tables.all;
    await this.#leaveShortWay();
    await this.#connection.run('TRUNCATE pg_temp.undo_conflict');
    if (!(await this.#tryShortWay())) {
      for (const table of tables) {
        await atTable(table, () => checkTable.rows(this.#connection, table, this.#locks));
      }
      for (const table of tables) {
        await atTable(table, () => checkTable.constraints(this.#connection, table, this.#tables));
      }
    }
    this.#counts = new Map();
    const clean = new Map<StagedTable, RowCounts & { readonly conflict: number }>();
    for (const table of tables) {
      const counts = await this.#count(table);
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
          ...columnsOf(table.facts),
          addedColumns: [...new Set([...table.addedColumns, ...table.filledColumns])],
          ...this.#tables.namesOf(table),
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
          columns: null,
          computed: [],
          addedColumns: [],
          formerNames: [],
          onlyByName: false,
        })),
      ],
      conflicts: await countConflicts(this.#connection, this.#tables),
    };
  }

  conflicts(limit: number): Promise<readonly TargetConflict[]> {
    return listConflicts(this.#connection, this.#tables, limit);
  }

  loweredCounters(): Promise<readonly LoweredCounter[]> {
    return loweredCounters(this.#connection, this.#tables.all);
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
    allowTriggerChanges: allowed,
  }: TargetApplyOptions): Promise<TargetApplied> {
    const connection = this.#connection;
    const written = [...this.#counts].filter(([, counts]) => total(counts) > 0);
    const [row] = await connection.rows<{ id: string }>(
      `SELECT (pg_current_xact_id()::text::numeric % 4294967296)::text AS id,
         pg_logical_emit_message(true, 'tidings', ${quoteLiteral(asciiJson(context))})`,
    );
    // Of the short way the count has said all there is to say: nothing else can follow from it.
    const isDone = this.#shortWay === 'written';
    const warnings = isDone ? [] : [...(await this.#write(written, { triggers, allowed }))];
    for (const [table] of written) warnings.push(...lossesOf(table));
    if (!triggers) warnings.push('Triggers did not fire; foreign keys were checked as always.');
    await connection.run('COMMIT');
    return {
      tables: written.map(([table, counts]) => ({ ...table.name, ...counts })),
      transaction: row?.id ?? '',
      warnings,
    };
  }

  /** Writes, and sees that nothing else came of it (invariant 16). @returns warnings. */
  async #write(
    written: Written,
    { triggers, allowed }: { readonly triggers: boolean; readonly allowed: boolean },
  ): Promise<readonly string[]> {
    const connection = this.#connection;
    const tables = written.map(([table]) => table);
    const acted = await findActedOn(connection, this.#tables, this.#counts);
    const reached = postponedTables(written, acted);
    const outcome = await Outcome.begin(connection, { tables, reached, triggers });
    const { off, on } = triggers ? { off: [], on: [] } : triggerStatements(tables);
    for (const statement of off) await connection.run(statement);
    await writeRows(connection, writingOrders(written, acted), outcome, allowed);
    const warnings: string[] = [];
    for (const [table, { insert }] of written) {
      if (insert > 0) warnings.push(...(await advanceSequences(connection, table)));
    }
    for (const statement of on) await connection.run(statement);
    return [...warnings, ...(await outcome.check(allowed))];
  }

  async findRefused({
    state,
    triggers,
  }: {
    readonly state: string;
    readonly triggers: boolean;
  }): Promise<TargetRefused | null> {
    const connection = this.#connection;
    const tables = [...this.#counts].flatMap(([table, counts]) =>
      total(counts) > 0 ? [table] : [],
    );
    const { off } = triggers ? { off: [] } : triggerStatements(tables);
    for (const statement of off) await connection.run(statement);
    const write = (written: Written): Promise<void> => writeOnly(connection, written);
    const found = await findRefused({ connection, tables, state, write });
    return found === null ? null : toRefused(found, triggers);
  }

  script(options: ScriptOptions): AsyncIterable<string> {
    return scriptOf(this.#connection, this.#tables, this.#counts, options);
  }

  async #count(table: StagedTable): Promise<RowCounts> {
    if (table.pairs !== null) return { insert: 0, update: table.pairs.rows, delete: 0 };
    const counts = await countRows(this.#connection, table);
    checkTable.rights(table, counts);
    return counts;
  }

  /** @returns whether everything is written, so that nothing is left to be checked. */
  async #tryShortWay(): Promise<boolean> {
    if (this.#shortWay !== 'untried') return false;
    const [table, ...others] = this.#tables.all.filter(({ changes }) => changes > 0);
    this.#shortWay = 'closed';
    if (table === undefined || others.length > 0 || this.#tables.missing.length > 0) return false;
    await table.send();
    if (!(await changeBack(this.#connection, table))) return false;
    this.#shortWay = 'written';
    return true;
  }

  async #leaveShortWay(): Promise<void> {
    if (this.#shortWay !== 'written') return;
    this.#shortWay = 'closed';
    await takeBack(this.#connection);
  }
}

/** As the log has columns of a version. */
function columnsOf({ columns }: TableFacts): Pick<TargetTable, 'columns' | 'computed'> {
  return {
    columns: columns.map(({ name, number, type, kind, array, shape }) => ({
      name,
      number,
      type,
      kind,
      array,
      ...(shape === undefined ? {} : { shape }),
    })),
    computed: columns.flatMap(({ name, generated }) => (generated ? [name] : [])),
  };
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
