import { isTidingsError, type TidingsError } from '../../../errors/tidings-error.ts';
import type { TargetRefused } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { countRows, type RowCounts } from './apply.ts';
import { findPairs } from './bag-pairs.ts';
import { chooseVictimsSql, victims } from './check-rows.ts';
import { findInPlace } from './in-place.ts';
import { keyOf, keyList, keyTexts, rowText, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** How long to look for the row; milliseconds. Beyond it the table has to do. */
const SEARCH_TIME = 30_000;
/** What row security says, too: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const INSUFFICIENT_PRIVILEGE = '42501';
/** Beyond it a row without a key is cut where it is shown. Characters. */
const SHOWN = 200;

/** The row that the database does not take. */
export interface Refused {
  readonly table: StagedTable;
  /** The texts of its key; null for a row without one, or when only the table is known. */
  readonly key: readonly string[] | null;
  /** What a row without a key holds. */
  readonly text: string | null;
  readonly error: TidingsError<'UNDO_REFUSED'>;
}

export interface FindRefusedOptions {
  readonly connection: UndoConnection;
  /** All tables of the undo. */
  readonly tables: readonly StagedTable[];
  /** The SQLSTATE by which the refusal is known again. */
  readonly state: string;
  /** Writes what is staged, as `apply` does. */
  readonly write: (tables: readonly (readonly [StagedTable, RowCounts])[]) => Promise<void>;
}

/**
 * Which row it was that the database refused, found by writing ever smaller parts of the undo and
 * taking them back. Only done after a refusal: a savepoint around what is written would cost everybody.
 */
export async function findRefused(options: FindRefusedOptions): Promise<Refused | null> {
  const deadline = performance.now() + SEARCH_TIME;
  // First each table alone; a table whose rows need those of others is tried beside them.
  for (const alone of [true, false]) {
    for (const table of options.tables) {
      const found = await new Search(options, { table, alone, deadline }).run();
      if (found !== null) return found;
    }
  }
  return null;
}

/** The same for people, with what would mend it. */
export function toRefused({ table, key, text, error }: Refused, triggers: boolean): TargetRefused {
  const { reason = '', state = '' } = error.details;
  const { facts, name } = table;
  const hidden = state === INSUFFICIENT_PRIVILEGE && facts.rowSecurity;
  return {
    table: name,
    row: key === null ? null : { ...name, columns: keyOf(table).map(({ column }) => column), key },
    text,
    reason: String(reason),
    state: String(state),
    triggers: triggers ? facts.triggers.map(({ trigger }) => trigger) : [],
    fix: hidden
      ? `ALTER ROLE ${quoteIdentifier(facts.role)} BYPASSRLS; -- as an administrator`
      : null,
  };
}

class Search {
  readonly #options: FindRefusedOptions;
  readonly #table: StagedTable;
  readonly #alone: boolean;
  readonly #deadline: number;

  constructor(
    options: FindRefusedOptions,
    part: { readonly table: StagedTable; readonly alone: boolean; readonly deadline: number },
  ) {
    this.#options = options;
    this.#table = part.table;
    this.#alone = part.alone;
    this.#deadline = part.deadline;
  }

  async run(): Promise<Refused | null> {
    const { connection } = this.#options;
    const table = this.#table;
    await connection.run('DROP TABLE IF EXISTS pg_temp.undo_suspects');
    await connection.run(suspectsSql(table));
    const [last] = await connection.rows<{ number: number }>(
      `SELECT COALESCE(max(x.${table.offset}), 0)::integer AS number FROM pg_temp.undo_suspects x`,
    );
    let high = last?.number ?? 0;
    let low = 1;
    if (high === 0) return null;
    const all = await this.#try(low, high);
    if (all === null) return null;
    while (low < high && performance.now() < this.#deadline) {
      const middle = Math.floor((low + high) / 2);
      if ((await this.#try(low, middle)) === null) low = middle + 1;
      else high = middle;
    }
    const error = low === high ? await this.#try(low, low) : null;
    // It takes several rows together, or too long: the table is known.
    if (error === null) return { table, key: null, text: null, error: all };
    const keyless = table.key === null;
    const [row] = await connection.rows<{ key: string[] | null; text: string | null }>(
      `SELECT ${keyless ? 'NULL::text[]' : keyTexts(table, 'x')} AS key,
         ${keyless ? 'x.text' : 'NULL'} AS text
       FROM pg_temp.undo_suspects x WHERE x.${table.offset} = ${low} ${keyless ? 'ORDER BY x.side' : ''} LIMIT 1`,
    );
    return { table, key: row?.key ?? null, text: row?.text ?? null, error };
  }

  /** What the database says to the rows from one number to another; null when that is something else. */
  async #try(low: number, high: number): Promise<TidingsError<'UNDO_REFUSED'> | null> {
    const { connection, tables, state, write } = this.#options;
    await connection.run('SAVEPOINT undo_part');
    const kept = tables.map(({ paired, inPlace }) => ({ paired, inPlace }));
    let said: unknown = null;
    try {
      await this.#keepOnly(low, high);
      const written: (readonly [StagedTable, RowCounts])[] = [];
      for (const table of tables) {
        const counts = await countRows(connection, table);
        if (counts.insert + counts.update + counts.delete > 0) written.push([table, counts]);
      }
      await write(written);
    } catch (error) {
      // A part can fail in ways that the whole does not: only the same refusal counts.
      if (!isTidingsError(error)) throw error;
      said = error;
    }
    await connection.run('ROLLBACK TO SAVEPOINT undo_part');
    await connection.run('RELEASE SAVEPOINT undo_part');
    for (const [at, table] of tables.entries()) Object.assign(table, kept[at], { rows: null });
    return isTidingsError(said, 'UNDO_REFUSED') && said.details['state'] === state ? said : null;
  }

  async #keepOnly(low: number, high: number): Promise<void> {
    const { connection, tables } = this.#options;
    for (const table of tables) {
      const chosen = table === this.#table;
      if (!chosen && !this.#alone) continue;
      for (const side of [table.before, table.after]) {
        await connection.run(
          chosen
            ? `DELETE FROM ${side} s USING pg_temp.undo_suspects x
               WHERE x.${table.offset} NOT BETWEEN ${low} AND ${high}
                 AND ${table.key === null ? `x.tid = s.ctid AND x.rel = s.tableoid` : sameKey(table, 's', 'x')}`
            : `DELETE FROM ${side}`,
        );
      }
      table.rows = null;
      if (table.key !== null) {
        await findInPlace(connection, table);
        continue;
      }
      await connection.run(`DROP TABLE ${victims(table)}`);
      await connection.run(chooseVictimsSql(table));
      await findPairs(connection, table);
    }
  }
}

/**
 * The rows of a table that could be it, numbered. Without a key the two rows of one update have one
 * number: by itself the old row would be inserted, where it is the update that the database refuses.
 */
function suspectsSql(table: StagedTable): string {
  const { before, after, offset, key } = table;
  const keyless = (rows: string, side: number): string =>
    `SELECT ${side} AS side, s.ctid AS tid, s.tableoid AS rel, s.${offset} AS at,
       row_number() OVER (PARTITION BY s.${offset} ORDER BY s.ctid) AS place,
       left(${rowText(table, 's')}, ${SHOWN}) AS text FROM ${rows} s`;
  const numbered =
    key === null
      ? `SELECT dense_rank() OVER (ORDER BY r.at, r.place) AS ${offset}, r.side, r.tid, r.rel, r.text
         FROM (${keyless(before, 0)} UNION ALL ${keyless(after, 1)}) r`
      : `SELECT row_number() OVER () AS ${offset}, r.* FROM (SELECT ${keyList(table, 's')} FROM ${before} s
         UNION SELECT ${keyList(table, 's')} FROM ${after} s) r`;
  return `CREATE TEMPORARY TABLE undo_suspects ON COMMIT DROP AS ${numbered}`;
}
