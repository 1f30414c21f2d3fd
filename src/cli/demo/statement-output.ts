import { formatCounted } from '../terminal/format.ts';
import { harmless } from '../../util/harmless.ts';
import { renderTable } from '../terminal/table.ts';
import { truncate } from '../terminal/width.ts';
import type { ResultColumn, StatementResult } from './statement.ts';

/** Values longer than this are cut in the table, not in JSON. */
const WIDEST = 60;

/** What statements answered, for people: a table of the rows, or how many rows were changed. */
export function formatResults(
  results: readonly StatementResult[],
  output: { readonly colour: boolean },
): string {
  return results.map((result) => formatResult(result, output)).join('\n');
}

/** What statements answered as NDJSON: a line per row, then a line that ends the statement. */
export function formatResultsAsJson(results: readonly StatementResult[]): string {
  return results
    .flatMap(({ command, rowCount, columns, rows }) => {
      const names = distinct(columns);
      const toRow = (values: readonly (string | null)[]): object =>
        Object.fromEntries(names.map((name, index) => [name, values[index] ?? null]));
      return [
        ...rows.map((values) => ({ type: 'row', row: toRow(values) })),
        { type: 'result', command, rowCount },
      ];
    })
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

function formatResult(
  { command, rowCount, columns, rows }: StatementResult,
  output: { readonly colour: boolean },
): string {
  if (columns.length === 0) return rowCount === null ? `${command}\n` : `${command} ${rowCount}\n`;
  const headings = columns.map(({ name, isNumber }) => ({
    title: toCell(name),
    align: isNumber ? ('right' as const) : ('left' as const),
  }));
  const table = renderTable(
    headings,
    rows.map((row) => row.map((value) => (value === null ? 'null' : toCell(value)))),
    output,
  );
  return `${table}(${formatCounted(rows.length, 'row')})\n`;
}

/** One line of printable text: a value must not move the cursor or colour the terminal. */
function toCell(text: string): string {
  return truncate(harmless(text).replaceAll('\n', '\\n'), WIDEST);
}

/** Column names as keys: a query may return two columns of one name. */
function distinct(columns: readonly ResultColumn[]): string[] {
  return columns.map(({ name }, index) => {
    const earlier = columns.slice(0, index).filter((other) => other.name === name).length;
    return earlier === 0 ? name : `${name}_${earlier + 1}`;
  });
}
