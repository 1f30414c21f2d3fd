import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidings } from '../../test/support/fake-application.ts';
import { CHANGE, logOf, TOO_LARGE } from '../../test/support/fake-log.ts';
import { fakeLooking } from '../../test/support/fake-looking.ts';
import { parseWire } from '../change/wire.ts';

const LISTINGS: readonly (readonly [line: string, shown: number, code: number])[] = [
  ['tail --from floor', 2, 0],
  ['log export', 2, 1],
  ['history accounts 7', 2, 0],
  ['show 7712 --all', 158, 0],
];

for (const [line, shown, exit] of LISTINGS) {
  test(`${line}: a change that is too large is named, and hides nothing behind it`, async () => {
    const changes = [TOO_LARGE, CHANGE, CHANGE];
    const application = (): object => ({ ...logOf(changes), ...fakeLooking([], changes) });
    const asJson = await tidings(`tidings ${line} --json`, application());
    assert.equal(asJson.code, exit);
    const documents = asJson.out.trimEnd().split('\n').map(parseWire);
    assert.deepEqual(
      documents,
      Array.from({ length: shown }, () => CHANGE),
    );
    const asText = await tidings(`tidings ${line}`, application());
    assert.equal(asText.code, exit);
    for (const { err } of [asJson, asText]) {
      assert.match(
        err,
        /^passed over, VALUE_TOO_LARGE: Change main:00000000016B3749:0 of public\.accounts .* column photo is 560000002 of its bytes\.\n→ /,
      );
    }
  });
}

test('a row whose only version is too large is not one that the log does not know', async () => {
  const { err } = await tidings('tidings history accounts 7', fakeLooking([], [TOO_LARGE]));
  assert.match(err, /^passed over/);
  assert.doesNotMatch(err, /no change of this row/);
});
