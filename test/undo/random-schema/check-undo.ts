import { isTidingsError } from '../../../src/errors/tidings-error.ts';
import type {
  ApplyUndoOptions,
  UndoConflicts,
  UndoRequest,
  UndoResult,
} from '../../../src/undo/undo-plan.ts';
import { lostInAdded } from './added-columns.ts';
import { partlyReported } from './catalogue.ts';
import type { Choices } from './choices.ts';
import { changedByDdl, type UndoMode, type UndoStates, wrongAfterUndo } from './expected.ts';
import type { FeatureName } from './features.ts';
import type { History, Writer } from './history.ts';
import { comparable, type State } from './state.ts';
import type { Statistics } from './statistics.ts';
import type { World } from './world.ts';

export interface CaseAtHand {
  readonly world: World;
  readonly writer: Writer;
  readonly history: History;
  readonly features: ReadonlySet<FeatureName>;
  readonly statistics: Statistics;
  /** Where the log ended after each state: `offsets[0]` belongs to the beginning. */
  readonly offsets: readonly number[];
}

/** What became of it. */
interface Outcome {
  readonly applied: boolean;
  readonly total: number;
  readonly transaction: string | null;
  readonly conflicts: UndoConflicts['list'];
  /** Why it was refused, when not for conflicts. */
  readonly error: string | null;
  /** True when it is worth another try. */
  readonly mayPass: boolean;
}

interface Asked {
  readonly request: UndoRequest;
  readonly options: ApplyUndoOptions;
  readonly how: 'run' | 'plan and apply' | 'script';
  /** Undone are the transactions from this one to before that one. */
  readonly from: number;
  readonly to: number;
}

/**
 * Undoes a random part of the history, compares, and takes it back again.
 * @returns whether the database is again what it was.
 * @throws Error for whatever is not right.
 */
export async function checkUndo(at: CaseAtHand, choices: Choices): Promise<boolean> {
  const { writer, history, statistics, world } = at;
  const asked = ask(at, choices);
  if (asked === null) return true;
  const present = await writer.read();
  const states: UndoStates = {
    before: stateAt(history, asked.from),
    after: stateAt(history, asked.to),
    present,
  };
  const whole = asked.to === history.transactions.length;
  // What later transactions of ours did, and took back again, is not part of any state.
  const after = whole ? present : states.after;
  const about = `undo ${JSON.stringify(asked.request)} ${JSON.stringify(asked.options)} by ${asked.how}`;
  const outcome = await perform(at, asked);
  const result = await writer.read();
  const fail = (what: string): never => {
    throw new Error(`${about}: ${what}`);
  };
  const said = describe(outcome);
  statistics.count(said === 'nothing to do' ? said : `undo: ${said}`);
  if (!outcome.applied) {
    if (String(comparable(result)) !== String(comparable(present)))
      fail('refused, and yet changed');
    if (isRaw(at, outcome)) fail(`raw error, ${explain(outcome)}`);
    if (isPlain(at, asked) && !isDocumented(outcome)) fail(`needless refusal, ${explain(outcome)}`);
    return true;
  }
  const mode = modeOf(asked, outcome);
  const unchecked = new Set('to' in asked.request ? [] : changedByDdl(history, asked.from));
  for (const oid of writtenByCode(at, asked, present)) unchecked.add(oid);
  for (const oid of notWhollyLogged(at, asked, mode)) unchecked.add(oid);
  const expected = { ...states, after };
  const undone = history.transactions.slice(asked.from, asked.to);
  const wrong =
    wrongAfterUndo(expected, result, mode, unchecked) ??
    lostInAdded({ ...expected, undone }, result);
  if (wrong !== null) fail(`${outcome.total === 0 ? 'nothing to do, and ' : ''}${wrong}`);
  if (outcome.transaction === null)
    return String(comparable(result)) === String(comparable(present));
  const partly = partlyReported(present.catalogue);
  await world.logged(await world.mark());
  if ((await world.find(outcome.transaction)) === null) {
    if (partly.size === 0) fail('it is not in the log');
    statistics.count('redo: nothing of the undo is in the log');
    return false;
  }
  const redo = await perform(at, {
    ...asked,
    request: { transaction: outcome.transaction, tables: patterns(writer) },
    options: { triggers: asked.options.triggers ?? true },
    how: 'run',
  });
  const back = await writer.read();
  statistics.count(`redo: ${describe(redo)}`);
  if (!redo.applied) {
    if (isRaw(at, redo)) fail(`redo: raw error, ${explain(redo)}`);
    if (isPlain(at, asked) && !isDocumented(redo)) fail(`no redo, ${explain(redo)}`);
    return false;
  }
  const redone = wrongAfterUndo(
    { before: present, after: result, present: result },
    back,
    'whole',
    new Set([...writtenByCode(at, asked, present), ...partly]),
  );
  if (redone !== null) fail(`redo: ${redone}`);
  return String(comparable(back)) === String(comparable(present));
}

