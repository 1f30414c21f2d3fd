import { qualifiedName } from '../../../change/table.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import { ACTS } from './check-constraints.ts';
import { relation } from './outcome-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Whose doing something beyond the plan can be. */
export interface Reach {
  /** Triggers of the application that fire, and rules, of the tables that are written. */
  readonly code: readonly string[];
  /** Tables whose rows the code of their own can change while they are written. */
  readonly changing: ReadonlySet<StagedTable>;
  /** Foreign keys that act on other rows. */
  readonly keys: readonly string[];
}

export interface OutcomeOptions {
  /** The tables that are written. */
  readonly tables: readonly StagedTable[];
  /** Those among them whose rows foreign keys may change while they come back. */
  readonly reached: ReadonlySet<StagedTable>;
  /** Whether the application's triggers fire. */
  readonly triggers: boolean;
}

/** Tables whose rows can be other than what was written although as many were written. */
export function comparedTables(
  { tables, reached }: OutcomeOptions,
  { changing }: Reach,
): readonly StagedTable[] {
  return tables.filter((table) => reached.has(table) || changing.has(table));
}

export async function findReach(
  connection: UndoConnection,
  tables: readonly StagedTable[],
  triggers: boolean,
): Promise<Reach> {
  const code: string[] = [];
  const changing = new Set<StagedTable>();
  const keys = new Set<string>();
  for (const table of tables) {
    const { facts } = table;
    const rules = await connection.rows<{ name: string }>(
      `SELECT rulename::text AS name FROM pg_rewrite
       WHERE ev_class = ${relation(table)} AND ev_type IN ('2', '3', '4') AND ev_enabled IN ('O', 'A')`,
    );
    const own = [
      ...(triggers ? facts.triggers.map(({ trigger }) => `trigger ${trigger}`) : []),
      ...rules.map(({ name }) => `rule ${name}`),
    ];
    code.push(...own.map((name) => `${name} of ${qualifiedName(facts)}`));
    if (own.length > 0) changing.add(table);
    for (const key of facts.foreignKeys) {
      const isParent = key.parent.schema === facts.schema && key.parent.name === facts.name;
      if (!isParent || (!ACTS.has(key.deleteAction) && !ACTS.has(key.updateAction))) continue;
      keys.add(`foreign key ${key.name} of ${qualifiedName(key.child)}`);
    }
  }
  return { code, changing, keys: [...keys] };
}

/**
 * The server has to count what is done, where anything beyond the statements can do it.
 * @returns whether it counts.
 * @throws TidingsError `UNDO_COUNTING_OFF`
 */
export async function startCounting(
  connection: UndoConnection,
  tables: readonly StagedTable[],
  { code, keys }: Reach,
): Promise<boolean> {
  const [setting] = await connection.rows<{ on: string }>(
    `SELECT CASE WHEN current_setting('track_counts') = 'off' AND current_setting('is_superuser') = 'on'
       THEN set_config('track_counts', 'on', true) ELSE current_setting('track_counts') END AS on`,
  );
  if (setting?.on === 'on') return true;
  if (code.length + keys.length === 0) return false;
  const names = tables.map(({ facts }) => qualifiedName(facts)).join(', ');
  throw new TidingsError('UNDO_COUNTING_OFF', {
    tables: names,
    causes: [...code, ...keys].join(', '),
  });
}
