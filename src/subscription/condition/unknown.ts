import { type ASTNode, EvaluationError } from '@marcbachmann/cel-js';
import type { TableDefinition } from '../../change/table.ts';
import { ROWS } from './syntax-tree.ts';
import { UNKNOWN } from './undecidable.ts';

/** The library's codes for a member or element that is not there. */
const NOT_THERE: ReadonlySet<string> = new Set(['no_such_key', 'index_out_of_bounds']);

/**
 * True for an error that only says that there was no value, SQL's "unknown": an operand is null, or
 * a JSON document or list has no such member. Everything else is a slip in the condition and has to
 * be said, or it would keep every change from the subscriber without a word.
 */
export function isUnknown(error: unknown, table: TableDefinition): boolean {
  if (error === UNKNOWN) return true;
  if (!(error instanceof EvaluationError)) return false;
  if (!NOT_THERE.has(error.code)) return /\bnull\b/.test(error.summary);
  const column = columnBefore(error.node);
  return table.columns.every(
    ({ name, kind, array }) => name !== column || kind === 'json' || (array && isIndex(error.node)),
  );
}

function isIndex(node: ASTNode | undefined): boolean {
  return node?.op === '[]';
}

/** The column in `after.column.member`; undefined for a member of anything else. */
function columnBefore(node: ASTNode | undefined): string | undefined {
  if (node?.op !== '.' && node?.op !== '[]') return undefined;
  const [base] = node.args;
  if (base.op !== '.') return undefined;
  const [row, column] = base.args;
  return row.op === 'id' && ROWS.has(row.args) ? column : undefined;
}
