import type { TableDefinition, TypeShape } from '../../change/table.ts';
import type { LoggedTable, TableId } from '../log.ts';
import { tableSeed } from './key-hash.ts';

/**
 * The table versions of one log, stored and still to be stored, by number and by definition. A number
 * that was handed out stays valid, also when the flush that should have stored it fails.
 */
export class TableCatalogue {
  readonly #ids = new Map<string, TableId>();
  readonly #seeds = new Map<TableId, number>();
  #stored: readonly LoggedTable[];
  #fresh: LoggedTable[] = [];
  #next = 1;

  constructor(stored: readonly LoggedTable[]) {
    this.#stored = stored;
    for (const table of stored) this.#add(table);
  }

  /** What is in the log for good. */
  get stored(): readonly LoggedTable[] {
    return this.#stored;
  }

  /** What the next flush has to store. */
  get fresh(): readonly LoggedTable[] {
    return this.#fresh;
  }

  /** The version's number; equal definitions get equal numbers. */
  define(table: TableDefinition): TableId {
    const text = definitionText(table);
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#next;
    this.#fresh.push({ ...table, id });
    this.#add({ ...table, id });
    return id;
  }

  /** See {@link tableSeed}. A number that `define` never returned is a defect: it throws Error. */
  seedOf(id: TableId): number {
    const seed = this.#seeds.get(id);
    if (seed === undefined) throw new Error(`Table version ${id} was never defined`);
    return seed;
  }

  /** A flush has stored the fresh ones. */
  flushed(): void {
    if (this.#fresh.length === 0) return;
    this.#stored = [...this.#stored, ...this.#fresh];
    this.#fresh = [];
  }

  #add(table: LoggedTable): void {
    this.#ids.set(definitionText(table), table.id);
    this.#seeds.set(table.id, tableSeed(table));
    this.#next = Math.max(this.#next, table.id + 1);
  }
}

/** Equal texts exactly for equal definitions: every field, in a fixed order. */
function definitionText(table: TableDefinition): string {
  const columns = table.columns.map(({ name, type, kind, array, number, shape }) => [
    name,
    type,
    kind,
    array,
    number ?? null,
    shape === undefined ? null : shapeList(shape),
  ]);
  const { origin } = table;
  return JSON.stringify([
    table.schema,
    table.name,
    columns,
    table.key,
    table.keyUnknown ?? false,
    table.identity,
    table.dialect,
    origin === undefined ? null : [origin.id, origin.partition?.id ?? null],
    origin?.partition === undefined ? null : [origin.partition.schema, origin.partition.name],
  ]);
}

function shapeList({ id, is, labels, attributes, of }: TypeShape): readonly unknown[] {
  return [
    id,
    is,
    labels ?? null,
    attributes?.map(({ number, name, type, modifier }) => [
      number,
      name,
      shapeList(type),
      modifier ?? null,
    ]) ?? null,
    of === undefined ? null : shapeList(of),
  ];
}
