import { Environment } from '@marcbachmann/cel-js';
import { addDecimals } from './decimals.ts';
import { addInstants } from './instants.ts';
import { addMembership } from './membership.ts';
import { addMismatches } from './mismatches.ts';
import { addNulls } from './nulls.ts';
import { ConditionRow } from './row.ts';
import { addText } from './text.ts';

/** A condition is written by hand; these stop only one that is generated or meant to do harm. */
export const CONDITION_LIMITS = {
  /** UTF-16 code units. */
  length: 4000,
  /** Nodes of the syntax tree. */
  nodes: 500,
  depth: 40,
  /** Macros that loop over a list (`exists`, `all`, …) inside of one another. */
  loops: 2,
} as const;

let shared: Environment | undefined;

/**
 * The language of conditions: CEL, with exact decimals and times, and SQL's way with null. Made at
 * first use and then shared: it keeps nothing of a condition, and making it takes longer than
 * parsing one.
 */
export function conditionEnvironment(): Environment {
  return (shared ??= createEnvironment());
}

function createEnvironment(): Environment {
  const environment = new Environment({
    // For `after.doc.?status.orValue("none")`.
    enableOptionalTypes: true,
    // `[100, 99.5]` is a list of numbers.
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: CONDITION_LIMITS.nodes, maxDepth: CONDITION_LIMITS.depth },
  });
  addRows(environment);
  addDecimals(environment);
  addInstants(environment);
  addText(environment);
  addNulls(environment);
  addMismatches(environment);
  addMembership(environment);
  return environment;
}

function addRows(environment: Environment): void {
  environment
    .registerType('row', ConditionRow)
    .registerVariable('before', 'row')
    .registerVariable('after', 'row')
    .registerVariable('key', 'row')
    .registerVariable('changed', 'list<string>')
    .registerVariable('operation', 'string')
    .registerVariable('schema', 'string')
    .registerVariable('table', 'string')
    .registerVariable('context', 'dyn')
    .registerOperator('row == null', (row: ConditionRow) => row.absent)
    .registerOperator('string in row', (name: string, row: ConditionRow) => row.has(name));
}
