import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import type { TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** The part of a staged table that this is about. */
interface FilledTable {
  readonly facts: Pick<TableFacts, 'columns'>;
  readonly columns: readonly { readonly name: string }[];
  readonly filledColumns: Set<string>;
  /** Not null where rows have no room for defaults. */
  readonly wide: object | null;
  readonly before: string;
  readonly after: string;
}

/**
 * Lets rows that are from before a column was added be staged with what it held then: the value that
 * adding the column gave to every row, or none. Only for rows whose last change it is: any later one
 * would know the column.
 *
 * @param known names of the columns that the rows have; those that are filled are added.
 */
export async function fillAdded(
  connection: UndoConnection,
  { facts, columns, filledColumns, wide, before, after }: FilledTable,
  known: Set<string>,
): Promise<void> {
  if (wide !== null) return;
  const staged = new Set(columns.map(({ name }) => name));
  for (const { name, initial, hasDefault, identity } of facts.columns) {
    // With a default, and no value from then, it is not known whether rows had one.
    const unknown = initial === null && (hasDefault || identity !== '');
    if (known.has(name) || !staged.has(name) || unknown) continue;
    known.add(name);
    if (initial === null) filledColumns.add(name);
    else {
      for (const side of [before, after]) {
        await connection.run(
          `ALTER TABLE ${side} ALTER COLUMN ${quoteIdentifier(name)} SET DEFAULT ${quoteLiteral(initial)}`,
        );
      }
    }
  }
}
