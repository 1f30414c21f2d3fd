import { randomUUID } from 'node:crypto';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { createChangeDecoder } from '../change/decode.ts';
import type { Dialect } from '../change/dialect.ts';
import { sourcePosition } from '../change/position.ts';
import { qualifiedName } from '../change/table.ts';
import type { KeptAside } from '../log/kept-aside.ts';
import type { LogRecord } from '../log/log.ts';
import type {
  Assessment,
  CaptureProgress,
  UndoTarget,
  UndoWorkspace,
} from '../source/undo-target.ts';
import { sleep } from '../util/sleep.ts';
import { counterWarnings } from './counter-warnings.ts';
import { awaitVisible } from './await-visible.ts';
import { applyStaged, contextOf, type Settled, settleConflicts } from './apply-staged.ts';
import { describeConflicts, newestVersion, toCause } from './describe-conflicts.ts';
import { describeRequest } from './check-request.ts';
import { findNotReady, findWarnings } from './not-ready.ts';
import { resolvePatterns } from './looking/resolve-table.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import { alteredTables } from './altered-tables.ts';
import { schemaChangeSinceText } from './looking/schema-change-text.ts';
import { refusedRow } from './refused-row.ts';
import { RowView } from './row-view.ts';
import { type CompileWhere, resolveRange, selectChanges, type Selection } from './selection.ts';
import { selectionWarnings } from './selection-warnings.ts';
import { stageLater } from './stage-later.ts';
import { stageChanges, type StagedChanges } from './stage-changes.ts';
import { tablesAddedLater } from './tables-added-later.ts';
import type { Undo } from './undo.ts';
import { totalOf, toTables, withLeftOut } from './undo-tables.ts';
import {
  type ApplyUndoOptions,
  LISTED_CONFLICTS,
  type OnConflict,
  type PlanUndoOptions,
  type UndoOutcome,
  type UndoPlan,
  type UndoRequest,
  type UndoResult,
  type UndoRow,
} from './undo-plan.ts';

/** Rows per table that a plan shows. */
const SAMPLE = 5;
/** How long to wait for the log to have what was committed up to now; milliseconds. */
const CATCH_UP = 2_000;
const CATCH_UP_PAUSE = 50;
/** The same for a position alone, which capture writes down at its leisure; milliseconds. */
const REACH_WAIT = 5_000;

export interface UndoOptions {
  readonly source: string;
  readonly log: SearchableLog;
  /** What was kept aside of the log, to be named where it is too little for an undo. */
  readonly kept: KeptAside;
  /** Makes the log's head current, when another process writes the log. */
  readonly refresh: () => Promise<void>;
  readonly target: UndoTarget;
  readonly dialects: readonly Dialect[];
  readonly compileWhere: CompileWhere;
}

/** Everything one undo is made with, once what it takes back is known. */
interface Prepared {
  readonly warnings: readonly string[];
  readonly workspace: UndoWorkspace;
  readonly selection: Selection;
  readonly staged: StagedChanges;
  readonly assessment: Assessment;
}

/** Takes changes of one source's log back, through its target. */
export function createUndo(options: UndoOptions): Undo {
  return new UndoEngine(options);
}

class UndoEngine implements Undo {
  readonly #options: UndoOptions;
  readonly #view: RowView;
  readonly #tableSql: UndoTarget['tableSql'];

  constructor(options: UndoOptions) {
    this.#options = options;
    this.#view = new RowView(options.dialects, options.log);
    this.#tableSql = (table) => options.target.tableSql(table);
  }

  async plan(
    asked: UndoRequest,
    { onConflict = 'refuse' }: PlanUndoOptions,
    signal: AbortSignal,
  ): Promise<UndoPlan> {
    const warnings = await this.#catchUp(asked, signal);
    const request = this.#withWholeNames(asked);
    const selection = await this.#select(request, null, signal);
    await using workspace = await this.#options.target.open('plan', signal);
    const staged = await this.#stage(workspace, selection, [], { purpose: 'plan', signal });
    const assessment = await workspace.assess();
    const prepared = { request, warnings, workspace, selection, staged, assessment };
    return await this.#toPlan(prepared, onConflict, signal);
  }

  async run(
    asked: UndoRequest,
    options: ApplyUndoOptions,
    signal: AbortSignal,
  ): Promise<UndoOutcome> {
    const started = performance.now();
    const warnings = await this.#catchUp(asked, signal);
    const request = this.#withWholeNames(asked);
    const selection = await this.#select(request, null, signal);
    await using workspace = await this.#options.target.open('apply', signal);
    const staged = await this.#stage(workspace, selection, [], { purpose: 'apply', signal });
    const assessment = await workspace.assess();
    const prepared = { request, warnings, workspace, selection, staged, assessment };
    const plan = await this.#toPlan(prepared, 'refuse', signal);
    const applied = await this.#apply(plan, options, prepared, signal);
    return { plan, result: { ...applied, seconds: (performance.now() - started) / 1000 } };
  }

