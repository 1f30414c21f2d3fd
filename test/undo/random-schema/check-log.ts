import { decodeImages, type Cell } from '../../../src/change/row-images.ts';
import type { LogRecord } from '../../../src/log/log.ts';
import { Bag } from './bag.ts';
import { partlyReported } from './catalogue.ts';
import { wrongShape } from './check-shape.ts';
import type { Committed, History, Stretch } from './history.ts';
import type { StateRow, TableState } from './state.ts';
import type { Statistics } from './statistics.ts';
import { MARKS, type World } from './world.ts';

/**
 * Compares every change in the log with what really happened: a table with its changes has to become
 * what the database said of it afterwards.
 * @throws Error for the first thing that is not so.
 */
export async function checkLog(
  world: World,
  history: History,
  statistics: Statistics,
): Promise<void> {
  for (const transaction of history.transactions) {
    const found = transaction.id === null ? null : await world.find(transaction.id);
    const records =
      found === null ? [] : await world.records({ from: found.first, to: found.last + 1 });
    for (const [at, some] of stretchesOf(transaction, records).entries()) {
      const stretch = transaction.stretches[at];
      if (stretch === undefined) throw new Error('The log has more stretches than there were');
      try {
        new StretchCheck(stretch, statistics).run(some);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        throw new Error(`log, transaction ${transaction.id ?? '-'}: ${text}`, { cause: error });
      }
    }
  }
}

/** Every second mark ends a stretch, and begins the next one. */
function stretchesOf(
  transaction: Committed,
  records: readonly LogRecord[],
): readonly (readonly LogRecord[])[] {
  const stretches: LogRecord[][] = [[]];
  let marks = 0;
  for (const record of records) {
    if (record.table.schema === MARKS.schema) {
      if (++marks % 2 === 0) stretches.push([]);
    } else if (marks % 2 === 0) stretches.at(-1)?.push(record);
  }
  if (marks !== 2 * (transaction.stretches.length - 1)) {
    throw new Error(`log: ${marks} of ${2 * (transaction.stretches.length - 1)} marks are there`);
  }
  return stretches;
}

type Cells = ReadonlyMap<number, Cell>;

interface Kept {
  readonly held: string | null;
  readonly cells: ReadonlyMap<number, string | null>;
}

class StretchCheck {
  readonly #stretch: Stretch;
  readonly #statistics: Statistics;
  readonly #rows = new Map<string, Kept[]>();
  /** Tables of which the log does not tell everything. */
  readonly #partly: ReadonlySet<string>;

