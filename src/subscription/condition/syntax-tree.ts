import type { ASTNode } from '@marcbachmann/cel-js';
import { isExact } from '../../change/lossless-json.ts';
import { IF_KNOWN } from './row.ts';
import { INSTANT_FUNCTION } from './instants.ts';

/** A condition that CEL would take and Tidings does not. */
export class RefusedCondition extends Error {
  override readonly name = 'RefusedCondition';
  readonly start: number;

  constructor(problem: string, node: ASTNode) {
    super(problem);
    this.start = node.start;
  }
}

const REFUSED_METHODS: ReadonlyMap<string, string> = new Map([
  [
    'matches',
    'matches() is not offered, because a regular expression can take unlimited time; use like(), startsWith(), endsWith() or contains()',
  ],
  ['json', 'json() is not offered, because it would round numbers'],
]);

const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** The variables that are rows. */
export const ROWS: ReadonlySet<string> = new Set(['before', 'after', 'key']);

/**
 * Goes through a parsed condition before it is used: refuses what could round or run away, makes
 * `timestamp(…)` mean the exact time instead of the library's, and lets `has(after.x)` and
 * `after.?x` ask for a column that may be unknown.
 * @param loops how many loops may be inside of one another.
 * @throws RefusedCondition
 */
export function prepareSyntaxTree(node: ASTNode, loops: number): void {
  let inner = loops;
  if (node.op === 'rcall') {
    const refusal = REFUSED_METHODS.get(node.args[0]);
    if (refusal !== undefined) throw new RefusedCondition(refusal, node);
    if (LOOPS.has(node.args[0])) inner -= 1;
    if (inner < 0) throw new RefusedCondition('it loops over lists too deep', node);
  } else if (node.op === 'call' && node.args[0] === 'timestamp') {
    node.args[0] = INSTANT_FUNCTION;
  } else if (node.op === 'call' && node.args[0] === 'has') askIfKnown(node.args[1][0]);
  else if (node.op === '.?') askIfKnown(node);
  else if (node.op === 'value' && typeof node.args === 'number') refuseRounded(node, node.args);
  for (const child of childrenOf(node)) prepareSyntaxTree(child, inner);
}

/** The columns of rows that a parsed condition names and does not ask for with `has` or `?`. */
export function columnsOf(node: ASTNode): readonly string[] {
  const found = new Set<string>();
  const visit = (at: ASTNode): void => {
    if (at.op === 'call' && at.args[0] === 'has') return;
    if (at.op === '.' && at.args[0].op === 'id' && ROWS.has(at.args[0].args)) found.add(at.args[1]);
    for (const child of childrenOf(at)) visit(child);
  };
  visit(node);
  return [...found];
}

function askIfKnown(node: ASTNode | undefined): void {
  if (node?.op !== '.' && node?.op !== '.?') return;
  const [row, column] = node.args;
  if (row.op === 'id' && ROWS.has(row.args)) node.args[1] = IF_KNOWN + column;
}

function refuseRounded(node: ASTNode, value: number): void {
  const text = node.input.slice(node.start, node.end);
  if (isExact(text, value) || Object.is(value, 0)) return;
  throw new RefusedCondition(`${text} is too exact for a double; write decimal("${text}")`, node);
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  if (node.op === 'value' || node.op === 'id') return [];
  if (node.op === '.' || node.op === '.?') return [node.args[0]];
  if (node.op === 'call') return node.args[1];
  if (node.op === 'rcall') return [node.args[1], ...node.args[2]];
  if (node.op === 'map') return node.args.flat();
  if (node.op === '!_' || node.op === '-_') return [node.args];
  return node.args;
}
