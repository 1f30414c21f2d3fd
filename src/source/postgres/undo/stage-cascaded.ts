import type { StoredChange } from '../../../change/stored-change.ts';
import { quoteIdentifier } from '../quote.ts';
import { fkEquals } from './foreign-key-sql.ts';
import { moveRows } from './move-rows.ts';
import { rowsIn } from './partition-rows.ts';
import { StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

const PLACE = 1_000_000;

/**
 * Changes that the database may have made because of others (foreign keys that cascade), held apart
 * until it is known which of them follow from a staged change.
 */
export class CascadedChanges {
  readonly #connection: UndoConnection;
  readonly #tables: StagedTables;
  /** By the place that the rows belong to. */
  readonly #held = new Map<StagedTable, StagedTable>();

  constructor(connection: UndoConnection, tables: StagedTables) {
    this.#connection = connection;
    this.#tables = tables;
  }

  async add(changes: readonly StoredChange[]): Promise<void> {
    for (const change of changes) {
      const target = await this.#tables.enter(change);
      if (target === null) {
        this.#tables.lose(change.table);
        continue;
      }
      let held = this.#held.get(target);
      if (held === undefined) {
        const { facts, place } = target;
        const options = { connection: this.#connection, facts, first: change };
        held = await StagedTable.create({ ...options, place: PLACE + place, notes: place });
        this.#held.set(target, held);
      }
      await held.add(change);
    }
  }

  /** Stages those whose old row refers to an old row that is staged, and what follows from them. */
  async settle(): Promise<void> {
    if (this.#held.size === 0) return;
    for (const [target, held] of this.#held) {
      await target.flush();
      await held.flush();
    }
    for (const table of this.#tables.all) await table.flush();
    let moved = this.#held.size;
    while (moved > 0) {
      moved = 0;
      for (const [target, held] of this.#held) moved += await this.#moveOne(target, held);
    }
    this.#held.clear();
  }

  async #moveOne(target: StagedTable, held: StagedTable): Promise<number> {
    const { schema, name } = target.facts;
    const causes = target.facts.foreignKeys.flatMap((key) => {
      const parent = this.#tables.find(key.parent);
      const own = key.child.schema === schema && key.child.name === name;
      if (!key.cascades || !own || parent === undefined) return [];
      return [causedBy(key, { parent, held })];
    });
    if (causes.length === 0) return 0;
    await this.#connection.run('DROP TABLE IF EXISTS pg_temp.undo_caused');
    const found = await this.#connection.run(
      `CREATE TEMPORARY TABLE undo_caused ON COMMIT DROP AS
       SELECT s.${held.offset} AS at FROM ${held.before} s WHERE ${causes.join(' OR ')}`,
    );
    if (found === 0) return 0;
    for (const [name, problem] of held.problems) target.problems.set(name, problem);
    for (const side of ['before', 'after'] as const) {
      const where = `s.${held.offset} IN (SELECT at FROM pg_temp.undo_caused)`;
      const move = { source: held[side], target: side, offset: `s.${held.offset}`, where };
      const moved = await moveRows(this.#connection, { from: held, to: target }, move);
      if (side === 'before') target.changes += moved;
      await this.#connection.run(`DELETE FROM ${held[side]} s WHERE ${where}`);
    }
    return found;
  }
}

/** What a foreign key does to the rows that refer to one that goes, or that gets another key. */
const DELETES = 'c';
const CHANGES: readonly string[] = ['n', 'd'];

/**
 * True for a change `s` that the database made because of a staged change of its parent: a later one,
 * of a row that referred to a parent that went or got another key, and of the kind that the foreign
 * key makes. Whatever else the transaction did to the row has a cause of its own.
 */
function causedBy(
  key: ForeignKey,
  { parent, held }: { readonly parent: StagedTable; readonly held: StagedTable },
): string {
  const same = `(SELECT FROM ${held.after} h WHERE h.${held.offset} = s.${held.offset}`;
  const deleted = `NOT EXISTS ${same})`;
  const changed = `EXISTS ${same} AND NOT ${sameValues(key.childColumns, 'h', 's')})`;
  const left = `(SELECT FROM ${rowsIn(parent.after, key.parentPartition)} a WHERE a.${parent.offset} = r.${parent.offset}`;
  const went = `NOT EXISTS ${left})`;
  const moved = `EXISTS ${left} AND NOT ${sameValues(key.parentColumns, 'a', 'r')})`;
  const causes: string[] = [];
  if (key.deleteAction === DELETES) causes.push(`${went} AND ${deleted}`);
  if (CHANGES.includes(key.deleteAction)) causes.push(`${went} AND ${changed}`);
  if (key.updateAction === 'c' || CHANGES.includes(key.updateAction)) {
    causes.push(`${moved} AND ${changed}`);
  }
  const offset = `s.${held.offset}`;
  const refers =
    key.childPartition === null
      ? ''
      : `${offset} IN (SELECT ${held.offset} FROM ${rowsIn(held.before, key.childPartition)} p) AND`;
  return `${refers} EXISTS (SELECT FROM ${rowsIn(parent.before, key.parentPartition)} r
    WHERE ${fkEquals(key, 'r', 's')}
    AND r.${parent.offset} < s.${held.offset} AND (${causes.join(' OR ')}))`;
}

function sameValues(columns: readonly string[], left: string, right: string): string {
  const row = (alias: string): string =>
    `ROW(${columns.map((name) => `${alias}.${quoteIdentifier(name)}`).join(', ')})::record`;
  return `(${row(left)} OPERATOR(pg_catalog.*=) ${row(right)})`;
}
