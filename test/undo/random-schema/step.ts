import type { Catalogue } from './catalogue.ts';
import type { Choices } from './choices.ts';
import type { FeatureName } from './features.ts';

/** What a step is made from: the schema as it is by then, and random choices. */
export interface StepContext {
  readonly choices: Choices;
  readonly catalogue: Catalogue;
  readonly features: ReadonlySet<FeatureName>;
  /** For new names: different for each step of a case. */
  readonly number: number;
}

/** One kind of statement. */
export interface StepKind {
  /** Only with this feature. */
  readonly feature?: FeatureName;
  /** How often, in comparison with the others. */
  readonly weight: number;
  /** True when rows may come, go or change by it without a change in the log. */
  readonly ddl?: true;
  /** The statement; null when the schema has nothing for it. */
  sql(context: StepContext): string | null;
}

/** A step of a case, before it meets the schema that it is for. */
export interface Step {
  readonly kind: string;
  readonly numbers: readonly number[];
  /** Rolled back to a savepoint after it ran. */
  readonly undone: boolean;
}
