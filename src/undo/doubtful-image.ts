import { decodeImages } from '../change/row-images.ts';
import type { LoggedTable, LogRecord } from '../log/log.ts';
import { isMarkOf } from './looking/marks-since.ts';
import type { SearchableLog } from './looking/searchable-log.ts';

/**
 * Tells old rows of which a log of an older version may have nothing but the key. PostgreSQL sends
 * nulls for what it left out, and such a log says by its table's setting of then, or of its root's, that
 * the row is whole (invariant 14). Any index of columns without nulls may have been a partition's
 * identity (USING INDEX), also one that holds the key and more: only a row without any null is whole for
 * certain.
 */
export class DoubtfulImages {
  readonly #log: SearchableLog;
  readonly #doubtful = new Map<LoggedTable, boolean>();

  constructor(log: SearchableLog) {
    this.#log = log;
  }

  has({ table, operation, images }: LogRecord): boolean {
    if (table.origin !== undefined || (operation !== 'update' && operation !== 'delete')) {
      return false;
    }
    let doubtful = this.#doubtful.get(table);
    if (doubtful === undefined) {
      doubtful = table.columns.length > table.key.length && this.#mayHavePartitions(table);
      this.#doubtful.set(table, doubtful);
    }
    if (!doubtful) return false;
    return decodeImages(images).before?.cells.includes(null) === true;
  }

  /** Only partitions have a setting of their own; where nothing was noted yet, any table may have some. */
  #mayHavePartitions(table: LoggedTable): boolean {
    const marks = this.#log.marks();
    const versions = this.#log.tables();
    if (marks.some((mark) => mark.partition !== null && isMarkOf(mark, table))) return true;
    const isNamed = ({ schema, name }: LoggedTable): boolean =>
      schema === table.schema && name === table.name;
    if (versions.some((one) => one.origin?.partition !== undefined && isNamed(one))) return true;
    return marks.length === 0 && versions.every(({ origin }) => origin === undefined);
  }
}
