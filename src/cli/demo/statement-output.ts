import type { StatementResult } from './statement.ts';

/** Values longer than this are cut in the table, not in JSON. */
const WIDEST = 60;

/** What statements answered, for people: a table of the rows, or how many rows were changed. */
export function formatResults(results: readonly StatementResult[]): string {
  return results.map((result) => formatResult(result)).join('\n');
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

function formatResult({ command, rowCount, columns, rows }: StatementResult): string {
  if (columns.length === 0) return rowCount === null ? `${command}\n` : `${command} ${rowCount}\n`;
  const cells = rows.map((row) => row.map(toCell));
  const widths = columns.map((name, index) =>
    Math.max(name.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const isNumber = columns.map((_, index) =>
    rows.every((row) => /^-?[\d.]+$/.test(row[index] ?? '0')),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        return isNumber[index] === true ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const count = `(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`;
  const rule = widths.map((width) => '─'.repeat(width));
  return [line(columns), line(rule), ...cells.map(line), count, ''].join('\n');
}

/** One line of printable text: a value must not move the cursor or colour the terminal. */
function toCell(value: string | null): string {
  if (value === null) return 'null';
  const printable = value.replace(/\p{Cc}/gu, (character) => {
    if (character === '\n') return '\\n';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return printable.length > WIDEST ? `${printable.slice(0, WIDEST - 1)}…` : printable;
}

/** Column names as keys: a query may return two columns of one name. */
function distinct(columns: readonly string[]): string[] {
  return columns.map((name, index) => {
    const earlier = columns.slice(0, index).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name}_${earlier + 1}`;
  });
}
