import { type LiveColumn, type LiveTable, rootsOf } from './catalogue.ts';
import type { StepContext } from './step.ts';

/** Tables whose rows the history writes; `audit` and `counts` are written by triggers alone. */
export function userTables(context: Pick<StepContext, 'catalogue'>): readonly LiveTable[] {
  return rootsOf(context.catalogue).filter(({ name }) => !['audit', 'counts'].includes(name));
}

/** A column as SQL writes it. */
export function column({ name }: { readonly name: string }): string {
  return `"${name}"`;
}

export function isInteger({ typeText }: LiveColumn): boolean {
  return /^(integer|bigint|smallint)$/.test(typeText);
}
