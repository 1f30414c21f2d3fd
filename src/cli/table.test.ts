import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidings } from '../../test/support/fake-application.ts';
import { fakeLooking } from '../../test/support/fake-looking.ts';

test('table --as-of: aligned, with what to do next to the table that it is now', async () => {
  const { code, out, err } = await tidings('tidings table accounts --as-of 123', fakeLooking());
  assert.equal(code, 0);
  assert.equal(out, 'id  note\n 7  a "b", c\n12  null\n 3\n');
  assert.equal(
    err,
    'public.accounts before offset 123: 3 rows\n' +
      'Left out, because the log has no old values of them: later\n→ tidings undo --table public.holders --to 123\n',
  );
});

test('table --as-of: CSV as COPY reads it, and NDJSON', async () => {
  const csv = await tidings('tidings table accounts --as-of 123 --format csv', fakeLooking());
  assert.equal(csv.out, 'id,note\n7,"a ""b"", c"\n12,\n3,""\n');
  const ndjson = '{"id":7,"note":"a \\"b\\", c"}\n{"id":12,"note":null}\n{"id":3,"note":""}\n';
  for (const option of ['--format ndjson', '--json']) {
    const { out } = await tidings(`tidings table accounts --as-of 123 ${option}`, fakeLooking());
    assert.equal(out, ndjson);
  }
});

test('table --as-of: what it asks for', async () => {
  const looking = fakeLooking();
  const line =
    'tidings table accounts --as-of 2026-11-21T13:45:00.123456Z --key 7 --key id=8 --columns id,note --where after.id>1';
  assert.equal((await tidings(line, looking)).code, 0);
  assert.deepEqual(looking.queries, [
    {
      table: 'accounts',
      asOf: { time: Date.parse('2026-11-21T13:45:00Z') * 1000 + 123_456 },
      where: 'after.id>1',
      keys: ['7', 'id=8'],
      columns: ['id', 'note'],
    },
  ]);
});

test('table: needs a moment, and knows its formats', async () => {
  for (const line of ['tidings table accounts', 'tidings table accounts --as-of 1 --format xml']) {
    assert.equal((await tidings(line, fakeLooking())).code, 64);
  }
});
