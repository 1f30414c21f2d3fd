import { TidingsError } from '../../../errors/tidings-error.ts';
import { qualifiedName } from '../../../change/table.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Disables the application's triggers on these tables until the returned function gives them back
 * the state they had. Foreign keys stay checked: their triggers are the database's own.
 * @throws TidingsError `UNDO_TRIGGERS_RIGHTS` when the role does not own a table.
 */
export async function disableTriggers(
  connection: UndoConnection,
  tables: readonly StagedTable[],
): Promise<() => Promise<void>> {
  const triggers = tables.flatMap((table) => {
    const { owned, owner, role } = table.facts;
    if (table.facts.triggers.length > 0 && !owned) {
      const details = { table: qualifiedName(table.facts), role, owner };
      throw new TidingsError('UNDO_TRIGGERS_RIGHTS', details);
    }
    return table.facts.triggers;
  });
  const change = async (action: (enabled: 'O' | 'A') => string): Promise<void> => {
    for (const trigger of triggers) {
      await connection.run(
        `ALTER TABLE ${quoteTable(trigger)} ${action(trigger.enabled)} TRIGGER ${quoteIdentifier(trigger.trigger)}`,
      );
    }
  };
  await change(() => 'DISABLE');
  return () => change((enabled) => (enabled === 'A' ? 'ENABLE ALWAYS' : 'ENABLE'));
}
