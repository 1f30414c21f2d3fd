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
  return new GrowingTable(columns, output).render(rows);
}

/** A table that comes in parts: what was wide once stays wide, and only the first part has a heading. */
export class GrowingTable {
  readonly #columns: readonly TableColumn[];
  readonly #output: { readonly colour: boolean };
  readonly #widths: number[];
  #begun = false;

  constructor(columns: readonly TableColumn[], output: { readonly colour: boolean }) {
    this.#columns = columns;
    this.#output = output;
    this.#widths = columns.map((column) => textWidth(column.title));
  }

  /** The next rows as text. */
  render(rows: readonly (readonly string[])[]): string {
    this.#columns.forEach((_, at) => {
      for (const row of rows) {
        this.#widths[at] = Math.max(this.#widths[at] ?? 0, textWidth(row[at] ?? ''));
      }
    });
    const titles = this.#columns.map((column) => column.title);
    const heading = this.#begun ? [] : [painter(this.#output)('dim', this.#line(titles))];
    this.#begun = true;
    return [...heading, ...rows.map((row) => this.#line(row))].map((text) => `${text}\n`).join('');
  }

  #line(cells: readonly string[]): string {
    return this.#columns
      .map((column, at) => pad(cells[at] ?? '', this.#widths[at] ?? 0, column.align))
      .join(GAP)
      .trimEnd();
  }
}
