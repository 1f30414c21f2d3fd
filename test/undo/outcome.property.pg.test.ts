/**
 * Random small schemas with everything that acts while rows come back (invariant 16): the database is
 * what the plan said, every table of it, or nothing is changed and something says why.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { type UndoFixture, undoFixture } from './fixture.ts';

/** How long it looks for a counterexample; seconds. `TIDINGS_PROPERTY_SECONDS` looks longer. */
const SECONDS = Number(process.env['TIDINGS_PROPERTY_SECONDS'] ?? 12);

const ACTIONS = ['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT'] as const;

/** Types of referenced values, with values that are equal and not the same. */
const TYPES = {
  text: [`'a'`, `'b'`, `'c'`],
  numeric: ['1', '1.0', '2', '2.00', '3'],
  float8: [`'0'`, `'-0'`, `'1'`, `'2'`],
  'text COLLATE anyhow': [`'a'`, `'A'`, `'b'`, `'B'`, `'c'`],
} as const;
type Type = keyof typeof TYPES;

/** Places of three values that are not equal. */
const APART: Readonly<Record<Type, readonly number[]>> = {
  text: [0, 1, 2],
  numeric: [0, 2, 4],
  float8: [0, 2, 3],
  'text COLLATE anyhow': [0, 2, 4],
};

const KEYS = ['key', 'nullable', 'generated', 'identity'] as const;

const TRIGGERS = {
  none: '',
  'changes the row': `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      NEW.v := COALESCE(NEW.v, 0) + 1; RETURN NEW; END $$;
    CREATE TRIGGER w BEFORE INSERT OR UPDATE ON TABLE_ FOR EACH ROW EXECUTE FUNCTION f()`,
  'leaves rows out': `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RETURN CASE WHEN NEW.v = 1 THEN NULL ELSE NEW END; END $$;
    CREATE TRIGGER w BEFORE INSERT OR UPDATE ON TABLE_ FOR EACH ROW EXECUTE FUNCTION f()`,
  counts: `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      UPDATE totals SET n = n + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END; RETURN NULL; END $$;
    CREATE TRIGGER w AFTER INSERT OR DELETE ON TABLE_ FOR EACH ROW EXECUTE FUNCTION f()`,
  audits: `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO audit VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER w AFTER INSERT OR UPDATE OR DELETE ON TABLE_ FOR EACH STATEMENT EXECUTE FUNCTION f()`,
  'removes others': `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      DELETE FROM bag WHERE v = 2; RETURN NULL; END $$;
    CREATE TRIGGER w AFTER UPDATE OR DELETE ON TABLE_ FOR EACH STATEMENT EXECUTE FUNCTION f()`,
  'tries and fails': `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      BEGIN INSERT INTO bag VALUES (7, 7); RAISE 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN NULL; END $$;
    CREATE TRIGGER w AFTER INSERT ON TABLE_ FOR EACH ROW EXECUTE FUNCTION f()`,
  'at the end': `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      UPDATE totals SET n = n + 1; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER w AFTER INSERT ON TABLE_ DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()`,
  'is a rule': 'CREATE RULE w AS ON DELETE TO TABLE_ DO ALSO DELETE FROM totals',
  'is a rule instead': 'CREATE RULE w AS ON DELETE TO TABLE_ DO INSTEAD NOTHING',
} as const;

const ACTION = fc.constantFrom(...ACTIONS, 'CASCADE', 'CASCADE');
const FOREIGN = fc.record({
  onDelete: ACTION,
  onUpdate: ACTION,
  deferrable: fc.boolean(),
});
type Foreign = {
  readonly onDelete: string;
  readonly onUpdate: string;
  readonly deferrable: boolean;
};

