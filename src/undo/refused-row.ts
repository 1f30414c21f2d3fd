import { qualifiedName } from '../change/table.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { LoggedTable } from '../log/log.ts';
import type { RowName, TargetRefused } from '../source/undo-target.ts';
import type { UndoRequest } from './undo-plan.ts';

/** Texts of these kinds stand in a condition as they are, or between quotes. */
const BARE: ReadonlySet<string> = new Set(['integer', 'decimal', 'boolean']);
const QUOTED: ReadonlySet<string> = new Set(['text', 'other']);
/** The class of violated constraints: what was not there when the plan looked can be seen by now. */
const CONSTRAINT = '23';

/**
 * An error that names the row which the database does not take, with the ways on.
 * @param table the version of it that the log has last.
 */
export function refusedRow(
  refused: TargetRefused,
  request: UndoRequest,
  table: LoggedTable | undefined,
  cause: TidingsError,
): TidingsError {
  const { row, text, reason, state, triggers, fix } = refused;
  const name = qualifiedName(refused.table);
  const ways: string[] = [];
  if (fix !== null) ways.push(fix);
  if (state.startsWith(CONSTRAINT))
    ways.push('Make the plan again: it shows what stands against it now.');
  if (triggers.length > 0) {
    ways.push(`\`--without-triggers\` undoes without the triggers (${triggers.join(', ')}).`);
  }
  const condition = row === null ? null : allBut(row, table);
  if (condition !== null) {
    const { where } = request;
    const all = where === undefined ? condition : `(${where}) && (${condition})`;
    ways.push(`To undo all but this row, add: --where '${all.replaceAll(`'`, `'\\''`)}'`);
  } else {
    const tables = request.tables ?? ['*.*'];
    const named = [...tables, `!${pattern(refused.table.schema)}.${pattern(refused.table.name)}`];
    const words = named.map((each) => `--table '${each.replaceAll(`'`, `'\\''`)}'`).join(' ');
    ways.push(`To undo all but this table: ${words}`);
  }
  const what =
    row === null
      ? `${text === null ? 'rows' : 'a row'} of ${name}${text === null ? '' : `: ${text}`}`
      : `${name} ${row.columns.map((column, at) => `${column}=${row.key[at] ?? ''}`).join(', ')}`;
  const details = { of: ` of ${what}`, reason, state, ways: ways.join(' ') };
  return new TidingsError('UNDO_REFUSED', details, { cause });
}

/** A condition that holds for every change but those of this row; null where its key cannot be written so. */
function allBut(row: RowName, table: LoggedTable | undefined): string | null {
  const same: string[] = [];
  for (const [at, name] of row.columns.entries()) {
    const column = table?.columns.find((known) => known.name === name);
    const text = row.key[at];
    if (column === undefined || text === undefined || column.array) return null;
    if (!BARE.has(column.kind) && !QUOTED.has(column.kind)) return null;
    const value = column.kind === 'boolean' ? String(text === 't') : text;
    same.push(
      `key[${JSON.stringify(name)}] == ${BARE.has(column.kind) ? value : JSON.stringify(text)}`,
    );
  }
  const [schema, name] = [JSON.stringify(row.schema), JSON.stringify(row.name)];
  return `!(schema == ${schema} && table == ${name} && ${same.join(' && ')})`;
}

/** A name as a table pattern means it literally. */
function pattern(name: string): string {
  return /^[\w$]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
