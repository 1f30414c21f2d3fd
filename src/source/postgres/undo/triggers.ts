import { TidingsError } from '../../../errors/tidings-error.ts';
import { qualifiedName } from '../../../change/table.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import type { StagedTable } from './staged-table.ts';

/**
 * Statements that disable the application's triggers on these tables, and those that give them back
 * the state they had. Foreign keys stay checked: their triggers are the database's own.
 * @throws TidingsError `UNDO_TRIGGERS_RIGHTS` when the role does not own a table.
 */
export function triggerStatements(tables: readonly StagedTable[]): {
  readonly off: readonly string[];
  readonly on: readonly string[];
} {
  const triggers = tables.flatMap((table) => {
    const { owned, owner, role } = table.facts;
    if (table.facts.triggers.length > 0 && !owned) {
      const names = { ownerSql: quoteIdentifier(owner), roleSql: quoteIdentifier(role) };
      const details = { table: qualifiedName(table.facts), role, ...names };
      throw new TidingsError('UNDO_TRIGGERS_RIGHTS', details);
    }
    return table.facts.triggers;
  });
  const change = (action: (enabled: 'O' | 'A') => string): readonly string[] =>
    triggers.map(
      (trigger) =>
        `ALTER TABLE ${quoteTable(trigger)} ${action(trigger.enabled)} TRIGGER ${quoteIdentifier(trigger.trigger)}`,
    );
  return {
    off: change(() => 'DISABLE'),
    on: change((enabled) => (enabled === 'A' ? 'ENABLE ALWAYS' : 'ENABLE')),
  };
}