/**
 * Tables that code of the database may have written to along with an undo. Rows that it only adds to
 * others lose nothing, and are told; whoever forces accepts whatever it does.
 */
function writtenByCode(
  at: CaseAtHand,
  { options: { triggers = true, onConflict } }: Asked,
  present: State,
): readonly string[] {
  if (!(triggers && hasSaid(at, /^CREATE (CONSTRAINT )?TRIGGER/m)) && !hasSaid(at, /^CREATE RULE/m))
    return [];
  const tables = [...present.tables];
  const written =
    onConflict === 'force' ? tables : tables.filter(([, { name }]) => name === 'audit');
  return written.map(([oid]) => oid);
}

/**
 * Tables of which the log does not have every change that is undone; of those with keys alone for old
 * rows it has, and leaving some of them out can leave anything.
 */
function notWhollyLogged(
  { history }: CaseAtHand,
  { from, to }: Asked,
  mode: UndoMode,
): readonly string[] {
  const undone = history.transactions.slice(from, to);
  const states = [
    stateAt(history, from),
    ...undone.flatMap(({ stretches }) => stretches.map((one) => one.from)),
  ];
  return states.flatMap(({ catalogue }) => [
    ...partlyReported(catalogue),
    ...catalogue.tables.flatMap(({ identity, root }) =>
      mode === 'skip' && identity !== 'f' ? [root] : [],
    ),
  ]);
}

function modeOf({ options }: Asked, { conflicts }: Outcome): UndoMode {
  if (options.onConflict === 'force') return 'force';
  return options.onConflict === 'skip' || conflicts.length > 0 ? 'skip' : 'whole';
}

function stateAt({ begin, transactions }: History, at: number): State {
  return at === 0 ? begin : (transactions[at - 1]?.state ?? begin);
}

function patterns({ schemas }: Writer): readonly string[] {
  return schemas.map((schema) => `${schema}.*`);
}

function ask({ history, offsets, writer, features }: CaseAtHand, choices: Choices): Asked | null {
  const count = history.transactions.length;
  const changed = [...history.transactions.keys()].filter((at) => offsets[at] !== offsets[at + 1]);
  const from = choices.oneOf(changed);
  if (from === null) return null;
  const kind = choices.one(['to', 'since', 'transaction', 'range'] as const);
  const to =
    kind === 'to' || kind === 'since'
      ? count
      : from + 1 + (kind === 'range' ? choices.below(count - from) : 0);
  const tables = patterns(writer);
  const [since = 0, until = 0] = [offsets[from], offsets[to]];
  const id = history.transactions[from]?.id ?? null;
  const request: UndoRequest =
    kind === 'to'
      ? { tables, to: since }
      : kind === 'since'
        ? { tables, since }
        : kind === 'range'
          ? { tables, since, until }
          : { tables, transaction: id ?? '' };
  const ways = [
    'refuse',
    'refuse',
    ...(['skip', 'force'] as const).filter((way) => features.has(way)),
  ] as const;
  const onConflict = choices.one(ways);
  const hows = [
    'run',
    'plan and apply',
    ...(features.has('script') && onConflict === 'refuse' ? (['script'] as const) : []),
  ] as const;
  const triggers = !features.has('without-triggers') || !choices.once(3);
  return { request, options: { onConflict, triggers }, how: choices.one(hows), from, to };
}

