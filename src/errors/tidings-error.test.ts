import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TidingsError } from './tidings-error.ts';

test('a name is a word of the command that it is filled into, and itself elsewhere', () => {
  const name = "Ann's {name} $(x)";
  const error = new TidingsError('DELIVERY_BLOCKED', { name, offset: 7 });
  assert.ok(error.message.includes(name), error.message);
  assert.ok(error.hint.includes(`\`tidings deliveries 'Ann'\\''s {name} $(x)'\``), error.hint);
  const plain = new TidingsError('DELIVERY_BLOCKED', { name: 'crm', offset: 7 });
  assert.ok(plain.hint.includes('`tidings deliveries crm`'), plain.hint);
});
