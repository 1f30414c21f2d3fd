import type { Column, TableDefinition } from '../../change/table.ts';
import type { SnapshotTable } from '../../source/table-snapshot.ts';

/**
 * What the columns of a table's versions are called now. A column is the same as long as it has its
 * number; one that was dropped and added again has another. Numbers are those of the relation that
 * holds the rows: a partition has its own.
 */
export class PresentColumns {
  readonly #names: ReadonlySet<string>;
  readonly #byRelation = new Map<string, ReadonlyMap<number, string>>();

  /**
   * @param present the table as it is.
   * @param detached partitions of it that are tables of their own now.
   */
  constructor(present: SnapshotTable, detached: readonly SnapshotTable[]) {
    this.#names = new Set(present.definition.columns.map(({ name }) => name));
    for (const { definition, partitions } of [present, ...detached]) {
      const { origin, columns } = definition;
      if (origin !== undefined) this.#add(origin.id, columns);
      for (const partition of partitions) this.#add(partition.id, partition.columns);
    }
  }

  /** Null when the table does not have it any more. */
  nameNow(version: TableDefinition, column: Column): string | null {
    const { origin } = version;
    const names = this.#byRelation.get(origin?.partition?.id ?? origin?.id ?? '');
    const name =
      names === undefined || column.number === undefined ? column.name : names.get(column.number);
    return name !== undefined && this.#names.has(name) ? name : null;
  }

  #add(
    relation: string,
    columns: readonly { readonly number?: number; readonly name: string }[],
  ): void {
    const names = new Map<number, string>();
    for (const { number, name } of columns) if (number !== undefined) names.set(number, name);
    this.#byRelation.set(relation, names);
  }
}
