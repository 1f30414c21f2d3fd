import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fixture, fixture, position } from '../../test/support/capture-fixture.ts';
import { until } from '../../test/support/until.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { changeOf, readAll, tableNamed } from '../log/log.contract.ts';
import type { Rewound } from '../source/source-history.ts';

/** The source's history went back to behind its third transaction. */
const REWOUND: Rewound = {
  abandoned: position(4),
  to: position(3),
  reason: 'its timeline 2 left timeline 1 there',
  complete: true,
};

/** Has captured five transactions, and ended; the source's history has gone back since. */
async function rewound(parts: Partial<Rewound> = {}): Promise<Fixture> {
  const at = await fixture();
  const { source, log } = at;
  const table = log.writer.defineTable(tableNamed('t'));
  for (const number of [1, 2, 3, 4, 5]) {
    log.writer.begin({ id: String(number), position: position(number) });
    log.writer.append(changeOf(table, String(number)));
    log.writer.commit({ committedAt: number, context: null });
  }
  log.writer.lineage('one');
  await log.writer.flush();
  source.next = { lineage: 'two', rewound: { ...REWOUND, ...parts }, doubt: null, lost: null };
  return at;
}

test('invariant 15: a history that went back is refused every time, before anything is made', async () => {
  await using at = await rewound();
  const { source, log, capture } = at;
  const isRewound = (error: unknown): boolean =>
    isTidingsError(error, 'SOURCE_REWOUND') &&
    /do not exist there any more: 2, from offset 3 on/.test(error.message);
  await assert.rejects(capture.acceptGap('test'), isRewound);
  await assert.rejects(capture.run(), isRewound);
  assert.deepEqual([source.setUps, source.streams, source.acknowledged], [0, 0, []]);
  assert.deepEqual([source.restarts, source.rejoined], [[], []]);
  assert.deepEqual([log.position, log.lineage, log.forks()], [position(5), 'one', []]);
  assert.deepEqual(await log.gaps(), []);
});

test('accepted, the log goes on where the two part, under positions of another history', async () => {
  await using at = await rewound();
  const { source, log, capture } = at;
  await capture.acceptRewind();
  assert.deepEqual(source.rejoined, [position(3)]);
  const [fork] = log.forks();
  assert.deepEqual([fork?.abandoned, fork?.offset, fork?.from], [3, 5, position(5)]);
  assert.deepEqual([log.position, log.lineage], [`r0001.${position(3)}`, 'two']);
  assert.deepEqual(await log.gaps(), []);

  source.next = { lineage: 'two', rewound: null, doubt: null, lost: null };
  await capture.acceptRewind();
  assert.equal(log.forks().length, 1, 'what did not go back is left alone');
  void capture.run();
  await until(() => capture.state === 'streaming');
  source.send(position(4));
  await until(() => log.head === 7);
  await until(() => source.acknowledged.includes(position(4)));
  const records = await readAll(log);
  assert.deepEqual(
    records.slice(5).map(({ table, transaction }) => [table.name, transaction.position]),
    [
      ['rewinds', 'r0001.'],
      ['t', `r0001.${position(4)}`],
    ],
  );
});

test('what the new history has lost is a gap behind the fork', async () => {
  await using at = await rewound({ complete: false });
  const { log, capture } = at;
  await capture.acceptRewind();
  const [gap] = await log.gaps();
  assert.deepEqual(
    [gap?.from, gap?.to, gap?.offset],
    [`r0001.${position(3)}`, `r0001.${position(9)}`, 6],
  );
  assert.equal(log.position, `r0001.${position(9)}`);
});

test('what cannot be compared is not taken for the same; a gap gives it up', async () => {
  await using at = await rewound();
  const { source, log, capture } = at;
  const doubt = new TidingsError('SLOT_INVALIDATED', { source: 'main', slot: 's', reason: 'r' });
  source.next = { lineage: 'two', rewound: null, doubt, lost: null };
  await assert.rejects(capture.run(), doubt);
  assert.deepEqual([source.setUps, source.streams], [0, 0]);
  await capture.acceptGap('test');
  assert.equal(source.restarts.length, 1);
  assert.equal((await log.gaps()).length, 1);
});