  async *rows(plan: UndoPlan, signal: AbortSignal): AsyncGenerator<UndoRow> {
    const selection = await this.#select(plan.request, plan, signal);
    await using workspace = await this.#options.target.open('plan', signal);
    await this.#settle({ workspace, selection }, plan.onConflict, signal);
    for await (const row of workspace.rows({})) yield this.#view.row(row);
  }

  async apply(plan: UndoPlan, options: ApplyUndoOptions, signal: AbortSignal): Promise<UndoResult> {
    const started = performance.now();
    if (options.onConflict === 'cascade') await this.#catchUp(plan.request, signal);
    const selection = await this.#select(plan.request, plan, signal);
    await using workspace = await this.#options.target.open('apply', signal);
    const result = await this.#apply(plan, options, { workspace, selection }, signal);
    return { ...result, seconds: (performance.now() - started) / 1000 };
  }

  async *script(
    plan: UndoPlan,
    options: ApplyUndoOptions,
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const selection = await this.#select(plan.request, plan, signal);
    await using workspace = await this.#options.target.open('plan', signal);
    await this.#settle({ workspace, selection }, options.onConflict ?? 'refuse', signal);
    yield* workspace.script({
      context: contextOf(plan, options),
      title: describeRequest(plan.request),
      notes: plan.schemaChanges.map(schemaChangeSinceText),
      triggers: options.triggers ?? true,
      allowTriggerChanges: options.onConflict === 'force',
    });
  }

