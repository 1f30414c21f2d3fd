import { TidingsError } from '../errors/tidings-error.ts';
import type { UndoPlan } from '../undo/undo-plan.ts';

/** A plan holds a sample and a list of conflicts, at most some hundred kilobytes. */
const MAX_PLANS = 100;
/** After so long a plan is more likely forgotten than meant; milliseconds. */
const MAX_AGE = 3_600_000;

/** The plans that were made over the API, so that they can be applied by their id. */
export class UndoPlans {
  readonly #plans = new Map<string, { readonly plan: UndoPlan; readonly at: number }>();

  add(plan: UndoPlan): void {
    this.#plans.set(plan.id, { plan, at: performance.now() });
    for (const [id, { at }] of this.#plans) {
      if (this.#plans.size <= MAX_PLANS && !isOld(at)) break;
      this.#plans.delete(id);
    }
  }

  /** @throws TidingsError `UNDO_PLAN_UNKNOWN` */
  get(id: string): UndoPlan {
    const kept = this.#plans.get(id);
    if (kept !== undefined && !isOld(kept.at)) return kept.plan;
    throw new TidingsError('UNDO_PLAN_UNKNOWN', { plan: id });
  }
}

function isOld(at: number): boolean {
  return performance.now() - at > MAX_AGE;
}
