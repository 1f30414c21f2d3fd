import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, tidings } from '../../test/support/fake-application.ts';
import { CHANGE, listed } from '../../test/support/fake-log.ts';
import { DELETED, fakeLooking, TRANSACTION } from '../../test/support/fake-looking.ts';
import type { Looking } from '../app/looking/looking.ts';
import { toWire } from '../change/wire.ts';

test('show: a transaction with its counts, its first changes, and what to do next', async () => {
  const { code, out, err } = await tidings('tidings show 7712', fakeLooking());
  assert.equal(code, 0);
  const lines = out.split('\n');
  assert.deepEqual(lines.slice(0, 6), [
    'Transaction 7712 of source main, committed 2020-01-02T03:04:05.678901Z',
    '159 changes, offsets 123 to 281, position 00000000016B3748',
    'by ann  request=7',
    '',
    'TABLE            INSERT  UPDATE  DELETE  TRUNCATE',
    'public.accounts       0       0     159         0',
  ]);
  assert.equal(lines.filter((line) => line.includes('→')).length, 10);
  assert.equal(err, '149 more: tidings show 7712 --all\n→ tidings undo --transaction 7712\n');
});

test('show: a column may have the name of something that every object has', async () => {
  const looking: Partial<Looking> = {
    show: () =>
      Promise.resolve({
        change: { ...CHANGE, before: { id: 7 }, after: ROW },
        isAside: false,
        schemaChange: null,
      }),
  };
  const ROW = { id: 7, constructor: 'x' };
  const { out } = await tidings('tidings show @123', { looking });
  assert.match(out, /\nconstructor  \?       x\n/);
});

test('show --all: every change', async () => {
  const text = await tidings('tidings show 7712 --all', fakeLooking());
  assert.equal(text.out.split('\n').filter((line) => line.includes('→')).length, 159);
  const { out } = await tidings('tidings show 7712 --all --json', fakeLooking());
  const documents = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  assert.deepEqual(
    documents,
    Array.from({ length: 159 }, () => toWire(CHANGE)),
  );
});

test('show --json: a document with a sample', async () => {
  const { out } = await tidings('tidings show 7712 --json', fakeLooking());
  assert.deepEqual(json(out), {
    transaction: TRANSACTION,
    older: [],
    kept: null,
    tables: [DELETED],
    schemaChanges: [],
    sample: Array.from({ length: 10 }, () => toWire(CHANGE)),
  });
});

test('show: a change column by column', async () => {
  const { out, err } = await tidings('tidings show @123', fakeLooking());
  assert.deepEqual(out.split('\n'), [
    'update public.accounts id=7',
    'change main:00000000016B3748:0, offset 123',
    'transaction 7712, committed 2020-01-02T03:04:05.678901Z',
    '',
    'COLUMN   BEFORE           AFTER',
    'id       7                7',
    'email *  ann@example.com  "a b@example.com"',
    'note *   null             "x\\ny"',
    '',
  ]);
  assert.equal(err, '→ tidings show 7712\n→ tidings history public.accounts 7\n');
  assert.deepEqual(
    json((await tidings('tidings show @123 --json', fakeLooking())).out),
    toWire(CHANGE),
  );
});

test('show: what was kept aside of a log that does not have it any more', async () => {
  const looking: Partial<Looking> = {
    show: ({ target }) => Promise.resolve(target === '@123' ? change : transaction),
  };
  const change = { change: CHANGE, isAside: true, schemaChange: null };
  const transaction = {
    transaction: TRANSACTION,
    older: [],
    kept: [123],
    schemaChanges: () => Promise.resolve([]),
    counts: () => Promise.resolve([DELETED]),
    changes: () => listed([CHANGE], undefined),
  };
  const one = await tidings('tidings show @123', { looking });
  assert.match(one.err, /^Retention has removed it; it is kept aside for a delivery\.\n→/);
  const all = await tidings('tidings show 7712', { looking });
  assert.match(
    all.out,
    /\nRetention has removed it; 1 change of it is kept aside for deliveries\.\n/,
  );
  assert.equal(all.err, '', 'nothing more of it, and nothing to undo');
  const { out } = await tidings('tidings show 7712 --json', { looking });
  assert.deepEqual((json(out) as { readonly kept: unknown }).kept, [123]);
});
