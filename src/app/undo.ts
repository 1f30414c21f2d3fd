import type { Config, ConfigInput } from '../config/define-config.ts';
import { noSource } from '../config/needed.ts';
import { existsSync } from 'node:fs';
import { resolveConfig } from '../config/resolve-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { compileCondition } from '../subscription/where.ts';
import { checkRequest } from '../undo/check-request.ts';
import { createUndo } from '../undo/undo-engine.ts';
import type { Undo } from '../undo/undo.ts';
import type {
  ApplyUndoOptions,
  PlanUndoOptions,
  UndoOutcome,
  UndoPlan,
  UndoRequest,
  UndoResult,
  UndoRow,
} from '../undo/undo-plan.ts';
import { DIALECTS, logDirectory, openLogReader, openUndoTarget } from './adapters.ts';
import { keptAside } from './kept-aside.ts';

/** Takes back what the logs of a data directory hold, whether the service runs or not. */
export interface UndoService extends AsyncDisposable {
  /** See `Undo.plan`; the request names the source when there are several. */
  planUndo(request: UndoRequest, options: PlanUndoOptions, signal: AbortSignal): Promise<UndoPlan>;
  /** All rows of a plan, read anew. */
  undoRows(plan: UndoPlan, signal: AbortSignal): AsyncIterable<UndoRow>;
  /** Plans and applies in one go. */
  runUndo(
    request: UndoRequest,
    options: ApplyUndoOptions,
    signal: AbortSignal,
  ): Promise<UndoOutcome>;
  applyUndo(plan: UndoPlan, options: ApplyUndoOptions, signal: AbortSignal): Promise<UndoResult>;
  /** The plan as SQL for a person to run, in pieces. */
  undoScript(plan: UndoPlan, options: ApplyUndoOptions, signal: AbortSignal): AsyncIterable<string>;
}

/** Opens a data directory for undoing; nothing is opened or connected before it is asked for. */
export function openUndo(config: Config | ConfigInput): UndoService {
  return new DiskUndo(resolveConfig(config));
}

class DiskUndo implements UndoService {
  readonly #config: Config;
  readonly #opened = new AsyncDisposableStack();
  readonly #undos = new Map<string, Promise<Undo>>();

  constructor(config: Config) {
    this.#config = config;
  }

  async planUndo(
    request: UndoRequest,
    options: PlanUndoOptions,
    signal: AbortSignal,
  ): Promise<UndoPlan> {
    checkRequest(request);
    const undo = await this.#undo(request.source ?? this.#onlySource());
    return await undo.plan(request, options, signal);
  }

  async runUndo(
    request: UndoRequest,
    options: ApplyUndoOptions,
    signal: AbortSignal,
  ): Promise<UndoOutcome> {
    checkRequest(request);
    const undo = await this.#undo(request.source ?? this.#onlySource());
    return await undo.run(request, options, signal);
  }

  async *undoRows(plan: UndoPlan, signal: AbortSignal): AsyncGenerator<UndoRow> {
    yield* (await this.#undo(plan.source)).rows(plan, signal);
  }

  async applyUndo(
    plan: UndoPlan,
    options: ApplyUndoOptions,
    signal: AbortSignal,
  ): Promise<UndoResult> {
    return await (await this.#undo(plan.source)).apply(plan, options, signal);
  }

  async *undoScript(
    plan: UndoPlan,
    options: ApplyUndoOptions,
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    yield* (await this.#undo(plan.source)).script(plan, options, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  #undo(source: string): Promise<Undo> {
    let undo = this.#undos.get(source);
    if (undo === undefined) {
      undo = this.#open(source);
      this.#undos.set(source, undo);
    }
    return undo;
  }

  async #open(source: string): Promise<Undo> {
    if (this.#config.sources[source] === undefined) {
      throw new TidingsError('SOURCE_UNKNOWN', { source });
    }
    if (!existsSync(logDirectory(this.#config, source))) {
      throw new TidingsError('UNDO_LOG_MISSING', { source });
    }
    const log = this.#opened.use(await openLogReader(this.#config, source));
    return createUndo({
      source,
      log,
      kept: keptAside(this.#config),
      refresh: () => log.refresh(),
      target: openUndoTarget(this.#config, source),
      dialects: DIALECTS,
      compileWhere: compileCondition,
    });
  }

  #onlySource(): string {
    const [first, ...others] = Object.keys(this.#config.sources);
    if (first === undefined) throw noSource('command');
    if (others.length > 0) {
      throw new TidingsError('SOURCE_AMBIGUOUS', { sources: [first, ...others].join(', ') });
    }
    return first;
  }
}
