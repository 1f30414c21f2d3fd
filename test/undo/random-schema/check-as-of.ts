import { isTidingsError } from '../../../src/errors/tidings-error.ts';
import { Bag } from './bag.ts';
import { rootsOf } from './catalogue.ts';
import type { CaseAtHand } from './check-undo.ts';
import type { Choices } from './choices.ts';

/**
 * Looks at a random table at a random moment, and compares with what was recorded then.
 * @throws Error when it is not that, and not refused.
 */
export async function checkAsOf(at: CaseAtHand, choices: Choices): Promise<void> {
  const { world, writer, history, statistics, offsets } = at;
  const present = await writer.read();
  const table = choices.oneOf(rootsOf(present.catalogue));
  if (table === null) return;
  const moment = choices.below(offsets.length);
  const then = moment === 0 ? history.begin : history.transactions[moment - 1]?.state;
  const name = `${table.schema}.${table.name}`;
  const about = `${name} as of ${offsets[moment]} (after transaction ${moment})`;
  const shown: string[] = [];
  let columns: readonly string[] = [];
  try {
    const query = { table: name, asOf: { offset: offsets[moment] ?? 0 } };
    await using view = await world.looking.table(query, world.signal);
    columns = view.columns.map((column) => column.name);
    for await (const row of view.rows) shown.push(JSON.stringify(row));
  } catch (error) {
    if (!isTidingsError(error) || error.code === 'AS_OF_CONTRADICTION') {
      throw new Error(`${about}: ${String(error)}`, { cause: error });
    }
    statistics.count(`as-of: refused, ${error.code}`);
    return;
  }
  const recorded = then?.tables.get(table.oid);
  if (recorded === undefined) {
    throw new Error(`${about}: it did not exist then, and ${shown.length} rows are shown`);
  }
  const differences = namings(at, table.oid).map((numbers) => {
    const rows = recorded.rows.map(({ cells }) =>
      JSON.stringify(columns.map((column) => cells.get(numbers.get(column) ?? 0) ?? null)),
    );
    return new Bag(shown).differenceTo(new Bag(rows));
  });
  if (!differences.some(({ isEmpty }) => isEmpty)) {
    throw new Error(
      `${about} (${columns.join(', ')}) (+ missing, - too much)\n    ${differences[0]?.toString()}`,
    );
  }
  statistics.count('as-of: shown');
}

/**
 * The columns' numbers by their names, as they were at one time or another: columns are called what
 * they were called when the log met them last, and may have exchanged names before or since. What came
 * earlier counts for names that nobody has at that time.
 */
function namings({ history }: CaseAtHand, oid: string): ReadonlyMap<string, number>[] {
  const states = history.transactions.flatMap(({ stretches, state }) => [
    ...stretches.flatMap(({ from, to }) => [from, to]),
    state,
  ]);
  const found: Map<string, number>[] = [];
  for (const state of [history.begin, ...states]) {
    const columns = state.tables.get(oid)?.columns;
    if (columns === undefined) continue;
    const names = columns.map(({ name, number }): [string, number] => [name, number]);
    found.push(new Map([...(found.at(-1) ?? []), ...names]));
  }
  return found.toReversed();
}