  /** Does with conflicts what was asked, where nothing will be written. */
  #settle(
    prepared: Pick<Prepared, 'workspace' | 'selection'> & Partial<Prepared>,
    onConflict: OnConflict,
    signal: AbortSignal,
  ): Promise<Settled> {
    const { workspace, selection, staged, assessment } = prepared;
    return settleConflicts({
      onConflict,
      log: this.#options.log,
      workspace,
      selection,
      signal,
      ...(staged === undefined || assessment === undefined
        ? {}
        : { first: { staged, assessment } }),
      stage: (extra) => this.#stage(workspace, selection, extra, { purpose: 'plan', signal }),
    });
  }

  async #apply(
    plan: UndoPlan,
    apply: ApplyUndoOptions,
    prepared: Pick<Prepared, 'workspace' | 'selection'> & Partial<Prepared>,
    signal: AbortSignal,
  ): ReturnType<typeof applyStaged> {
    const { workspace, selection, staged: first, assessment: found } = prepared;
    const applied = applyStaged({
      plan,
      apply,
      log: this.#options.log,
      workspace,
      selection,
      signal,
      ...(first === undefined || found === undefined
        ? {}
        : { first: { staged: first, assessment: found } }),
      stage: (extra) => this.#stage(workspace, selection, extra, { purpose: 'apply', signal }),
      describe: (staged, assessment) =>
        this.#describe(
          {
            workspace,
            selection,
            staged,
          },
          assessment,
          signal,
        ),
    });
    try {
      return await applied;
    } catch (error) {
      if (!isTidingsError(error, 'UNDO_REFUSED')) throw error;
      throw (await this.#findRefused(plan, apply, { selection, refused: error }, signal)) ?? error;
    }
  }

  /** Names the row that was refused, from a workspace of its own: what failed has lost what it held. */
  async #findRefused(
    plan: UndoPlan,
    { onConflict = 'refuse', triggers = true }: ApplyUndoOptions,
    { selection, refused }: { readonly selection: Selection; readonly refused: TidingsError },
    signal: AbortSignal,
  ): Promise<TidingsError | null> {
    try {
      await using workspace = await this.#options.target.open('apply', signal);
      await this.#settle({ workspace, selection }, onConflict, signal);
      const state = String(refused.details['state']);
      const found = await workspace.findRefused({ state, triggers });
      if (found === null) return null;
      const table = newestVersion(this.#options.log, found.table);
      return refusedRow(found, plan.request, table, refused);
    } catch (error) {
      signal.throwIfAborted();
      // Whatever it was, what the database said first is the answer; it only names no row.
      if (!isTidingsError(error)) throw error;
      return null;
    }
  }

  async #toPlan(
    prepared: Prepared & { readonly request: UndoRequest },
    onConflict: OnConflict,
    signal: AbortSignal,
  ): Promise<UndoPlan> {
    const { request, warnings, workspace, selection, staged, assessment } = prepared;
    const { transaction } = selection;
    const conflicts = await this.#describe({ workspace, selection, staged }, assessment, signal);
    const found = { request, assessment, staged, selection };
    const all = toTables(assessment, staged.lacking);
    let tables = all;
    if (onConflict !== 'refuse' && conflicts.total > 0) {
      const settled = await this.#settle(prepared, onConflict, signal);
      tables = toTables(settled.assessment, settled.staged.lacking);
      if (onConflict === 'skip') tables = withLeftOut(tables, all);
    }
    const schemaChanges = await alteredTables(this.#options.log, { assessment, staged }, signal);
    const sample: UndoRow[] = [];
    for await (const row of workspace.rows({ perTable: SAMPLE })) sample.push(this.#view.row(row));
    return {
      id: randomUUID(),
      source: this.#options.source,
      createdAt: new Date().toISOString(),
      request,
      range: { from: selection.from, to: selection.to },
      changes: staged.changes,
      leftOut: selection.leftOut,
      schemaChanges,
      transaction:
        transaction === null
          ? null
          : { ...toCause(transaction), changes: transaction.last - transaction.first + 1 },
      onConflict,
      tables,
      total: totalOf(tables),
      sample,
      conflicts,
      notReady: await findNotReady(this.#options, found, signal),
      warnings: [
        ...warnings,
        ...(await selectionWarnings(this.#options.log, selection, {
          request,
          tableSql: this.#tableSql,
          signal,
        })),
        ...counterWarnings(await workspace.loweredCounters()),
        ...(await findWarnings(this.#options, { ...found, schemaChanges }, signal)),
      ],
    };
  }

  /** With tables that were named without their schema as patterns; the plan has to mean the same later. */
  #withWholeNames(request: UndoRequest): UndoRequest {
    if (request.tables === undefined) return request;
    const { log, source } = this.#options;
    return { ...request, tables: resolvePatterns(log, source, request.tables) };
  }

  /**
   * Waits until the log has what was committed up to now, where that can matter.
   * @returns a warning when it does not come to that.
   */
  async #catchUp(request: UndoRequest, signal: AbortSignal): Promise<readonly string[]> {
    const { log, refresh } = this.#options;
    await refresh();
    if ('transaction' in request && (await log.transactionsById(request.transaction)).length > 0) {
      return [];
    }
    if ('until' in request && request.until !== undefined) return [];
    const progress = await this.#waitForCapture(signal);
    if (progress === 'stopped') {
      return ['Capture does not run: what was committed since it ended is not in the log.'];
    }
    await refresh();
    return progress === 'behind'
      ? ['Capture is behind: the log lacks what was committed last.']
      : [];
  }

  /** @param plan one that fixes the range; null to resolve the request now. */
  async #select(
    request: UndoRequest,
    plan: UndoPlan | null,
    signal: AbortSignal,
  ): Promise<Selection> {
    signal.throwIfAborted();
    const { source, log, kept, dialects, compileWhere, refresh } = this.#options;
    await refresh();
    const decoder = createChangeDecoder(source, dialects);
    const tableSql = this.#tableSql;
    const context = { source, log, kept, decoder, compileWhere, tableSql, signal };
    const range = await resolveRange(request, context);
    const fixed = plan === null ? range : { ...range, ...plan.range };
    const selection = await selectChanges(request, fixed, context);
    await awaitVisible(this.#options, selection, signal);
    if (!('to' in request)) return selection;
    return { ...selection, addedLater: await tablesAddedLater(this.#options, selection, signal) };
  }

  /** @param purpose applying needs to know what came later; a plan says when it is not known. */
  async #stage(
    workspace: UndoWorkspace,
    selection: Selection,
    extra: readonly LogRecord[],
    { purpose, signal }: { readonly purpose: 'plan' | 'apply'; readonly signal: AbortSignal },
  ): Promise<StagedChanges> {
    const { source, log, refresh } = this.#options;
    const options = { source, log, workspace, selection, extra, signal };
    const staged = await stageChanges(options);
    const bags = await workspace.holdBags();
    const [first] = bags;
    if (first === undefined) return staged;
    if (purpose === 'apply' && !(await this.#hasEverything(signal))) {
      throw new TidingsError('UNDO_CAPTURE_NEEDED', { table: qualifiedName(first), source });
    }
    await refresh();
    await stageLater(options, bags);
    return staged;
  }

  /** Whether the log comes to have all that is committed by now. */
  async #hasEverything(signal: AbortSignal): Promise<boolean> {
    const { log, refresh, target } = this.#options;
    const position = await target.announce(signal);
    const deadline = performance.now() + REACH_WAIT;
    for (;;) {
      await refresh();
      if (sourcePosition(log.position ?? '') >= position) return true;
      if (performance.now() > deadline || (await target.captured(signal)) === 'stopped')
        return false;
      await sleep(CATCH_UP_PAUSE, signal);
      signal.throwIfAborted();
    }
  }

  async #waitForCapture(signal: AbortSignal): Promise<CaptureProgress> {
    const { target } = this.#options;
    const deadline = performance.now() + CATCH_UP;
    let progress = await target.captured(signal);
    while (progress === 'behind' && performance.now() < deadline) {
      await sleep(CATCH_UP_PAUSE, signal);
      progress = await target.captured(signal);
    }
    // What was sent is on its way into the log.
    if (progress !== 'stopped') await sleep(CATCH_UP_PAUSE, signal);
    return progress;
  }

  async #describe(
    { workspace, selection, staged }: Pick<Prepared, 'workspace' | 'selection' | 'staged'>,
    assessment: Assessment,
    signal: AbortSignal,
  ): ReturnType<typeof describeConflicts> {
    const conflicts = await workspace.conflicts(LISTED_CONFLICTS);
    const found = { conflicts, lacking: staged.lacking };
    const { log } = this.#options;
    const options = { log, selection, view: this.#view, tableSql: this.#tableSql, signal };
    return describeConflicts(assessment, found, options);
  }
}
