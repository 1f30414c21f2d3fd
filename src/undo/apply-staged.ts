import { TidingsError } from '../errors/tidings-error.ts';
import type { LogRecord } from '../log/log.ts';
import type { Assessment, UndoWorkspace } from '../source/undo-target.ts';
import { describeRequest } from './check-request.ts';
import { leftOutWarnings } from './bookkeeping.ts';
import { counterWarnings } from './counter-warnings.ts';
import { logKey } from './describe-conflicts.ts';
import { idsOf, tableNamed } from './looking/known-tables.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import { opposingPartitions } from './partition-changes.ts';
import { readRow } from './read-changes.ts';
import type { Selection } from './selection.ts';
import type { StagedChanges } from './stage-changes.ts';
import type {
  ApplyUndoOptions,
  OnConflict,
  UndoConflicts,
  UndoPlan,
  UndoResult,
} from './undo-plan.ts';
import { placeInWords } from './table-versions.ts';
import { totalOf, toTables } from './undo-tables.ts';

/** Leaving rows out can leave others without their parents, and so on; more steps are a defect. */
const MAX_ROUNDS = 100;
/** Rows, and changes of theirs, beyond which later changes are no oversight but another history. */
const MAX_LATER = 10_000;

/** What doing away with conflicts takes. */
export interface SettleOptions {
  readonly onConflict: OnConflict;
  readonly log: SearchableLog;
  readonly workspace: UndoWorkspace;
  readonly selection: Selection;
  /** What was staged and found already; else it is done first. */
  readonly first?: { readonly staged: StagedChanges; readonly assessment: Assessment };
  readonly stage: (extra: readonly LogRecord[]) => Promise<StagedChanges>;
  readonly signal: AbortSignal;
}

export interface ApplyStagedOptions extends Omit<SettleOptions, 'onConflict'> {
  readonly plan: UndoPlan;
  readonly apply: ApplyUndoOptions;
  readonly describe: (staged: StagedChanges, assessment: Assessment) => Promise<UndoConflicts>;
}

export interface Settled {
  readonly staged: StagedChanges;
  readonly assessment: Assessment;
  readonly skipped: number;
  readonly forced: number;
  readonly cascaded: number;
}

/** Stages, does with conflicts what was asked, and writes when none is left. */
export async function applyStaged(
  options: ApplyStagedOptions,
): Promise<Omit<UndoResult, 'seconds'>> {
  const { plan, apply, workspace } = options;
  const onConflict = apply.onConflict ?? 'refuse';
  const settled = await settleConflicts({ ...options, onConflict });
  const { assessment, staged, skipped, forced, cascaded } = settled;
  const { leftOut } = options.selection;
  const conflicts = await options.describe(staged, assessment);
  const common = { plan: plan.id, source: plan.source, skipped, leftOut, forced, cascaded };
  const left = leftOutWarnings(leftOut, plan.request);
  const open = isOpen(settled, onConflict, options.selection);
  const tables = toTables(assessment, open ? staged.lacking : []);
  if (open || totalOf(tables) === 0) {
    const warnings = open ? [] : [...left, ...lossesOf(staged)];
    const rest = { transaction: null, conflicts, warnings };
    return { ...common, ...rest, applied: !open, tables, total: open ? 0 : totalOf(tables) };
  }
  const lowered = counterWarnings(await workspace.loweredCounters());
  const applied = await workspace.apply({
    context: contextOf(plan, apply),
    triggers: apply.triggers ?? true,
    allowTriggerChanges: onConflict === 'force',
  });
  return {
    ...common,
    applied: true,
    tables,
    total: totalOf(tables),
    conflicts,
    transaction: applied.transaction,
    warnings: [...left, ...lowered, ...lossesOf(staged), ...applied.warnings],
  };
}

/** What the undo's transaction carries, so that subscribers can tell it from others. */
export function contextOf(plan: UndoPlan, { actor }: ApplyUndoOptions): string {
  const transaction = plan.transaction === null ? {} : { transaction: plan.transaction.id };
  return JSON.stringify({
    ...(actor === undefined ? {} : { actor }),
    undoOf: { plan: plan.id, ...transaction, what: describeRequest(plan.request), ...plan.range },
  });
}

