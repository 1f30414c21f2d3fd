import { qualifiedName } from '../change/table.ts';
import type { LoggedTable } from '../log/log.ts';
import type { Assessment, TargetTable } from '../source/undo-target.ts';
import { schemaChangeSinceText } from './looking/schema-change-text.ts';
import {
  byTable,
  type PresentSchema,
  type SchemaChange,
  schemaChangeSinceAny,
} from './looking/schema-changes.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import type { StagedChanges } from './stage-changes.ts';
import { presumedTables } from './table-versions.ts';

/** What has become of the tables of an undo since the first of its changes of each. */
export async function alteredTables(
  log: SearchableLog,
  { assessment, staged }: { readonly assessment: Assessment; readonly staged: StagedChanges },
  signal: AbortSignal,
): Promise<readonly SchemaChange[]> {
  const presumed = presumedTables(log);
  const tables = new Map(
    assessment.tables.map((table) => [table.id ?? qualifiedName(table), table]),
  );
  const tableOf = (version: LoggedTable): TargetTable | undefined =>
    tables.get(version.origin?.id ?? presumed.get(version) ?? '') ??
    tables.get(qualifiedName(version));
  const found: SchemaChange[] = [];
  for (const all of byTable(log, staged.versions)) {
    const [first] = all;
    const table = first === undefined ? undefined : tableOf(first.version);
    const change = await schemaChangeSinceAny(log, all, present(table), signal);
    if (change !== null) found.push(change);
  }
  return found;
}

/** Says what it is, and what an undo makes of columns that its changes did not know. */
export function alteredWarnings(
  changes: readonly SchemaChange[],
  { tables }: Assessment,
): readonly string[] {
  const told = new Map(changes.map((change) => [change.table, change]));
  const added = new Map(
    tables
      .filter((table) => table.insert + table.update + table.delete > 0)
      .map((table) => [qualifiedName(table), table.addedColumns]),
  );
  const warnings = changes.map((change) => {
    const rest = (added.get(change.table) ?? []).length === 0 ? '' : ` ${ADDED}`;
    return `${schemaChangeSinceText(change)}${rest}`;
  });
  for (const [name, columns] of added) {
    const others = columns.filter((column) => told.get(name)?.added.includes(column) !== true);
    if (others.length === 0) continue;
    const what = `${name} has columns that some of the changes did not know: ${others.join(', ')}.`;
    warnings.push(told.get(name) === undefined ? `${what} ${ADDED}` : what);
  }
  return warnings;
}

const ADDED = 'Columns that the changes did not know keep their values, or get their defaults.';

/** Which columns identify its rows is another question: an undo asks the table's indexes. */
function present(table: TargetTable | undefined): PresentSchema | null {
  if (table === undefined || table.columns === null) return null;
  const { schema, name, id, columns, computed } = table;
  const origin = id === undefined ? {} : { origin: { id } };
  return { schema, name, columns, computed, key: [], keyUnknown: true, ...origin };
}
