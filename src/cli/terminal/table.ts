import { painter } from './style.ts';
import { pad, textWidth } from './width.ts';

export interface TableColumn {
  readonly title: string;
  /** Numbers read best on the right. Default: left. */
  readonly align?: 'left' | 'right';
}

const GAP = '  ';

/** An aligned table with a heading; cells may be coloured. Ends with a line break. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  output: { readonly colour: boolean },
): string {
  const widths = columns.map((column, at) =>
    Math.max(textWidth(column.title), ...rows.map((row) => textWidth(row[at] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, at) => pad(cells[at] ?? '', widths[at] ?? 0, column.align))
      .join(GAP)
      .trimEnd();
  const heading = painter(output)('dim', line(columns.map((column) => column.title)));
  return [heading, ...rows.map(line)].map((text) => `${text}\n`).join('');
}