  constructor(stretch: Stretch, statistics: Statistics) {
    this.#stretch = stretch;
    this.#statistics = statistics;
    for (const [oid, { rows }] of stretch.from.tables) {
      this.#rows.set(
        oid,
        rows.map(({ held, cells }) => ({ held, cells })),
      );
    }
    this.#partly = partlyReported(stretch.from.catalogue);
  }

  run(records: readonly LogRecord[]): void {
    for (const record of records) this.#change(record);
    for (const [oid, table] of this.#stretch.to.tables) {
      if (this.#partly.has(oid)) {
        this.#statistics.count('log: table not reported whole');
        continue;
      }
      const texts = (rows: readonly { cells: Kept['cells'] }[]): Bag =>
        new Bag(rows.map(({ cells }) => textOf(cells)));
      const difference = texts(this.#rows.get(oid) ?? []).differenceTo(texts(table.rows));
      if (difference.isEmpty) continue;
      throw new Error(
        `${table.schema}.${table.name} is not what its changes make of it (+ missing in the log, - too much):\n    ${difference.toString()}`,
      );
    }
  }

  #change(record: LogRecord): void {
    const table = this.#tableOf(record);
    this.#statistics.count(`log: ${record.operation}`);
    this.#checkDescription(record, table);
    const rows = this.#rows.get(table.oid) ?? [];
    const { partition } = record.table.origin ?? {};
    if (record.operation === 'truncate') {
      const left = partition === undefined ? [] : rows.filter(({ held }) => held !== partition.id);
      this.#rows.set(table.oid, left);
      return;
    }
    const images = decodeImages(record.images);
    const before = images.before === null ? null : toCells(record, table, images.before.cells);
    const after = images.after === null ? null : toCells(record, table, images.after);
    let old: Kept | null = null;
    if (record.operation !== 'insert') {
      const whole = images.before?.kind === 'old';
      if (!whole) this.#statistics.count(`log: old row ${images.before?.kind ?? 'unknown'}`);
      old = takeRow(rows, before ?? after ?? new Map<number, Cell>(), whole ? 'all' : table.key);
      if (old === null && !this.#partly.has(table.oid)) {
        throw new Error(
          `${record.operation} of ${record.table.schema}.${record.table.name}: no row is like its ${whole ? 'old row' : 'key'} ${JSON.stringify([...(before ?? after ?? [])])}`,
        );
      }
    }
    if (after !== null) rows.push({ held: partition?.id ?? null, cells: complete(after, old) });
    this.#checkKey(record, table, { before: old?.cells ?? null, after });
  }

  #tableOf({ table }: LogRecord): TableState {
    const { from } = this.#stretch;
    const name = `${table.schema}.${table.name}`;
    const named = [...from.tables.values()].find((one) => `${one.schema}.${one.name}` === name);
    const found = table.origin === undefined ? named : from.tables.get(table.origin.id);
    if (found === undefined) throw new Error(`there was no table ${name} then`);
    if (named !== found) throw new Error(`${name} was ${found.schema}.${found.name} then`);
    return found;
  }

  #checkDescription({ table }: LogRecord, then: TableState): void {
    const describe = (
      columns: readonly { readonly name: string; readonly type: string }[],
    ): string =>
      columns
        .map(({ name, type }) => `${name} ${type}`)
        .sort()
        .join(', ');
    const said = describe(table.columns);
    const was = describe(then.columns.map(({ name, typeText }) => ({ name, type: typeText })));
    if (said !== was) {
      throw new Error(`columns of ${then.schema}.${then.name}: (${said}) instead of (${was})`);
    }
    this.#checkNumbers(table, then);
  }

  /** What later readers of the log go by; not known is never wrong. */
  #checkNumbers(table: LogRecord['table'], then: TableState): void {
    const { catalogue } = this.#stretch.from;
    const held = table.origin?.partition?.id ?? then.oid;
    const columns = catalogue.tables.find(({ oid }) => oid === held)?.columns;
    if (columns === undefined) throw new Error(`${then.name} had no partition ${held} then`);
    for (const { name, number, shape } of table.columns) {
      const column = columns.find((one) => one.name === name);
      this.#statistics.count(
        `log: number of a column ${number === undefined ? 'unknown' : 'known'}`,
      );
      this.#statistics.count(`log: shape of a column ${shape === undefined ? 'unknown' : 'known'}`);
      if (number !== undefined && number !== column?.number) {
        throw new Error(`column ${name} of ${then.name} has not the number ${number}`);
      }
      const wrong = wrongShape(shape, column?.type ?? '', catalogue);
      if (wrong !== null) throw new Error(`column ${name} of ${then.name}: ${wrong}`);
    }
  }

  #checkKey(
    { table, key, previousKey, operation }: LogRecord,
    then: TableState,
    { before, after }: { readonly before: Cells | null; readonly after: Cells | null },
  ): void {
    if (table.keyUnknown === true) {
      this.#statistics.count('log: key unknown');
      return;
    }
    const names = table.key.map((at) => table.columns[at]?.name ?? '?').join(', ');
    const was = then.key
      .map((number) => then.columns.find((column) => column.number === number)?.name ?? '?')
      .join(', ');
    if (names !== was) throw new Error(`key of ${then.name}: (${names}) instead of (${was})`);
    const wanted = keyText(
      then,
      (operation === 'delete' ? before : after) ?? new Map<number, Cell>(),
    );
    if (key !== wanted)
      throw new Error(`key of a row of ${then.name}: ${key} instead of ${wanted}`);
    if (operation !== 'update' || before === null) return;
    const old = keyText(then, before);
    const previous = old === wanted ? null : old;
    if (previousKey !== previous) {
      throw new Error(
        `previous key of a row of ${then.name}: ${previousKey} instead of ${previous}`,
      );
    }
  }
}

function keyText({ key }: TableState, cells: Cells): string | null {
  const texts = key.map((number) => cells.get(number) ?? null);
  const [first] = texts;
  if (first === undefined) return null;
  return texts.length === 1 ? first : JSON.stringify(texts);
}

function toCells({ table }: LogRecord, then: TableState, cells: readonly Cell[]): Cells {
  const numbers = new Map(then.columns.map(({ name, number }) => [name, number]));
  return new Map(
    table.columns.map(({ name }, at): [number, Cell] => [numbers.get(name) ?? 0, cells[at]]),
  );
}

/** Removes the row that is like these cells, in all columns or in those of the key. */
function takeRow(rows: Kept[], cells: Cells, columns: 'all' | readonly number[]): Kept | null {
  const compared = columns === 'all' ? [...cells.keys()] : columns;
  const at = rows.findIndex((row) =>
    compared.every((number) => cells.get(number) === row.cells.get(number)),
  );
  return at < 0 ? null : (rows.splice(at, 1)[0] ?? null);
}

/** A large value that did not change is left out of the new row. */
function complete(after: Cells, old: Kept | null): Kept['cells'] {
  return new Map(
    [...after].map(([number, cell]): [number, string | null] => [
      number,
      cell === undefined ? (old?.cells.get(number) ?? null) : cell,
    ]),
  );
}

/** A row's text: the same for the same values. */
export function textOf(cells: StateRow['cells']): string {
  return JSON.stringify([...cells].sort(([a], [b]) => a - b));
}
