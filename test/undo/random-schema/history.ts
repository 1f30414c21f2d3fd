import { Choices } from './choices.ts';
import type { FeatureName } from './features.ts';
import { PIECES } from './pieces.ts';
import { userTables } from './user-tables.ts';
import { insertSql, ROW_STEPS } from './row-steps.ts';
import { SCHEMA_STEPS, leavesFullSql } from './schema-steps.ts';
import { readState, type State } from './state.ts';
import type { Step, StepKind } from './step.ts';
import { tableSql, typesSql } from './tables.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import type { World } from './world.ts';

const STEPS: { readonly [kind: string]: StepKind } = { ...ROW_STEPS, ...SCHEMA_STEPS };

/** Transactions of one case: what is to be done, before it meets a schema. */
export interface TransactionPlan {
  readonly steps: readonly Step[];
  /** True when constraints that can wait are checked at the end only. */
  readonly deferred: boolean;
  /** Seen by others only after it was sent. */
  readonly late: boolean;
}

/** A stretch of a transaction in which rows change by changes alone. */
export interface Stretch {
  readonly from: State;
  readonly to: State;
}

/** A transaction that was committed. */
export interface Committed {
  /** Null when it wrote nothing. */
  readonly id: string | null;
  /** In order; between two of them the schema was changed. */
  readonly stretches: readonly Stretch[];
  readonly state: State;
  readonly ddl: boolean;
  readonly truncates: boolean;
  /** True when it was sent before others could see it. */
  readonly held: boolean;
}

/** Everything that a case has done to the database, and what it looked like after each transaction. */
export interface History {
  readonly schemas: readonly string[];
  /** At the beginning, all of it captured. */
  readonly begin: State;
  /** The last transaction before the history. */
  readonly beginId: string;
  readonly transactions: readonly Committed[];
}

/** Runs statements, and keeps what was said to the database for a person to read. */
export class Writer {
  readonly trace: string[] = [];
  readonly schemas: readonly string[];
  readonly #world: World;
  readonly #features: ReadonlySet<FeatureName>;
  #numbers = 0;
  /** As it is now; null when that has to be read again. */
  #catalogue: Catalogue | null = null;
  #marks: number;

  constructor(world: World, schema: string, features: ReadonlySet<FeatureName>) {
    this.#world = world;
    this.schemas = [schema, `${schema}_new`];
    this.#features = features;
    this.#marks = 1000 * Number(schema.replace(/\D/g, ''));
  }

  /** Makes the schema: every statement that the database takes. */
  async build(
    schema: string,
    tables: readonly (readonly number[])[],
    pieces: readonly Step[],
  ): Promise<void> {
    await this.#world.writer.query(typesSql(schema));
    this.trace.push(typesSql(schema));
    for (const numbers of tables) {
      const context = await this.#context(numbers);
      const name = `${schema}.t${context.number}`;
      await this.#run(tableSql(context), { ddl: true });
      await this.#run(`ALTER TABLE ${name} REPLICA IDENTITY FULL; ${leavesFullSql(name)}`);
    }
    for (const { kind, numbers } of pieces) {
      const sql = PIECES[kind]?.sql(await this.#context(numbers)) ?? null;
      if (sql !== null) await this.#run(sql, { ddl: true });
    }
    await this.#run(
      ['audit', 'counts']
        .map((own) => `ALTER TABLE ${schema}.${own} REPLICA IDENTITY FULL`)
        .join('; '),
    );
  }

  /** Rows to begin with, one transaction each. */
  async fill(rows: readonly (readonly number[])[]): Promise<void> {
    for (const [at, numbers] of rows.entries()) {
      const context = await this.#context(numbers);
      const tables = userTables(context);
      const table = tables[at % tables.length];
      const sql = table === undefined ? null : insertSql(context, table);
      if (sql !== null) await this.#run(sql);
    }
  }

