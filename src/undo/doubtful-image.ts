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
    const later = versions.filter(
      ({ schema, name, origin }) =>
        origin !== undefined && schema === table.schema && name === table.name,
    );
    if (later.some(({ origin }) => origin?.partition !== undefined)) return true;
    // Changes that waited come before the first list of partitions: until that is noted nothing is known
    // of a table but what later versions of it say.
    return marks.length === 0 && later.length === 0;
  }
}
