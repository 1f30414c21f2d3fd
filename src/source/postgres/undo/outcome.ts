import { qualifiedName } from '../../../change/table.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import type { UndoOperation } from '../../undo-target.ts';
import {
  BEGIN_OUTCOME,
  differentSql,
  type Effect,
  EFFECTS,
  holdSql,
  noteSql,
  RECOUNT_OUTCOME,
  strayRowsSql,
} from './outcome-sql.ts';
import {
  comparedTables,
  findReach,
  type OutcomeOptions,
  type Reach,
  startCounting,
} from './reach.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Rows that an error names, per table. */
const NAMED = 3;

/** Rows that are not what the undo made of them. */
interface Different {
  readonly table: StagedTable;
  readonly rows: number;
  readonly keys: readonly (readonly string[])[];
}

/**
 * Sees to it that an undo did what was planned and nothing else (invariant 16): every row that it
 * wrote, and every table that it may have reached by triggers, rules and foreign keys.
 */
export class Outcome {
  readonly #connection: UndoConnection;
  readonly #tables: readonly StagedTable[];
  readonly #compared: readonly StagedTable[];
  readonly #reached: ReadonlySet<StagedTable>;
  readonly #counts: boolean;
  readonly #reach: Reach;

  private constructor(
    connection: UndoConnection,
    options: OutcomeOptions & { readonly reach: Reach; readonly counts: boolean },
  ) {
    this.#connection = connection;
    this.#tables = options.tables;
    this.#compared = comparedTables(options, options.reach);
    this.#reached = options.reached;
    this.#counts = options.counts;
    this.#reach = options.reach;
  }

  /** To be begun before anything is written, switching off triggers included. */
  static async begin(connection: UndoConnection, options: OutcomeOptions): Promise<Outcome> {
    const reach = await findReach(connection, options.tables, options.triggers);
    const counts = await startCounting(connection, options.tables, reach);
    for (const statement of BEGIN_OUTCOME) await connection.run(statement);
    const outcome = new Outcome(connection, { ...options, reach, counts });
    for (const table of outcome.#compared) {
      if (table.key === null) await connection.run(holdSql(table));
    }
    return outcome;
  }

  /** Takes note of rows that a statement of ours has written. */
  async note(table: StagedTable, operation: UndoOperation, rows: number): Promise<void> {
    await this.#connection.run(noteSql(table, operation, String(rows)));
  }

  /** Begins anew after what was written was rolled back to where this began. */
  async recount(): Promise<void> {
    for (const statement of RECOUNT_OUTCOME) await this.#connection.run(statement);
  }

  /**
   * To be asked when everything is written and nothing is deferred any more.
   * @param allowed whether triggers and rules may make of it what they do.
   * @returns warnings.
   * @throws TidingsError `UNDO_TRIGGERS_INTERFERED`, `UNDO_REACHED_FURTHER`
   */
  async check(allowed: boolean): Promise<readonly string[]> {
    const effects = this.#counts ? await this.#connection.rows<Effect>(EFFECTS) : [];
    const different = await this.#different(effects);
    const further: string[] = [];
    const warnings: string[] = [];
    for (const effect of effects) {
      if (isAddition(effect)) {
        const { schema, name, inserted } = effect;
        warnings.push(`Triggers or rules added ${inserted} rows to ${schema}.${name}.`);
      } else further.push(...(await this.#beyond(effect)));
    }
    if (different.length === 0 && further.length === 0) return warnings;
    const { code, keys } = this.#reach;
    const rows = different.reduce((sum, table) => sum + table.rows, 0);
    const tables = different.map(describeDifferent).join('; ');
    if (allowed && code.length > 0) {
      if (rows > 0) {
        warnings.push(`Triggers changed ${rows} rows again that had been put back (${tables}).`);
      }
      if (further.length > 0) warnings.push(`Triggers or rules did more: ${further.join('; ')}.`);
      return warnings;
    }
    if (rows > 0 && code.length > 0) {
      throw new TidingsError('UNDO_TRIGGERS_INTERFERED', { rows, tables });
    }
    const changed = rows > 0 ? [`not as planned: ${tables}`] : [];
    throw new TidingsError('UNDO_REACHED_FURTHER', {
      effects: [...further, ...changed].join('; '),
      causes: [...code, ...keys].join(', ') || 'code of the database',
    });
  }

  /** Compares the tables whose rows can be other than what was written. */
  async #different(effects: readonly Effect[]): Promise<readonly Different[]> {
    const written = this.#tables.filter((table) => effects.some((effect) => isOf(effect, table)));
    const different: Different[] = [];
    for (const table of new Set([...this.#compared, ...written])) {
      // What a table without a key held was noted only where it was to be compared.
      if (table.key === null && !this.#compared.includes(table)) continue;
      const found = await this.#listed(table, differentSql(table));
      if (found.rows > 0) different.push({ table, ...found });
    }
    return different;
  }

  /** What an effect has done beyond the rows of the undo, in words. */
  async #beyond(effect: Effect): Promise<readonly string[]> {
    const { emptied, inserted, deleted } = effect;
    const acted = [...this.#reached].find((table) => isOf(effect, table));
    if (acted === undefined || acted.key === null || emptied || inserted !== 0 || deleted !== 0) {
      return [describeEffect(effect)];
    }
    const stray = await this.#listed(acted, strayRowsSql(acted));
    return stray.rows === 0 ? [] : [describeDifferent({ table: acted, ...stray })];
  }

  async #listed(table: StagedTable, select: string): Promise<Omit<Different, 'table'>> {
    const [found] = await this.#connection.rows<Omit<Different, 'table'>>(
      `WITH found AS MATERIALIZED (${select})
       SELECT count(*)::integer AS rows, COALESCE((SELECT json_agg(key)
         FROM (SELECT key FROM found LIMIT ${NAMED}) f), '[]') AS keys FROM found`,
    );
    if (found === undefined) throw new Error(`${table.facts.name} was not compared`);
    return found;
  }
}

/** Rows that were only added to a table which is no part of the undo: nothing is lost by them. */
function isAddition({ planned, emptied, updated, deleted }: Effect): boolean {
  return !planned && !emptied && updated === 0 && deleted === 0;
}

function isOf({ schema, name }: Effect, { facts }: StagedTable): boolean {
  return facts.schema === schema && facts.name === name;
}

function describeDifferent({ table, rows, keys }: Different): string {
  const columns = table.key?.map(({ column }) => column) ?? [];
  const named = keys.map((texts) =>
    columns.length === 0
      ? texts.join('')
      : texts.map((text, at) => `${columns[at] ?? ''}=${text}`).join(' '),
  );
  const more = rows > keys.length ? `, and ${rows - keys.length} more` : '';
  return `${qualifiedName(table.facts)} ${named.join(', ')}${more}`;
}

function describeEffect({ schema, name, inserted, updated, deleted, emptied }: Effect): string {
  if (emptied) return `${schema}.${name}: emptied or rewritten`;
  const counts = [
    [inserted, 'inserted'],
    [updated, 'updated'],
    [deleted, 'deleted'],
  ] as const;
  const found = counts.flatMap(([rows, what]) => {
    if (rows === 0) return [];
    return [`${Math.abs(rows)} rows ${rows < 0 ? 'fewer' : 'more'} ${what}`];
  });
  return `${schema}.${name}: ${found.join(', ')}`;
}
