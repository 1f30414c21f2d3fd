import type { Change, Row } from '../change/change.ts';

/** The row with only these columns, in the row's own order; a column it does not have is left out. */
export function projectRow(row: Row, columns: ReadonlySet<string>): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => columns.has(name)));
}

/** The change with both rows, and the list of changed columns, limited to these columns. */
export function projectChange(change: Change, columns: ReadonlySet<string>): Change {
  return {
    ...change,
    before: change.before === null ? null : projectRow(change.before, columns),
    after: change.after === null ? null : projectRow(change.after, columns),
    changed: change.changed?.filter((name) => columns.has(name)) ?? null,
  };
}