  /** @returns null when the database did not take it. */
  async transaction(plan: TransactionPlan, before: State): Promise<Committed | null> {
    const { writer } = this.#world;
    this.#catalogue = null;
    const from = this.trace.push('BEGIN;') - 1;
    await writer.query('BEGIN');
    const stretches: Stretch[] = [];
    let begin = before;
    let ddl = false;
    let truncates = false;
    for (const step of plan.steps) {
      const context = await this.#context(step.numbers);
      const kind = STEPS[step.kind];
      const sql = kind?.sql(context) ?? null;
      if (kind === undefined || sql === null) continue;
      if (kind.ddl !== true || step.undone) {
        const ran = await this.#run(sql, {
          inside: true,
          deferred: plan.deferred,
          undone: step.undone,
        });
        if (ran && step.kind.startsWith('truncate')) truncates = true;
        continue;
      }
      const now = await readState(writer, this.schemas);
      await this.#mark();
      if (await this.#run(sql, { inside: true, deferred: plan.deferred, ddl: true })) ddl = true;
      stretches.push({ from: begin, to: now });
      await this.#mark();
      begin = await readState(writer, this.schemas);
    }
    const { rows } = await writer.query<{ id: string | null }>(
      'SELECT pg_current_xact_id_if_assigned()::xid::text AS id',
    );
    const id = rows[0]?.id ?? null;
    let held = false;
    try {
      if (plan.late && id !== null) held = await this.#world.commitLate(id);
      else await writer.query('COMMIT');
    } catch (error) {
      await writer.query('ROLLBACK');
      this.#catalogue = null;
      this.trace.splice(from);
      this.trace.push(`-- a transaction was refused at its end: ${messageOf(error)}`);
      return null;
    }
    this.trace.push(`COMMIT; -- ${id ?? 'nothing'}${plan.late ? ', late' : ''}`);
    const state = await readState(writer, this.schemas);
    return {
      id,
      stretches: [...stretches, { from: begin, to: state }],
      state,
      ddl,
      truncates,
      held,
    };
  }

  read(): Promise<State> {
    return readState(this.#world.writer, this.schemas);
  }

  async #context(numbers: readonly number[]): Promise<Parameters<typeof tableSql>[0]> {
    this.#catalogue ??= await readCatalogue(this.#world.writer, this.schemas);
    const catalogue = this.#catalogue;
    this.#numbers += 1;
    return {
      choices: new Choices(numbers),
      catalogue,
      features: this.#features,
      number: this.#numbers,
    };
  }

  async #mark(): Promise<void> {
    await this.#world.writer.query(`INSERT INTO marks.marks VALUES (${++this.#marks})`);
  }

  /** @returns whether the database took it; what it does not take leaves nothing behind. */
  async #run(
    sql: string,
    {
      inside = false,
      deferred = false,
      undone = false,
      ddl = false,
    }: {
      readonly inside?: boolean;
      readonly deferred?: boolean;
      readonly undone?: boolean;
      readonly ddl?: boolean;
    } = {},
  ): Promise<boolean> {
    if (ddl) this.#catalogue = null;
    const { writer } = this.#world;
    const check = deferred ? '' : '; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED';
    try {
      await writer.query(inside ? 'SAVEPOINT s' : 'BEGIN');
      await writer.query(`${sql}${inside ? check : ''}`);
      if (undone) await writer.query('ROLLBACK TO s');
      if (!inside) await writer.query('COMMIT');
      else await writer.query('RELEASE s');
      this.trace.push(undone ? `SAVEPOINT s; ${sql}; ROLLBACK TO s;` : `${sql};`);
      return !undone;
    } catch (error) {
      await writer.query(inside ? 'ROLLBACK TO s; RELEASE s' : 'ROLLBACK');
      if (process.env['TIDINGS_FUZZ_REFUSED'] !== undefined) {
        this.trace.push(`-- refused: ${messageOf(error)}: ${sql.replaceAll('\n', ' ')}`);
      }
      return false;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
