import type { Row } from '../change/change.ts';
import type { Dialect, JsonValue } from '../change/dialect.ts';
import type { Cell } from '../change/row-images.ts';
import { type Column, qualifiedName } from '../change/table.ts';
import type { RowName, TargetRow } from '../source/undo-target.ts';
import type { LoggedTable } from '../log/log.ts';
import type { UndoRow } from './undo-plan.ts';

/** Turns rows in the database's texts into what people and programs are shown (wire form v1). */
export class RowView {
  readonly #dialects: readonly Dialect[];
  readonly #dialect: string;

  /** @param dialect the name of the dialect that the source's tables have. */
  constructor(dialects: readonly Dialect[], dialect: string) {
    this.#dialects = dialects;
    this.#dialect = dialect;
  }

  row(row: TargetRow): UndoRow {
    const { operation, columns, before, after } = row;
    const named = after ?? before;
    const changed =
      operation === 'update'
        ? columns.flatMap(({ name }, index) => (before?.[index] === after?.[index] ? [] : [name]))
        : null;
    return {
      table: qualifiedName(row),
      operation,
      key: row.key.length === 0 || named === null ? null : this.#read(columns, named, row.key),
      before: before === null ? null : this.#read(columns, before),
      after: after === null ? null : this.#read(columns, after),
      changed,
    };
  }

  /** The key as values, by the newest version of the table that the log has. */
  key(row: RowName, table: LoggedTable | undefined): Row {
    const columns = row.columns.map(
      (name): Column =>
        table?.columns.find((column) => column.name === name) ?? {
          name,
          type: '',
          kind: 'other',
          array: false,
        },
    );
    return this.#read(columns, row.key);
  }

  #read(
    columns: readonly Column[],
    cells: readonly Cell[],
    places: readonly number[] = [...columns.keys()],
  ): Row {
    const dialect = this.#dialects.find(({ name }) => name === this.#dialect);
    const entries = places.map((place): [string, JsonValue] => {
      const [column, cell] = [columns[place], cells[place]];
      if (column === undefined || cell === null || cell === undefined) {
        return [column?.name ?? '', null];
      }
      return [column.name, dialect === undefined ? cell : dialect.reader(column)(cell)];
    });
    return Object.fromEntries(entries);
  }
}
