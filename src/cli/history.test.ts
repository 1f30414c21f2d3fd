import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidings } from '../../test/support/fake-application.ts';
import { CHANGE, CHANGES } from '../../test/support/fake-log.ts';
import { fakeLooking } from '../../test/support/fake-looking.ts';
import { parseWire } from '../change/wire.ts';

test('history: each version with what changed, from what to what', async () => {
  const looking = fakeLooking([], [...CHANGES]);
  const { code, out, err } = await tidings('tidings history accounts 7 --limit 9', looking);
  assert.equal(code, 0);
  assert.deepEqual(looking.queries, [{ table: 'accounts', key: '7', limit: 9 }]);
  const at = '2020-01-02 03:04:05.678';
  assert.deepEqual(out.split('\n'), [
    `${at}  update  id=7  transaction 7712  offset 123`,
    '    email: ann@example.com → "a b@example.com"',
    '    note: null → "x\\ny"',
    `${at}  insert  id=7  transaction 7712  offset 123`,
    '    is   id=7 email="a b@example.com" note="x\\ny"',
    `${at}  delete  id=7  transaction 7712  offset 123`,
    '    was  id=7',
    `${at}  truncate  transaction 7712  offset 123`,
    '',
  ]);
  assert.match(err, /→ tidings undo --transaction 7712\n$/);
});

test('history: says where knowledge ends', async () => {
  const older = await tidings('tidings history accounts 7', fakeLooking([], [CHANGE]));
  assert.match(
    older.err,
    /^Older versions are not known: the log begins at 2020-01-01T.* offset 100/,
  );
  const none = await tidings('tidings history accounts 7', fakeLooking([], []));
  assert.equal(none.code, 0);
  assert.match(none.err, /^The log has no change of this row of public\.accounts; it begins/);
});

test('history --json: CloudEvents, one per line', async () => {
  const { out } = await tidings('tidings history accounts 7 --json', fakeLooking([], [...CHANGES]));
  assert.deepEqual(out.trimEnd().split('\n').map(parseWire), CHANGES);
});

test('history: needs a table and a key', async () => {
  const { code } = await tidings('tidings history accounts', fakeLooking());
  assert.equal(code, 64);
});
