import { type UndoStates, View } from './expected.ts';
import type { Committed } from './history.ts';
import { meaning } from './meaning.ts';
import type { State, TableState } from './state.ts';

/**
 * Columns that the present table has and the state before did not: they keep what they have, or, where
 * the undone transactions themselves gave them another value, get back what they were made with.
 * Which of the two depends on whether all changes of the table that are undone know the column.
 *
 * @param states.undone the transactions that the undo is of.
 * @returns what is wrong; null when nothing is.
 */
export function lostInAdded(
  states: UndoStates & { readonly undone: readonly Committed[] },
  result: State,
): string | null {
  for (const [oid, table] of states.present.tables) {
    const old = states.before.tables.get(oid);
    if (old === undefined || String(old.key) !== String(table.key)) continue;
    const added = table.columns.filter(
      ({ number, generated }) => !generated && !old.columns.some((one) => one.number === number),
    );
    for (const column of added) {
      const wrong = wrongColumn({ table, column }, states, result);
      if (wrong !== null) return wrong;
    }
  }
  return null;
}

function wrongColumn(
  { table, column }: { readonly table: TableState; readonly column: TableState['columns'][number] },
  { present, undone: transactions }: Parameters<typeof lostInAdded>[0],
  result: State,
): string | null {
  const made = whenMade(table.oid, column.number, transactions);
  const left = transactions.at(-1)?.state;
  const known = made === null || left === undefined ? [] : [made, left];
  const states = [...known, present, result];
  const view = new View(table.oid, states);
  // Where rows cannot be found again, or their values not be compared, nothing can be said.
  const types = new Set(states.map((state) => columnOf(state, table, column.number)?.typeText));
  if (!view.keyed || types.size !== 1) return null;
  const values = (state: State): ReadonlyMap<string, string> =>
    valuesOf(view, state, table, column.number);
  const [now, first, last] = [values(present), known.map(values)[0], known.map(values)[1]];
  for (const [key, value] of values(result)) {
    const kept = now.get(key);
    const was = first?.get(key);
    const undone = was !== undefined && was !== last?.get(key);
    const allowed = [kept, ...(undone ? [was] : [])];
    if (kept === undefined || allowed.includes(value)) continue;
    const wanted = allowed.join(' or ');
    return `${table.schema}.${table.name}: row ${key} has ${column.name} ${value} instead of ${wanted}`;
  }
  return null;
}

/** The first state that has the column; null when the undone transactions did not make it. */
function whenMade(oid: string, number: number, undone: readonly Committed[]): State | null {
  const states = undone.flatMap(({ stretches }) => stretches.map(({ from }) => from));
  return states.find((state) => columnOf(state, { oid }, number) !== undefined) ?? null;
}

/** What each row has in the column, by the text of its key. */
function valuesOf(
  view: View,
  state: State,
  { oid }: Pick<TableState, 'oid'>,
  number: number,
): ReadonlyMap<string, string> {
  const rows = state.tables.get(oid)?.rows ?? [];
  const type = columnOf(state, { oid }, number)?.type ?? '';
  return new Map(
    view.rows(state).map(([key], at) => {
      const text = rows[at]?.cells.get(number) ?? null;
      return [key, String(meaning(text, type, state.catalogue, new Map()))];
    }),
  );
}

function columnOf(
  { tables }: State,
  { oid }: Pick<TableState, 'oid'>,
  number: number,
): TableState['columns'][number] | undefined {
  return tables.get(oid)?.columns.find((column) => column.number === number);
}