async function perform(at: CaseAtHand, asked: Asked): Promise<Outcome> {
  const { undo, signal } = at.world;
  const { request, options, how } = asked;
  try {
    if (how === 'run') {
      const { result } = await undo.runUndo(request, options, signal);
      return toOutcome(result);
    }
    const plan = await undo.planUndo(request, {}, signal);
    if (how === 'plan and apply') return toOutcome(await undo.applyUndo(plan, options, signal));
    if (plan.conflicts.total > 0) {
      return {
        applied: false,
        total: 0,
        transaction: null,
        conflicts: plan.conflicts.list,
        error: null,
        mayPass: false,
      };
    }
    let script = '';
    for await (const piece of undo.undoScript(plan, options, signal)) script += piece;
    const refused = await runScript(at, script);
    return {
      applied: refused === null,
      total: plan.total,
      transaction: null,
      conflicts: [],
      error: refused,
      mayPass: false,
    };
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    return {
      applied: false,
      total: 0,
      transaction: null,
      conflicts: [],
      error: `${error.code} ${error.message}`,
      mayPass: error.retryable,
    };
  }
}

/**
 * The second time it may raise an error, and changes nothing.
 * @returns why it changed nothing, where code of the database can be the reason.
 */
async function runScript(at: CaseAtHand, script: string): Promise<string | null> {
  const { world, writer, features } = at;
  const { client } = world.database;
  try {
    await client.query(script);
  } catch (error) {
    await client.query('ROLLBACK');
    // What code of the database makes of a row can clash with anything.
    if (hasCode(at)) return `SCRIPT_REFUSED ${String(error)}`;
    throw new Error(`the script fails: ${String(error)}`, { cause: error });
  }
  if (!features.has('script-twice')) return null;
  const once = comparable(await writer.read());
  await client.query(script).catch(() => client.query('ROLLBACK'));
  if (String(comparable(await writer.read())) !== String(once)) {
    throw new Error('the script does more when it is run again');
  }
  return null;
}

function toOutcome({ applied, total, transaction, conflicts }: UndoResult): Outcome {
  return { applied, total, transaction, conflicts: conflicts.list, error: null, mayPass: false };
}

function describe({ applied, total, conflicts, error }: Outcome): string {
  if (error !== null) {
    return `refused, ${error.split(' ')[0] ?? ''}${/\(SQLSTATE \w+\)/.exec(error)?.[0] ?? ''}`;
  }
  if (!applied) return `refused, conflict ${conflicts[0]?.reason ?? '?'}`;
  return total === 0 ? 'nothing to do' : 'applied';
}

/** An error of the database's that nobody has foreseen. */
function isRaw(at: CaseAtHand, { error }: Outcome): boolean {
  // What a trigger makes of a row can clash with anything.
  const ours = !hasCode(at);
  const raw = error?.startsWith('UNDO_REFUSED') === true;
  return raw && ours && at.features.has('no-raw-errors');
}

/** Refusals that the guide names, or that another try may not meet. */
function isDocumented({ conflicts, error, mayPass }: Outcome): boolean {
  // Without a change there is no table in the log.
  if (mayPass || error?.startsWith('UNDO_NO_TABLE') === true) return true;
  return conflicts.some(({ message }) => message.includes('rows exchange values'));
}

function explain({ conflicts, error }: Outcome): string {
  if (error !== null) return error;
  return conflicts.map(({ reason, message }) => `${reason}: ${message}`).join('; ');
}

/** Whether a statement like this was part of the case. */
function hasSaid({ writer }: CaseAtHand, statement: RegExp): boolean {
  return writer.trace.some((sql) => statement.test(sql));
}

/** Whether the schema has code that does what no plan says. */
function hasCode(at: CaseAtHand): boolean {
  return hasSaid(at, /^CREATE (CONSTRAINT TRIGGER|TRIGGER|RULE)/m);
}

/** True when nothing can stand against it: all changes up to now, of a schema that stayed as it is. */
function isPlain(at: CaseAtHand, { from, to }: Asked): boolean {
  const { transactions } = at.history;
  return (
    to === transactions.length &&
    !transactions.slice(from).some(({ ddl, truncates }) => ddl || truncates) &&
    !hasCode(at) &&
    !hasSaid(at, /REPLICA IDENTITY DEFAULT/)
  );
}
