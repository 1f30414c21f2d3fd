import { OPERATIONS, type Operation } from '../change/change.ts';
import type { ChangeView } from '../change/decode.ts';
import {
  compileTablePatterns,
  TablePatternError,
  type TablePatterns,
} from '../change/table-pattern.ts';
import type { TableDefinition } from '../change/table.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { compileCondition } from './where.ts';

/** Which changes a subscription hears, as its configuration says. */
export interface FilterDefinition {
  /** Table patterns (`change/table-pattern.ts`). */
  readonly tables: readonly string[];
  /** Default: all. */
  readonly operations?: readonly Operation[];
  /**
   * An update that touches none of these is not sent. One that changes the row's key always is, and
   * so is one of which the source does not tell what it touched. Default: every column counts.
   */
  readonly columns?: readonly string[];
  /** A CEL expression over the change that has to be true. Default: no condition. */
  readonly where?: string;
}

/** A prepared {@link FilterDefinition}. */
export interface ChangeFilter {
  /** True when changes of this table may match: the subscription belongs in its index. */
  wantsTable(table: { readonly schema: string; readonly name: string }): boolean;
  /**
   * Columns that the definition lists and this table version does not have. They are ignored for
   * it, which is worth a warning: a renamed column would otherwise be missed without a word.
   */
  missingColumns(table: TableDefinition): readonly string[];
  /**
   * True when the change is to be sent. Asks neither for the table (the index did).
   * @throws TidingsError `FILTER_FAILED` when the condition cannot be evaluated for this change. It
   *   has to stop the subscription: neither sending nor skipping would be right.
   */
  matches(view: ChangeView): boolean;
}

/**
 * Prepares a filter.
 * @throws TidingsError `FILTER_INVALID`, `TABLE_PATTERN_INVALID`
 */
export function compileFilter(definition: FilterDefinition): ChangeFilter {
  const tables = compileTables(definition.tables);
  const operations = new Set(definition.operations ?? OPERATIONS);
  const columns = definition.columns === undefined ? null : new Set(definition.columns);
  const condition = definition.where === undefined ? null : compileCondition(definition.where);
  return {
    wantsTable: (table) => tables.matches(table.schema, table.name),
    missingColumns: (table) => missingColumns(table, columns),
    matches: (view) =>
      operations.has(view.stored.operation) &&
      (columns === null || touches(view, columns)) &&
      (condition === null || condition.holds(view)),
  };
}

function compileTables(texts: readonly string[]): TablePatterns {
  try {
    return compileTablePatterns(texts);
  } catch (error) {
    if (!(error instanceof TablePatternError)) throw error;
    const { pattern, problem, suggestion } = error;
    const details = { pattern: JSON.stringify(pattern), problem, suggestion };
    throw new TidingsError('TABLE_PATTERN_INVALID', details, { cause: error });
  }
}

function missingColumns(
  table: TableDefinition,
  columns: ReadonlySet<string> | null,
): readonly string[] {
  const present = new Set(table.columns.map((column) => column.name));
  return [...(columns ?? [])].filter((name) => !present.has(name));
}

/** False only for an update that is known to have left all of these columns as they were. */
function touches(view: ChangeView, columns: ReadonlySet<string>): boolean {
  const { stored } = view;
  if (stored.operation !== 'update' || stored.previousKey !== null) return true;
  const { changed } = view;
  if (changed === null || changed.some((name) => columns.has(name))) return true;
  return !stored.table.columns.some((column) => columns.has(column.name));
}
