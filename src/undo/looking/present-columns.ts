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
  /** By what it was called; null where that has meant several columns. */
  readonly #byFormerName = new Map<string, string | null>();

  /**
   * @param present the table as it is.
   * @param detached partitions of it that are tables of their own now.
   * @param versions of it: those of relations that are there tell what columns of others, which are
   *   gone, would be called.
   */
  constructor(
    present: SnapshotTable,
    detached: readonly SnapshotTable[],
    versions: readonly TableDefinition[],
  ) {
    this.#names = new Set(present.definition.columns.map(({ name }) => name));
    for (const { definition, partitions } of [present, ...detached]) {
      const { origin, columns } = definition;
      if (origin !== undefined) this.#add(origin.id, columns);
      for (const partition of partitions) this.#add(partition.id, partition.columns);
    }
    for (const version of versions) {
      for (const column of version.columns) {
        const name = this.#byNumber(version, column);
        if (name === undefined) continue;
        const known = this.#byFormerName.get(column.name);
        this.#byFormerName.set(column.name, known === undefined || known === name ? name : null);
      }
    }
  }

  /** Null when the table does not have it any more. */
  nameNow(version: TableDefinition, column: Column): string | null {
    let name = this.#byNumber(version, column);
    if (name === undefined) {
      const former = this.#byFormerName.get(column.name);
      name = former === undefined ? column.name : former;
    }
    return name !== null && this.#names.has(name) ? name : null;
  }

  /** Null for a column that is gone, undefined when that cannot be told. */
  #byNumber({ origin }: TableDefinition, { number }: Column): string | null | undefined {
    const names = this.#byRelation.get(origin?.partition?.id ?? origin?.id ?? '');
    if (names === undefined || number === undefined) return undefined;
    return names.get(number) ?? null;
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
