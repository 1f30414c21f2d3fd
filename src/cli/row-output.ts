import type { Cell } from '../change/row-images.ts';
import type { Column } from '../change/table.ts';
import type { Output } from './io.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';
import { pad, textWidth, truncate } from './terminal/width.ts';

/**
 * A line of CSV as PostgreSQL's `COPY … CSV` reads it (RFC 4180 but for the line end): null is
 * nothing, an empty text is two quotes.
 */
export function csvLine(cells: readonly Cell[]): string {
  const fields = cells.map((cell) => {
    if (cell === null || cell === undefined) return '';
    return cell === '' || /[",\r\n\\]|^\s|\s$/.test(cell)
      ? `"${cell.replaceAll('"', '""')}"`
      : cell;
  });
  return `${fields.join(',')}\n`;
}

/** Rows that decide how wide the columns are; those after them do not wait. */
const MEASURED = 200;
/** A terminal's column at most; a file has all of it. */
const WIDEST = 60;

const NUMBERS = new Set<Column['kind']>(['integer', 'decimal', 'float']);

/** An aligned table whose rows come one by one. */
export class TableWriter {
  readonly #output: Output;
  readonly #columns: readonly Column[];
  #waiting: (readonly string[])[] | null = [];
  #widths: readonly number[] = [];

  constructor(output: Output, columns: readonly Column[]) {
    this.#output = output;
    this.#columns = columns;
  }

  add(row: readonly Cell[]): void {
    const texts = row.map((cell) => this.#text(cell));
    if (this.#waiting === null) {
      this.#write(texts);
      return;
    }
    this.#waiting.push(texts);
    if (this.#waiting.length >= MEASURED) this.#begin();
  }

  /** Writes what waited; a table without rows is its heading. */
  end(): void {
    if (this.#waiting !== null) this.#begin();
  }

  #begin(): void {
    const rows = this.#waiting ?? [];
    this.#waiting = null;
    const titles = this.#columns.map(({ name }) => this.#cut(harmless(name)));
    this.#widths = titles.map((title, place) =>
      Math.max(textWidth(title), ...rows.map((row) => textWidth(row[place] ?? ''))),
    );
    this.#output.write(`${painter(this.#output)('dim', this.#line(titles))}\n`);
    for (const row of rows) this.#write(row);
  }

  #write(texts: readonly string[]): void {
    this.#output.write(`${this.#line(texts)}\n`);
  }

  #line(texts: readonly string[]): string {
    return texts
      .map((text, place) => {
        const column = this.#columns[place];
        const right = column !== undefined && NUMBERS.has(column.kind) && !column.array;
        return pad(text, this.#widths[place] ?? 0, right ? 'right' : 'left');
      })
      .join('  ')
      .trimEnd();
  }

  #text(cell: Cell): string {
    if (cell === null || cell === undefined) return painter(this.#output)('dim', 'null');
    return this.#cut(harmless(cell).replaceAll('\n', '\\n'));
  }

  #cut(text: string): string {
    return this.#output.isTerminal ? truncate(text, WIDEST) : text;
  }
}