/** Stages if that has not been done, and does with conflicts what was asked. */
export async function settleConflicts(options: SettleOptions): Promise<Settled> {
  const { onConflict, workspace } = options;
  let staged = options.first?.staged ?? (await options.stage([]));
  let assessment = options.first?.assessment ?? (await workspace.assess());
  let [skipped, forced, cascaded] = [0, 0, 0];
  if (onConflict === 'force' && assessment.conflicts.length > 0) {
    forced = await workspace.settle('force');
    assessment = await workspace.assess();
  }
  if (onConflict === 'skip') {
    if (assessment.conflicts.some(({ reason }) => reason === 'table-uncertain')) {
      // What is certain of the same tables need not be left out, but has a net effect of its own.
      await workspace.reset({ onlyCertain: true });
      staged = await options.stage([]);
      assessment = await workspace.assess();
    }
    skipped = leftOutOf(staged);
    for (let round = 0; assessment.conflicts.length > 0 && round < MAX_ROUNDS; round++) {
      const dropped = await workspace.settle('skip');
      if (dropped === 0) break;
      skipped += dropped;
      assessment = await workspace.assess();
    }
  }
  if (onConflict === 'cascade') {
    const later = new Map<number, LogRecord>();
    while (assessment.conflicts.length > 0) {
      const known = later.size;
      await findLater(options, later);
      if (later.size === known) break;
      cascaded = later.size;
      await workspace.reset();
      staged = await options.stage([...later.values()].sort((a, b) => a.offset - b.offset));
      assessment = await workspace.assess();
    }
  }
  return { staged, assessment, skipped, forced, cascaded };
}

/** Whether something stands against the undo that the chosen way does not do away with. */
function isOpen({ staged, assessment }: Settled, mode: OnConflict, selection: Selection): boolean {
  // Rows that came or went with a partition have no changes: there is nothing that could be forced.
  if (mode !== 'skip' && opposingPartitions(selection).length > 0) return true;
  const lacking = staged.lacking.filter(
    ({ reason }) => mode !== 'skip' && !(mode === 'force' && reason === 'truncated'),
  );
  return assessment.conflicts.length > 0 || lacking.length > 0;
}

/** Adds the changes that the log has, beyond the selection, of the rows behind the conflicts. */
async function findLater(
  { log, workspace, selection, signal }: SettleOptions,
  later: Map<number, LogRecord>,
): Promise<void> {
  const conflicts = await workspace.conflicts(MAX_LATER + 1);
  if (conflicts.length > MAX_LATER) throw tooMany();
  for (const { cause } of conflicts) {
    const table = cause === null ? null : await tableNamed(log, cause);
    const key = cause === null ? null : logKey(cause, table?.versions.at(-1));
    if (table === null || key === null) continue;
    const row = { tables: idsOf(table.versions), key, from: selection.from, to: log.head };
    for await (const page of readRow(log, row, signal)) {
      for (const record of page) {
        if (record.operation === 'truncate' || selection.accepts(record)) continue;
        if (selection.bookkeeping.has(record.table.id)) break;
        later.set(record.offset, record);
      }
      if (later.size > MAX_LATER) throw tooMany();
    }
  }
}

function tooMany(): TidingsError {
  return new TidingsError('UNDO_TOO_MANY_LATER', { limit: MAX_LATER });
}

/** Of a truncate those rows go back that the log has; how many the others were, nobody knows. */
function leftOutOf({ lacking }: StagedChanges): number {
  const known = lacking.filter(({ reason }) => reason !== 'truncated');
  return known.reduce((sum, { rows }) => sum + rows, 0);
}

/** What is not put back although it was asked for: the log does not have it. */
function lossesOf({ lacking }: StagedChanges): readonly string[] {
  const truncated = lacking.filter(({ reason }) => reason === 'truncated');
  const places = truncated.flatMap(({ records }) =>
    records.map(({ table }) => placeInWords(table)),
  );
  return [...new Set(places)].map(
    (place) =>
      `Of the rows that a truncate of ${place} removed, those that the log does not have are not put back.`,
  );
}