const SCHEMA = fc.record({
  type: fc.constantFrom<Type>('text', 'numeric', 'float8', 'text COLLATE anyhow'),
  parent: fc.constantFrom(...KEYS),
  child: fc.constantFrom('key', 'nullable', 'bag'),
  first: FOREIGN,
  second: FOREIGN,
  itself: fc.option(FOREIGN, { freq: 3 }),
  trigger: fc.oneof(
    { weight: 3, arbitrary: fc.constant('none' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(...(Object.keys(TRIGGERS) as (keyof typeof TRIGGERS)[])),
    },
  ),
  on: fc.constantFrom('p', 'k', 'm'),
  late: fc.boolean(),
});
type Schema = typeof SCHEMA extends fc.Arbitrary<infer Value> ? Value : never;

function foreign({ onDelete, onUpdate, deferrable }: Foreign): string {
  const defer = deferrable ? 'DEFERRABLE INITIALLY DEFERRED' : '';
  return `ON DELETE ${onDelete} ON UPDATE ${onUpdate} ${defer}`;
}

/** `p` is referred to by `k` and maybe by itself, `k` by `m`; `bag`, `totals` and `audit` stand apart. */
function tables({ type, parent, child, first, second, itself }: Schema): string {
  const code: Record<Schema['parent'], string> = {
    key: `id int PRIMARY KEY, code ${type} UNIQUE NOT NULL`,
    nullable: `id int, code ${type} UNIQUE`,
    generated: `id int, raw ${type}, code ${type} GENERATED ALWAYS AS (raw) STORED UNIQUE`,
    identity: `id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code ${type} UNIQUE`,
  };
  const key: Record<Schema['child'], string> = {
    key: 'id int PRIMARY KEY, tag int UNIQUE',
    nullable: 'id int, tag int UNIQUE',
    bag: 'id int, tag int',
  };
  const fallback = TYPES[type][0];
  const up =
    itself === null
      ? ''
      : `, up ${type} DEFAULT ${fallback} REFERENCES p (code) ${foreign(itself)}`;
  const below =
    child === 'bag'
      ? 'CREATE TABLE m (id int PRIMARY KEY, k int, v int)'
      : `CREATE TABLE m (id int PRIMARY KEY, k int DEFAULT 1 REFERENCES k (tag) ${foreign(second)}, v int)`;
  return `
    CREATE COLLATION IF NOT EXISTS anyhow (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE p (${code[parent]}${up}, v int);
    CREATE TABLE k (${key[child]}, code ${type} DEFAULT ${fallback} REFERENCES p (code) ${foreign(first)}, v int);
    ${below}; CREATE TABLE bag (k int, v int); CREATE TABLE audit (v text);
    CREATE TABLE totals (id int PRIMARY KEY, n int); INSERT INTO totals VALUES (1, 0)`;
}

interface Statement {
  readonly what: number;
  readonly a: number;
  readonly b: number;
}

const STATEMENT: fc.Arbitrary<Statement> = fc.record({
  what: fc.nat(15),
  a: fc.nat(4),
  b: fc.nat(4),
});

function sql({ what, a, b }: Statement, { type, parent, itself }: Schema): string {
  const values = TYPES[type];
  const value = (n: number): string => values[n % values.length] ?? 'NULL';
  const code = parent === 'generated' ? 'raw' : 'code';
  const up = itself === null ? ['', ''] : [', up', `, ${b % 2 === 0 ? 'NULL' : value(b)}`];
  const given = parent === 'identity' ? 'OVERRIDING SYSTEM VALUE ' : '';
  const statements = [
    `INSERT INTO p (id, ${code}, v${up[0]}) ${given}VALUES (${a}, ${value(b)}, ${a}${up[1]})`,
    `INSERT INTO p (id, ${code}, v${up[0]}) ${given}VALUES (${b}, ${value(a)}, ${b}${up[1]})`,
    `UPDATE p SET ${code} = ${value(b)} WHERE id = ${a}`,
    `UPDATE p SET ${code} = ${value(b)} WHERE id = ${a}`,
    `UPDATE p SET v = ${b}`,
    `DELETE FROM p WHERE id = ${a}`,
    `INSERT INTO k (id, tag, code, v) VALUES (${a}, ${a}, ${value(b)}, ${b})`,
    `INSERT INTO k (id, tag, code, v) VALUES (${b}, ${b}, ${value(a)}, ${a})`,
    `UPDATE k SET code = ${value(b)} WHERE id = ${a}`,
    `UPDATE k SET tag = ${b} WHERE id = ${a}`,
    `UPDATE k SET v = ${b} WHERE id <> ${a}`,
    `DELETE FROM k WHERE id = ${a}`,
    `INSERT INTO m (id, k, v) VALUES (${a}, ${b}, ${a})`,
    `UPDATE m SET k = ${b} WHERE id = ${a}`,
    `INSERT INTO bag VALUES (${a}, ${b}), (${a}, 2)`,
    `DELETE FROM bag WHERE k = ${a}`,
  ];
  return statements[what] ?? 'SELECT 1';
}

/** Rows of each table to begin with. */
function seedOf({ type }: Schema): readonly Statement[] {
  return APART[type].flatMap((place, id) => [
    { what: 0, a: id, b: place },
    { what: 6, a: id, b: place },
    { what: 12, a: id, b: id },
    { what: 14, a: id, b: id },
  ]);
}

const NAMES = ['p', 'k', 'm', 'bag', 'totals', 'audit'] as const;
type State = ReadonlyMap<string, readonly string[]>;

async function stateOf(at: UndoFixture): Promise<State> {
  const found = new Map<string, readonly string[]>();
  for (const name of NAMES) {
    const rows = await at.rows(`SELECT r::text FROM ${name} r ORDER BY r::text COLLATE "C"`);
    found.set(name, rows);
  }
  return found;
}

/** `now`, less what went from `was` to `became`. */
function takenBack(
  now: readonly string[],
  was: readonly string[],
  became: readonly string[],
): string[] {
  const left = [...now];
  const remove = (rows: string[], row: string): boolean => {
    const place = rows.indexOf(row);
    if (place >= 0) rows.splice(place, 1);
    return place >= 0;
  };
  const lost = [...was];
  const gained = became.filter((row) => !remove(lost, row));
  for (const row of gained) remove(left, row);
  return [...left, ...lost].sort();
}

/** Statements that the database refuses are left out. @returns its id. */
async function run(at: UndoFixture, schema: Schema, all: readonly Statement[]): Promise<string> {
  const { client } = at.database;
  await client.query('BEGIN');
  for (const statement of all) {
    await client.query('SAVEPOINT s');
    await client
      .query(
        `${sql(statement, schema)}; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED`,
      )
      .catch(() => client.query('ROLLBACK TO s'));
  }
  // Something of every transaction is in the log.
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO marks DEFAULT VALUES
     RETURNING (pg_current_xact_id()::text::numeric % 4294967296)::text AS id`,
  );
  await client.query('COMMIT');
  const id = rows[0]?.id ?? '';
  await at.logged(id);
  return id;
}

/** A transaction that is undone, what came after it, and how. */
interface Round {
  readonly undone: readonly Statement[];
  readonly later: readonly Statement[];
  readonly way: 'apply' | 'script' | 'skip' | 'force';
}

const ROUND: fc.Arbitrary<Round> = fc.record({
  undone: fc.array(STATEMENT, { minLength: 1, maxLength: 5 }),
  later: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(STATEMENT, { minLength: 1, maxLength: 2 }) },
  ),
  way: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('apply' as const, 'script' as const) },
    { weight: 1, arbitrary: fc.constantFrom('skip' as const, 'force' as const) },
  ),
});

const RUN = fc.record({
  schema: SCHEMA,
  base: fc.array(STATEMENT, { maxLength: 8 }),
  rounds: fc.array(ROUND, { minLength: 3, maxLength: 6 }),
});

/** @returns whether it was written; throws nothing but a reason. */
async function undo(
  at: UndoFixture,
  transaction: string,
  way: Round['way'],
): Promise<'done' | 'partly' | 'refused'> {
  const plan = await at.plan({ transaction, tables: NAMES.map((name) => `public.${name}`) });
  try {
    if (way === 'script') {
      let script = '';
      for await (const piece of at.undo.undoScript(plan, {}, at.signal)) script += piece;
      const client = await at.database.connect();
      try {
        await client.query(script);
      } finally {
        await client.end();
      }
      return plan.tables.every(({ already }) => already === 0) ? 'done' : 'partly';
    }
    const onConflict = way === 'apply' ? 'refuse' : way;
    const result = await at.undo.applyUndo(plan, { onConflict }, at.signal);
    if (!result.applied) {
      assert.ok(result.conflicts.total > 0, 'a refusal has a reason');
      return 'refused';
    }
    const all = result.skipped + result.forced === 0 && way !== 'force';
    return all && result.tables.every(({ already }) => already === 0) ? 'done' : 'partly';
  } catch (error) {
    if (way === 'script')
      assert.ok((error as { severity?: string }).severity === 'ERROR', String(error));
    // A rule that does something else makes the database's own checks fail in ways of their own.
    else assert.ok(isTidingsError(error), String(error));
    return 'refused';
  }
}

test('what acts while rows come back: the plan, or nothing', { timeout: 600_000 }, async () => {
  await using at = await undoFixture('CREATE TABLE public.marks (n serial PRIMARY KEY)');
  const { client } = at.database;
  const counts = { done: 0, partly: 0, refused: 0, nothing: 0 };
  const check = async (schema: Schema, { undone, later, way }: Round): Promise<void> => {
    const before = await stateOf(at);
    const transaction = await run(at, schema, undone);
    const after = await stateOf(at);
    if (later.length > 0) await run(at, schema, later);
    const now = await stateOf(at);
    const outcome = await undo(at, transaction, way);
    const end = await stateOf(at);
    const rows = (state: State, name: string): readonly string[] => state.get(name) ?? [];
    counts[isDeepStrictEqual(before, after) ? 'nothing' : outcome] += 1;
    for (const name of NAMES) {
      if (outcome === 'refused') {
        assert.deepEqual(rows(end, name), rows(now, name), `${name} is unchanged`);
        continue;
      }
      const expected = takenBack(rows(now, name), rows(before, name), rows(after, name));
      if (name === 'audit') {
        const added = takenBack(rows(end, name), [], expected);
        assert.equal(added.length, rows(end, name).length - expected.length, 'audit has lost rows');
      } else if (outcome === 'done') {
        assert.deepEqual([...rows(end, name)].sort(), expected, `${name} is what was planned`);
      }
    }
  };
  const property = fc.asyncProperty(RUN, async ({ schema, base, rounds }) => {
    await client.query(
      'DROP TABLE IF EXISTS m, k, p, bag, totals, audit; DROP FUNCTION IF EXISTS f',
    );
    await client.query(tables(schema));
    const full = NAMES.map((name) => `ALTER TABLE ${name} REPLICA IDENTITY FULL`);
    await client.query(full.join('; '));
    await run(at, schema, [...seedOf(schema), ...base]);
    const trigger = TRIGGERS[schema.trigger].replaceAll('TABLE_', schema.on);
    for (const [place, round] of rounds.entries()) {
      if (place === (schema.late ? 2 : 0)) await client.query(trigger);
      await check(schema, round);
    }
  });
  await fc.assert(property, {
    numRuns: 10_000,
    interruptAfterTimeLimit: SECONDS * 1000,
    markInterruptAsFailure: false,
    endOnFailure: true,
  });
  const total = counts.done + counts.partly + counts.refused;
  assert.ok(total < 10 || counts.done > 0, JSON.stringify(counts));
  if (process.env['TIDINGS_PROPERTY_SECONDS'] !== undefined) console.log(counts);
});
