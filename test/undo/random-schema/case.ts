import fc from 'fast-check';
import { checkAsOf } from './check-as-of.ts';
import { checkLog } from './check-log.ts';
import { checkUndo, type CaseAtHand } from './check-undo.ts';
import { Choices } from './choices.ts';
import { describeLog } from './describe-log.ts';
import type { FeatureName } from './features.ts';
import { type Committed, type History, type TransactionPlan, Writer } from './history.ts';
import { allowed, PIECES } from './pieces.ts';
import { ROW_STEPS } from './row-steps.ts';
import { SCHEMA_STEPS } from './schema-steps.ts';
import type { Statistics } from './statistics.ts';
import type { Step, StepKind } from './step.ts';
import type { World } from './world.ts';

/** Everything random about one case. */
export interface Case {
  readonly tables: readonly (readonly number[])[];
  readonly pieces: readonly Step[];
  /** Rows before the history begins. */
  readonly rows: readonly (readonly number[])[];
  readonly transactions: readonly TransactionPlan[];
  /** True when capture stands still while the history happens. */
  readonly waiting: boolean;
  readonly looks: readonly (readonly number[])[];
  readonly undos: readonly (readonly number[])[];
}

export function caseArbitrary(features: ReadonlySet<FeatureName>): fc.Arbitrary<Case> {
  const numbers = fc.array(fc.nat({ max: 99_999 }), { maxLength: 6, size: 'max' });
  const rarely = (feature: FeatureName): fc.Arbitrary<boolean> =>
    features.has(feature) ? fc.nat({ max: 3 }).map((n) => n === 3) : fc.constant(false);
  const kinds = (of: { readonly [kind: string]: StepKind }): fc.WeightedArbitrary<string>[] =>
    allowed(of, features).map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) }));
  const schemaKinds = kinds(SCHEMA_STEPS);
  // However many kinds of DDL there are: most of a history is rows.
  const stepKind = fc.oneof(
    { weight: 3, arbitrary: fc.oneof(...kinds(ROW_STEPS)) },
    ...(schemaKinds.length > 0 ? [{ weight: 1, arbitrary: fc.oneof(...schemaKinds) }] : []),
  );
  const steps = (kind: fc.Arbitrary<string>): fc.Arbitrary<Step> =>
    fc.record({
      kind,
      numbers,
      undone: fc.nat({ max: 7 }).map((n) => n === 7 && features.has('savepoints')),
    });
  const transaction = fc.record({
    steps: fc.array(steps(stepKind), { minLength: 1, maxLength: 4, size: 'max' }),
    deferred: rarely('foreign-keys'),
    late: rarely('late-standby'),
  });
  return fc.record({
    tables: fc.array(numbers, { minLength: 1, maxLength: 3, size: 'max' }),
    pieces: fc.array(steps(fc.oneof(...kinds(PIECES))), { maxLength: 6, size: 'max' }),
    rows: fc.array(numbers, { minLength: 3, maxLength: 8, size: 'max' }),
    transactions: fc.array(transaction, { minLength: 1, maxLength: 5, size: 'max' }),
    waiting: rarely('waiting'),
    looks: fc.array(numbers, { maxLength: 3, size: 'max' }),
    undos: fc.array(numbers, { minLength: 1, maxLength: 3, size: 'max' }),
  });
}

/** What is wrong in one case, with the SQL that led to it. */
export class CaseFailure extends Error {
  constructor(problems: readonly unknown[], trace: readonly string[]) {
    const texts = problems.map((problem) =>
      problem instanceof Error ? (problem.stack ?? problem.message) : String(problem),
    );
    super(`${texts.join('\n')}\n\n${trace.join('\n')}`, { cause: problems[0] });
  }
}

/**
 * Builds the schema, lives through the history, and checks everything.
 * @throws CaseFailure
 */
export async function runCase(
  world: World,
  random: Case,
  options: {
    readonly schema: string;
    readonly features: ReadonlySet<FeatureName>;
    readonly statistics: Statistics;
  },
): Promise<void> {
  const writer = new Writer(world, options.schema, options.features);
  const { statistics } = options;
  const problems: unknown[] = [];
  /** Whatever is wrong in one way may be wrong in others, too. */
  const part = async (name: string, run: () => Promise<void>): Promise<void> => {
    const begun = performance.now();
    await run().catch((error: unknown) => problems.push(error));
    statistics.count(`seconds: ${name}`, (performance.now() - begun) / 1000);
  };
  let at: CaseAtHand | null = null;
  await part('history', async () => {
    const history = await live(world, writer, random, options.schema);
    if (random.waiting) statistics.count('history: waited in the slot');
    for (const { held } of history.transactions) if (held) statistics.count('history: sent early');
    at = { world, writer, history, offsets: await offsetsOf(world, history), ...options };
  });
  if (at !== null) await checkAll(at, random, part);
  if (problems.length > 0) writer.trace.push(...(await describeLog(world, writer.schemas)));
  if (problems.length > 0) throw new CaseFailure(problems, writer.trace);
  for (const schema of writer.schemas) {
    await world.writer.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  }
}

async function checkAll(
  at: CaseAtHand,
  random: Case,
  part: (name: string, run: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await part('log', () => checkLog(at.world, at.history, at.statistics));
  for (const numbers of random.looks) {
    await part('looking', () => checkAsOf(at, new Choices(numbers)));
  }
  await part('undo', async () => {
    for (const numbers of random.undos) {
      if (!(await checkUndo(at, new Choices(numbers)))) break;
    }
  });
}

async function live(world: World, writer: Writer, random: Case, schema: string): Promise<History> {
  await writer.build(schema, random.tables, random.pieces);
  await writer.fill(random.rows);
  const beginId = await world.mark();
  await world.logged(beginId);
  const begin = await writer.read();
  writer.trace.push(
    `-- here the history begins${random.waiting ? ', and capture stands still' : ''}`,
  );
  const transactions: Committed[] = [];
  if (random.waiting) await world.stopCapture();
  try {
    for (const plan of random.transactions) {
      const committed = await writer.transaction(plan, transactions.at(-1)?.state ?? begin);
      if (committed !== null) transactions.push(committed);
    }
  } finally {
    if (random.waiting) await world.startCapture();
  }
  await world.logged(await world.mark());
  return { schemas: writer.schemas, begin, beginId, transactions };
}

async function offsetsOf(world: World, { beginId, transactions }: History): Promise<number[]> {
  const begin = await world.find(beginId);
  const offsets = [begin === null ? 0 : begin.last + 1];
  for (const { id } of transactions) {
    const found = id === null ? null : await world.find(id);
    offsets.push(found === null ? (offsets.at(-1) ?? 0) : found.last + 1);
  }
  return offsets;
}
