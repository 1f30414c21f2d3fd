import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, tidings } from '../../test/support/fake-application.ts';
import { CHANGE, CHANGES } from '../../test/support/fake-log.ts';
import { ALTERED, fakeLooking, TRANSACTION } from '../../test/support/fake-looking.ts';
import { schemaChangeSinceText } from '../undo/looking/schema-change-text.ts';

const looking = (offset: number = ALTERED.offset ?? 0): ReturnType<typeof fakeLooking> =>
  fakeLooking([TRANSACTION], CHANGES, undefined, [{ ...ALTERED, offset }]);

const WHAT = '+ nickname, age: integer → bigint';

test('find: a table that was altered since stands above the transaction, in its place', async () => {
  const { out } = await tidings('tidings find', looking());
  assert.deepEqual(out.split('\n').slice(0, 2), [
    `2020-01-03 03:04:05.678              public.accounts was altered: ${WHAT} (first seen at offset 300; Django shop.0007 at offset 299)`,
    '2020-01-02 03:04:05.678        7712  public.accounts: 159 deleted  by ann  request=7',
  ]);
  const found = json((await tidings('tidings find --json', looking())).out);
  assert.deepEqual((found as { schemaChanges: object[] }).schemaChanges, [ALTERED]);
});

test('show: of a transaction, of a change, and as JSON', async () => {
  const line = `public.accounts was altered since: ${WHAT} (first seen at offset 300, 2020-01-03T03:04:05.678901Z; Django shop.0007 at offset 299).\n`;
  assert.ok((await tidings('tidings show 7712', looking())).out.endsWith(line));
  assert.ok((await tidings('tidings show 7712 --all', looking())).out.endsWith(line));
  assert.ok((await tidings('tidings show @123', looking())).out.endsWith(line));
  const shown = json((await tidings('tidings show 7712 --json', looking())).out);
  assert.deepEqual((shown as { schemaChanges: object[] }).schemaChanges, [ALTERED]);
});

test('history: between the versions, after the last one, and never before the first', async () => {
  const lines = async (offset: number): Promise<string[]> =>
    (await tidings('tidings history accounts 7', looking(offset))).out
      .split('\n')
      .filter((line) => !line.startsWith('  '));
  const versions = CHANGES.length;
  const at = async (offset: number): Promise<number> =>
    (await lines(offset)).findIndex((line) => line.includes('was altered: '));
  assert.equal(CHANGE.offset, 123);
  assert.deepEqual([await at(124), await at(123)], [versions, -1]);
  const asJson = await tidings('tidings history accounts 7 --json', looking(124));
  assert.equal(asJson.out.trimEnd().split('\n').length, versions);
  assert.match(asJson.err, /public\.accounts was altered: \+ nickname/);
});

test('what is not known or too much is told in few words', () => {
  const text = (changed: Partial<typeof ALTERED>): string =>
    schemaChangeSinceText({ ...ALTERED, ...changed });
  const [one] = ALTERED.migrations;
  assert.ok(one !== undefined);
  assert.match(
    text({ offset: null, at: null, migrations: [] }),
    /\(the log has no change of it since\)\.$/,
  );
  assert.match(
    text({
      migrations: [
        { ...one, tool: 'Drizzle', name: '' },
        { ...one, reverted: true },
      ],
    }),
    /; Drizzle at offset 299, Django took back shop\.0007 at offset 299\)\.$/,
  );
  assert.match(
    text({ migrations: Array.from({ length: 9 }, () => one) }),
    /at offset 299, 6 more before that\)\.$/,
  );
});
