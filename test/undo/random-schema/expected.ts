import { Bag } from './bag.ts';
import type { History } from './history.ts';
import { meaning, sharedAttributes } from './meaning.ts';
import type { State, TableState } from './state.ts';

/** The states that an undo is about. */
export interface UndoStates {
  /** What it goes back to: the state before the first undone transaction. */
  readonly before: State;
  /** What the last undone transaction left. */
  readonly after: State;
  /** What the undo found. */
  readonly present: State;
}

/** Rows of one table in columns that all states have, and that mean the same in all of them. */
export class View {
  readonly #numbers: readonly number[];
  readonly #key: readonly number[] | null;
  readonly #shared: ReturnType<typeof sharedAttributes>;
  readonly #oid: string;

  constructor(oid: string, states: readonly State[]) {
    this.#oid = oid;
    this.#shared = sharedAttributes(states.map(({ catalogue }) => catalogue));
    const tables = states.flatMap(({ tables }) => tables.get(oid) ?? []);
    const [first, ...others] = tables;
    const same = (other: TableState): boolean =>
      other.columns.length === first?.columns.length &&
      other.columns.every(({ number, typeText }, at) => {
        const column = first.columns[at];
        return column?.number === number && column.typeText === typeText;
      });
    // Generated columns are computed anew: they can be compared only where nothing else has changed.
    const all = others.every(same);
    this.#numbers = (first?.columns ?? [])
      .filter(({ number, type, typeText, generated }) =>
        others.every((other) => {
          const column = other.columns.find((one) => one.number === number);
          return column?.type === type && column.typeText === typeText && (all || !generated);
        }),
      )
      .map(({ number }) => number);
    const key = first?.key ?? [];
    const keyed =
      key.length > 0 &&
      key.every((number) => this.#numbers.includes(number)) &&
      others.every((other) => String(other.key) === String(key));
    this.#key = keyed ? key : null;
  }

  get keyed(): boolean {
    return this.#key !== null;
  }

  /** The rows' texts, each with that of its key; without keys both are the same. */
  rows(state: State): readonly (readonly [key: string, row: string])[] {
    const table = state.tables.get(this.#oid);
    if (table === undefined) return [];
    const types = new Map(table.columns.map(({ number, type }) => [number, type]));
    return table.rows.map(({ cells }) => {
      const text = (numbers: readonly number[]): string =>
        JSON.stringify(
          numbers.map((number) =>
            meaning(
              cells.get(number) ?? null,
              types.get(number) ?? '',
              state.catalogue,
              this.#shared,
            ),
          ),
        );
      const row = text(this.#numbers);
      return [this.#key === null ? row : text(this.#key), row] as const;
    });
  }

  bag(state: State): Bag {
    return new Bag(this.rows(state).map(([, row]) => row));
  }
}

/** Tables whose rows were changed by DDL after the state of this number: no undo of changes knows them. */
export function changedByDdl(history: History, since: number): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { stretches } of history.transactions.slice(since)) {
    for (let at = 1; at < stretches.length; at++) {
      const [before, after] = [stretches[at - 1]?.to, stretches[at]?.from];
      if (before === undefined || after === undefined) continue;
      for (const oid of new Set([...before.tables.keys(), ...after.tables.keys()])) {
        const view = new View(oid, [before, after]);
        if (!view.bag(before).differenceTo(view.bag(after)).isEmpty) found.add(oid);
      }
    }
  }
  return found;
}

/** `whole`: without conflicts; `skip`: rows were left out; `force`: later changes were overwritten. */
export type UndoMode = 'whole' | 'skip' | 'force';

/** What is wrong with what an undo has made of the tables; null when nothing is. */
export function wrongAfterUndo(
  states: UndoStates,
  result: State,
  mode: UndoMode,
  unchecked: ReadonlySet<string>,
): string | null {
  const { before, after, present } = states;
  for (const [oid, table] of present.tables) {
    if (unchecked.has(oid)) continue;
    const known = [before, after].filter(({ tables }) => tables.has(oid));
    const view = new View(oid, [...known, present]);
    const wrong =
      mode === 'skip' ? thirdValue(view, states, result) : notWhole(view, states, result, mode);
    if (wrong !== null) return `${table.schema}.${table.name}: ${wrong}`;
  }
  return null;
}

/** Every row that differs between the two states is what it was; all others are what they are. */
function notWhole(
  view: View,
  states: UndoStates,
  result: State,
  mode: 'whole' | 'force',
): string | null {
  if (mode === 'force' && !view.keyed) return strangeCount(view, states, result);
  const expected = view.keyed ? expectedByKey(view, states, mode) : expectedBag(view, states);
  if (typeof expected === 'string') return expected;
  const difference = view.bag(result).differenceTo(expected);
  return difference.isEmpty ? null : `(+ missing, - too much)\n    ${difference.toString()}`;
}

function expectedByKey(
  view: View,
  { before, after, present }: UndoStates,
  mode: 'whole' | 'force',
): Bag | string {
  const [was, became] = [new Map(view.rows(before)), new Map(view.rows(after))];
  const now = new Map(view.rows(present));
  for (const key of new Set([...was.keys(), ...became.keys()])) {
    const [old, left, row] = [was.get(key), became.get(key), now.get(key)];
    if (old === left || row === old) continue;
    if (row !== left && mode !== 'force')
      return `the row ${key} was changed later, and that was no conflict`;
    if (old === undefined) now.delete(key);
    else now.set(key, old);
  }
  return new Bag(now.values());
}

/** What later changes have done to equal rows already is not done once more. */
function expectedBag(view: View, { before, after, present }: UndoStates): Bag | string {
  const [left, expected] = [view.bag(after), view.bag(present)];
  const later = left.differenceTo(expected);
  for (const [row, count] of left.differenceTo(view.bag(before)).entries()) {
    if (later.count(row) === count) continue;
    expected.add(row, count);
    if (expected.count(row) < 0) {
      return `rows like ${row} were removed later, and that was no conflict`;
    }
  }
  return expected;
}

/** With rows left out: each is what it was or what it is; without a key, as many as either. */
function thirdValue(view: View, states: UndoStates, result: State): string | null {
  const { before, present } = states;
  if (!view.keyed) return strangeCount(view, states, result);
  const [was, now] = [new Map(view.rows(before)), new Map(view.rows(present))];
  const rows = view.rows(result);
  const is = new Map(rows);
  if (is.size !== rows.length) return 'a key is there twice';
  for (const key of new Set([...was.keys(), ...now.keys(), ...is.keys()])) {
    const row = is.get(key);
    if (row !== was.get(key) && row !== now.get(key)) {
      return `${row ?? 'no row'} is neither what was (${was.get(key) ?? 'none'}) nor what is (${now.get(key) ?? 'none'})`;
    }
  }
  return null;
}

function strangeCount(
  view: View,
  { before, after, present }: UndoStates,
  result: State,
): string | null {
  const [now, is] = [view.bag(present), view.bag(result)];
  const wanted = view.bag(after).differenceTo(view.bag(before));
  for (const [row, change] of now.differenceTo(is).entries()) {
    const most = wanted.count(row);
    if (Math.sign(change) !== Math.sign(most) || Math.abs(change) > Math.abs(most)) {
      return `${change} rows like ${row} where the undo is of ${most}`;
    }
  }
  return null;
}
