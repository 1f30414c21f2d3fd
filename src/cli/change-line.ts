import type { Change, Operation, Row } from '../change/change.ts';
import type { JsonValue } from '../change/dialect.ts';
import type { Output } from './io.ts';
import { formatCount, formatTime } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { painter, type Style } from './terminal/style.ts';
import { textWidth, truncate } from './terminal/width.ts';

export const OPERATION_STYLES: Readonly<Record<Operation, Style>> = {
  insert: 'green',
  update: 'yellow',
  delete: 'red',
  truncate: 'red',
};

/** One change on one line, cut to the width of a terminal. */
export function changeLine(
  change: Change,
  output: Pick<Output, 'colour' | 'columns' | 'isTerminal'>,
): string {
  const paint = painter(output);
  const { operation, offset, schema, table, transaction } = change;
  const head = [
    paint('dim', formatTime(transaction.committedAt)),
    paint('dim', String(offset).padStart(6)),
    paint(OPERATION_STYLES[operation], operation.padEnd('truncate'.length)),
    paint('bold', harmless(`${schema}.${table}`)),
  ].join('  ');
  const key = change.key === null ? '' : rowText(change.key);
  const details = [key, detailsText(change)].filter((text) => text !== '').join('  ');
  const room = output.columns - textWidth(head) - 2;
  const shown = output.isTerminal ? truncate(details, Math.max(room, 20)) : details;
  return shown === '' ? head : `${head}  ${shown}`;
}

function detailsText(change: Change): string {
  const { operation, key, before, after, changed } = change;
  if (operation === 'delete') return before === null ? '' : rowText(without(before, key));
  if (after === null) return '';
  if (operation === 'insert' || changed === null) return rowText(without(after, key));
  return changed
    .map((name) => {
      const [old, now] = [before, after].map((row) => valueText(valueOf(row, name)));
      return `${harmless(name)}: ${old} → ${now}`;
    })
    .join('  ');
}

/** A column's value. A column may have the name of something that every object has, `constructor`. */
export function valueOf(row: Row | null, name: string): JsonValue | undefined {
  return row !== null && Object.hasOwn(row, name) ? row[name] : undefined;
}

function without(row: Row, key: Row | null): Row {
  return Object.fromEntries(
    Object.entries(row).filter(([name]) => valueOf(key, name) === undefined),
  );
}

export function rowText(row: Row): string {
  return Object.entries(row)
    .map(([name, value]) => `${harmless(name)}=${valueText(value)}`)
    .join(' ');
}

/** Characters of a value that are shown; JSON output has all. What is longer nobody reads in a line. */
const LONGEST_SHOWN = 1 << 20;

/** A value on one line; text in quotes only where it could be misread. */
export function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return '?';
  if (typeof value === 'string' && value.length > LONGEST_SHOWN) {
    return `${valueText(value.slice(0, LONGEST_SHOWN))}… (${formatCount(value.length)} characters)`;
  }
  if (typeof value === 'string' && /^[^\s"=→?{[]+$/.test(value)) return harmless(value);
  return harmless(JSON.stringify(value));
}
