import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StagedTable } from './staged-table.ts';
import { triggerStatements } from './triggers.ts';

test('the statement for a role that owns nothing can be pasted, whatever the names are', () => {
  const facts = {
    schema: 'public',
    name: 'Orders',
    owned: false,
    owner: 'Shop Owner',
    role: 'o"neil',
    triggers: [{ schema: 'public', name: 'Orders', trigger: 't', enabled: 'O' }],
  };
  const staged = { facts } as unknown as StagedTable;
  assert.throws(() => triggerStatements([staged]), {
    code: 'UNDO_TRIGGERS_RIGHTS',
    hint: /GRANT "Shop Owner" TO "o""neil";/,
  });
});
