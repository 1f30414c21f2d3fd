import type { StoredChange } from '../../change/stored-change.ts';
import { readStoredRows } from '../../change/stored-rows.ts';
import type { Column, TableDefinition } from '../../change/table.ts';
import { LONGEST_TEXT } from '../../change/too-large.ts';
import { TidingsError } from '../../errors/tidings-error.ts';

/** A value that a column has to have before or after a change. */
export interface ValueCondition {
  readonly side: 'before' | 'after';
  readonly column: string;
  /** The value's text, as the database or `tidings show` prints it; null for null. */
  readonly value: string | null;
}

/** Turns a value's text in the log into the one that people are shown. */
export type DisplayText = (column: Column, text: string) => string;

/**
 * Reads `column=value`. `column=null` means null, and a value in double quotes is taken literally.
 * @throws TidingsError `VALUE_CONDITION_INVALID`
 */
export function parseValueCondition(side: 'before' | 'after', text: string): ValueCondition {
  const match = /^\s*("(?:[^"]|"")+"|[^="\s]+)\s*=([\s\S]*)$/.exec(text);
  if (match === null) {
    throw new TidingsError('VALUE_CONDITION_INVALID', {
      text,
      problem: 'there is no column before =',
    });
  }
  const [, column = '', value = ''] = match;
  return {
    side,
    column: unquote(column),
    value: /^null$/i.test(value) ? null : unquote(value),
  };
}

function unquote(text: string): string {
  return /^"(?:[^"]|"")*"$/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text;
}

/** Kinds whose values people are shown as the database prints them. */
const SHOWN_AS_STORED = new Set(['integer', 'decimal', 'text', 'date', 'time', 'other']);

/** Shorter values are in every block, so that looking for them spares nothing. */
const SHORTEST_NEEDLE = 3;

/** Whether changes fulfil a condition. */
export class ValueMatcher {
  readonly #condition: ValueCondition;
  readonly #display: DisplayText;
  readonly #columns = new WeakMap<TableDefinition, number>();

  constructor(condition: ValueCondition, display: DisplayText) {
    this.#condition = condition;
    this.#display = display;
  }

  /** True when a version of a table has the column. */
  appliesTo(table: TableDefinition): boolean {
    return this.#indexOf(table) >= 0;
  }

  /** @returns null when the log does not know the value. */
  matches({ operation, table, images }: StoredChange): boolean | null {
    const index = this.#indexOf(table);
    const column = table.columns[index];
    if (column === undefined) return false;
    const { before, after } = readStoredRows(images);
    const { side, value } = this.#condition;
    const row = side === 'before' ? before : after;
    if (row === null) {
      // An update has an old row, whether or not the source reports it.
      return operation === 'update' ? null : false;
    }
    if (row.kind === 'key' && !table.key.includes(index)) return null;
    const isBefore = side === 'after' && row.isUnchanged(index) && before?.kind === 'old';
    const known = isBefore ? before : row;
    // Nobody can have written it as the condition's value.
    if (known.size(index) > LONGEST_TEXT) return false;
    const cell = known.cell(index);
    if (cell === undefined) return null;
    if (cell === null || value === null) return cell === value;
    return cell === value || (!isShownAsStored(column) && this.#display(column, cell) === value);
  }

  /**
   * Bytes that every change has in its images that matches, or that cannot be decided; null when
   * there are none that can be told beforehand.
   */
  needle(tables: readonly TableDefinition[]): Buffer | null {
    const { value } = this.#condition;
    if (value === null || value.length < SHORTEST_NEEDLE) return null;
    const certain = tables.every((table) => {
      const column = table.columns[this.#indexOf(table)];
      return column === undefined || (table.identity === 'full' && isShownAsStored(column));
    });
    return certain ? Buffer.from(value) : null;
  }

  #indexOf(table: TableDefinition): number {
    let index = this.#columns.get(table);
    if (index === undefined) {
      index = table.columns.findIndex(({ name }) => name === this.#condition.column);
      this.#columns.set(table, index);
    }
    return index;
  }
}

function isShownAsStored(column: Column): boolean {
  return !column.array && SHOWN_AS_STORED.has(column.kind);
}
