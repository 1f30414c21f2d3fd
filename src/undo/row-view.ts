import type { Row } from '../change/change.ts';
import type { Dialect, JsonValue } from '../change/dialect.ts';
import type { Cell } from '../change/row-images.ts';
import { type Column, qualifiedName } from '../change/table.ts';
import type { RowName, TargetRow } from '../source/undo-target.ts';
import type { LoggedTable, LogReader } from '../log/log.ts';
import type { UndoRow } from './undo-plan.ts';

/** Turns rows in the database's texts into what people and programs are shown (wire form v1). */
export class RowView {
  readonly #dialects: readonly Dialect[];
  readonly #log: LogReader;

  /** @param log its tables name the dialect, which is the same for all of a source. */
  constructor(dialects: readonly Dialect[], log: LogReader) {
    this.#dialects = dialects;
    this.#log = log;
  }

  row(row: TargetRow): UndoRow {
    const { operation, columns, before, after, texts } = row;
    const named = after ?? before;
    const changed =
      operation === 'update'
        ? columns.flatMap(({ name }, index) => (before?.[index] === after?.[index] ? [] : [name]))
        : null;
    return {
      table: qualifiedName(row),
      operation,
      key:
        row.key.length === 0 || named === null
          ? null
          : this.#read(columns, named, { places: row.key }),
      before: before === null ? null : this.#read(columns, before, { texts: texts?.before }),
      after: after === null ? null : this.#read(columns, after, { texts: texts?.after }),
      changed,
      conflict: row.conflict,
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
    {
      places = [...columns.keys()],
      texts,
    }: {
      readonly places?: readonly number[];
      readonly texts?: ReadonlySet<number> | undefined;
    } = {},
  ): Row {
    const named = this.#log.tables().at(-1)?.dialect;
    const dialect = this.#dialects.find(({ name }) => name === named);
    const entries = places.map((place): [string, JsonValue] => {
      const [column, cell] = [columns[place], cells[place]];
      if (column === undefined || cell === null || cell === undefined) {
        return [column?.name ?? '', null];
      }
      const isText = dialect === undefined || texts?.has(place) === true;
      return [column.name, isText ? cell : dialect.reader(column)(cell)];
    });
    return Object.fromEntries(entries);
  }
}
