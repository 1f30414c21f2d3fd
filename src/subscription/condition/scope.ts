import { type Operation, OPERATIONS } from '../../change/change.ts';
import type { ChangeView } from '../../change/decode.ts';
import type { JsonValue } from '../../change/dialect.ts';
import type { TableDefinition } from '../../change/table.ts';
import { columnIndexes, ConditionRow, toConditionJson } from './row.ts';
import { UndecidableError, WHOLE_OLD_ROWS } from './undecidable.ts';

const HAVE_OLD_ROW: readonly Operation[] = ['update', 'delete'];
const HAVE_NEW_ROW: readonly Operation[] = ['insert', 'update'];
const NONE: readonly Operation[] = [];

const NO_CONTEXT: JsonValue = {};

/**
 * The variables of a condition, read from the change when the condition asks for them. One scope
 * serves all changes, one after the other: evaluating is synchronous, and this is the hot path.
 */
export class ConditionScope {
  readonly #before = new ConditionRow();
  readonly #after = new ConditionRow();
  readonly #key = new ConditionRow();
  readonly #columns = new WeakMap<TableDefinition, ReadonlyMap<string, number>>();
  #view: ChangeView | null = null;

  show(view: ChangeView): void {
    this.#view = view;
  }

  get before(): ConditionRow {
    return this.#row(this.#before, 'before', HAVE_OLD_ROW);
  }

  get after(): ConditionRow {
    return this.#row(this.#after, 'after', HAVE_NEW_ROW);
  }

  get key(): ConditionRow {
    const operations = this.#shown().key === null ? NONE : OPERATIONS;
    return this.#row(this.#key, 'key', operations);
  }

  /** Empty for everything but updates: `"email" in changed` then simply does not hold. */
  get changed(): readonly string[] {
    const view = this.#shown();
    if (view.stored.operation !== 'update') return [];
    if (view.changed === null) {
      throw new UndecidableError(
        `the database does not report what the update changed (${WHOLE_OLD_ROWS})`,
      );
    }
    return view.changed;
  }

  get operation(): string {
    return this.#shown().stored.operation;
  }

  get schema(): string {
    return this.#shown().stored.table.schema;
  }

  get table(): string {
    return this.#shown().stored.table.name;
  }

  /** What the application attached to the transaction; an empty map when it attached nothing. */
  get context(): unknown {
    return toConditionJson(this.#shown().context ?? NO_CONTEXT);
  }

  /** @param operations those that have such a row, even if the database did not report it. */
  #row(
    row: ConditionRow,
    side: 'before' | 'after' | 'key',
    operations: readonly Operation[],
  ): ConditionRow {
    const view = this.#shown();
    const { operation, table } = view.stored;
    const exists = operations.includes(operation);
    row.show(exists ? { side, view, columns: this.#columnsOf(table) } : null);
    return row;
  }

  #columnsOf(table: TableDefinition): ReadonlyMap<string, number> {
    let columns = this.#columns.get(table);
    if (columns === undefined) {
      columns = columnIndexes(table);
      this.#columns.set(table, columns);
    }
    return columns;
  }

  #shown(): ChangeView {
    if (this.#view === null) throw new Error('A condition is evaluated before it has a change');
    return this.#view;
  }
}
