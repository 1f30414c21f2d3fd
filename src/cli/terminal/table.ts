import { painter } from './style.ts';
import { pad, textWidth, truncate } from './width.ts';

export interface TableColumn {
  readonly title: string;
  /** Numbers read best on the right. Default: left. */
  readonly align?: 'left' | 'right';
  /** Its cells, which have no colour, are cut where the terminal is too narrow. Default: false. */
  readonly cut?: boolean;
  /** Left out where the terminal is too narrow and every cell is `0`. Default: false. */
  readonly spare?: boolean;
}

/** Where a table goes: in a terminal it keeps to the width, elsewhere it has all there is. */
export interface TableOutput {
  readonly colour: boolean;
  readonly isTerminal?: boolean;
  readonly columns?: number;
}

const GAP = '  ';
/** What is left of a cell that is cut says something still. */
const LEAST_WIDTH = 8;

/** An aligned table with a heading; cells may be coloured. Ends with a line break. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  output: TableOutput,
): string {
  return new GrowingTable(columns, output).render(rows);
}

/** A table that comes in parts: what was wide once stays wide, and only the first part has a heading. */
export class GrowingTable {
  readonly #columns: readonly TableColumn[];
  readonly #output: TableOutput;
  readonly #widths: number[];
  #left: ReadonlySet<number>;
  #begun = false;

  constructor(columns: readonly TableColumn[], output: TableOutput) {
    this.#columns = columns;
    this.#output = output;
    this.#widths = columns.map((column) => textWidth(column.title));
    this.#left = new Set(columns.keys());
  }

  /** The next rows as text. */
  render(rows: readonly (readonly string[])[]): string {
    this.#columns.forEach((_, at) => {
      for (const row of rows) {
        this.#widths[at] = Math.max(this.#widths[at] ?? 0, textWidth(row[at] ?? ''));
      }
    });
    if (!this.#begun) this.#leaveOut(rows);
    this.#fit();
    const titles = this.#columns.map((column) => column.title);
    const heading = this.#begun ? [] : [painter(this.#output)('dim', this.#line(titles))];
    this.#begun = true;
    return [...heading, ...rows.map((row) => this.#line(row))].map((text) => `${text}\n`).join('');
  }

  #line(cells: readonly string[]): string {
    return this.#columns
      .flatMap((column, at) => {
        if (!this.#left.has(at)) return [];
        const width = this.#widths[at] ?? 0;
        const cell = cells[at] ?? '';
        return [pad(column.cut === true ? truncate(cell, width) : cell, width, column.align)];
      })
      .join(GAP)
      .trimEnd();
  }

  /** How much wider than the terminal the table would be. */
  get #excess(): number {
    const { isTerminal = false, columns = 0 } = this.#output;
    if (!isTerminal) return 0;
    const widths = [...this.#left].map((at) => this.#widths[at] ?? 0);
    const width = widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
    return width - columns;
  }

  #leaveOut(rows: readonly (readonly string[])[]): void {
    if (this.#excess <= 0) return;
    this.#left = new Set(
      [...this.#left].filter(
        (at) => this.#columns[at]?.spare !== true || rows.some((row) => row[at] !== '0'),
      ),
    );
  }

  /** Cuts the widest first, so that what can be shown whole is. */
  #fit(): void {
    for (let excess = this.#excess; excess > 0; excess--) {
      let widest = -1;
      for (const at of this.#left) {
        const width = this.#widths[at] ?? 0;
        if (this.#columns[at]?.cut !== true || width <= LEAST_WIDTH) continue;
        if (width > (this.#widths[widest] ?? 0)) widest = at;
      }
      if (widest < 0) return;
      this.#widths[widest] = (this.#widths[widest] ?? 0) - 1;
    }
  }
}
