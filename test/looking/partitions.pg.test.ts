/** A partitioned table as it was, when rows came or went with partitions. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TableDefinition } from '../../src/change/table.ts';
import { all, refusal, rowsThen, signal } from './fixture.ts';
import { type WrittenLog, writtenLog } from './written-log.ts';

const ORD = `
  CREATE TABLE ord (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
  CREATE TABLE ord_1 PARTITION OF ord FOR VALUES FROM (0) TO (10);
  CREATE TABLE ord_2 (note text, id int NOT NULL);
  ALTER TABLE ord ATTACH PARTITION ord_2 FOR VALUES FROM (10) TO (20);
  ALTER TABLE ord_1 REPLICA IDENTITY FULL; ALTER TABLE ord_2 REPLICA IDENTITY FULL;
  INSERT INTO ord VALUES (1, 'one'), (2, 'two'), (11, 'eleven')`;

const BEFORE = ['["1","one"]', '["11","eleven"]', '["2","two"]'];

/** Changes a row of each partition, so that both are known to the log. */
async function touch(at: WrittenLog): Promise<void> {
  await at.write(`UPDATE ord SET note = note || '!' WHERE id IN (1, 11)`, {
    changes: [
      { relation: 'ord_1', of: 'ord', before: ['1', 'one'], after: ['1', 'one!'] },
      { relation: 'ord_2', of: 'ord', before: ['eleven', '11'], after: ['eleven!', '11'] },
    ],
  });
}

const then = (at: WrittenLog, offset: number, keys?: readonly string[]): Promise<string[]> =>
  rowsThen(at.looking, {
    table: 'ord',
    asOf: { offset },
    columns: ['id', 'note'],
    ...(keys === undefined ? {} : { keys }),
  });

describe('as of, over a partition that was detached', () => {
  test('before it, all rows cannot be shown; those of other partitions can, by their keys', async () => {
    await using at = await writtenLog(ORD);
    const offset = at.log.head;
    await touch(at);
    assert.deepEqual(await then(at, offset), BEFORE);
    const id = await at.write('ALTER TABLE ord DETACH PARTITION ord_1', {
      marks: [{ of: 'ord', partition: 'ord_1', kind: 'detached' }],
    });
    const told = await refusal(then(at, offset), 'AS_OF_PARTITION');
    assert.match(
      told,
      new RegExp(`partition public\\.ord_1 of public\\.ord was detached by transaction ${id}`),
    );
    assert.match(told, /it is table public\.ord_1 now, whose changes since then are not all known/);
    assert.match(told, new RegExp(`--as-of ${at.log.head}\\.`));
    assert.deepEqual(await then(at, at.log.head), ['["11","eleven!"]']);
    assert.deepEqual(await then(at, offset, ['11']), ['["11","eleven"]'], 'it has not left');
    assert.deepEqual(await then(at, offset, ['1']), ['["1","one"]'], 'its change is known');
    await refusal(then(at, offset, ['2']), 'AS_OF_PARTITION');
    await refusal(then(at, offset, ['11', '2']), 'AS_OF_PARTITION');
    await refusal(then(at, offset, ['7']), 'AS_OF_PARTITION');
    await at.write(`INSERT INTO ord VALUES (12, 'new')`, {
      changes: [{ relation: 'ord_2', of: 'ord', after: ['new', '12'] }],
    });
    // It may have been in the partition that left: keys are unique only among those that are there.
    await refusal(then(at, offset, ['12']), 'AS_OF_PARTITION');
    assert.deepEqual(await then(at, at.log.head - 1), ['["11","eleven!"]']);
  });

  test('before it was dropped, too; and where it was found later, around that time', async () => {
    await using at = await writtenLog(ORD);
    const offset = at.log.head;
    await touch(at);
    const since = at.position();
    const middle = at.log.head;
    await at.write("DROP TABLE ord_1; INSERT INTO ord VALUES (12, 'new')", {
      changes: [{ relation: 'ord_2', of: 'ord', after: ['new', '12'] }],
      marks: [{ of: 'ord', partition: 'ord_1', kind: 'dropped', after: since }],
    });
    const told = await refusal(then(at, offset), 'AS_OF_PARTITION');
    assert.match(told, /public\.ord_1 of public\.ord was dropped, found at .*not there any more/);
    await refusal(then(at, middle), 'AS_OF_PARTITION');
    assert.deepEqual(await then(at, at.log.head), ['["11","eleven!"]', '["12","new"]']);
    assert.deepEqual(await then(at, offset, ['11']), ['["11","eleven"]']);
  });

  test('its rows are read where they are, when all of its changes since then are known', async () => {
    await using at = await writtenLog(ORD);
    const offset = at.log.head;
    await touch(at);
    // The event trigger's subtransaction has a number of its own, which tells nothing of its place.
    const { rows } = await at.client.query<{ drop: string }>(
      `SELECT format('DROP EVENT TRIGGER %I', evtname) AS drop FROM pg_event_trigger`,
    );
    for (const { drop } of rows) await at.client.query(drop);
    await at.write(
      'ALTER TABLE ord DETACH PARTITION ord_1; ALTER PUBLICATION tidings_main ADD TABLE ord_1',
      { marks: [{ of: 'ord', partition: 'ord_1', kind: 'detached' }] },
    );
    const detached = at.log.head;
    assert.deepEqual(await then(at, offset), BEFORE);
    await at.write(
      `UPDATE ord_1 SET note = 'late' WHERE id = 2; INSERT INTO ord_1 VALUES (11, 'its own')`,
      {
        changes: [
          { relation: 'ord_1', before: ['2', 'two'], after: ['2', 'late'] },
          { relation: 'ord_1', after: ['11', 'its own'] },
        ],
      },
    );
    assert.deepEqual(await then(at, offset), BEFORE);
    assert.deepEqual(await then(at, offset, ['2', '11']), BEFORE.slice(1));
    assert.deepEqual(await then(at, detached), ['["11","eleven!"]']);
    assert.deepEqual(await rowsThen(at.looking, { table: 'ord_1', asOf: { offset: detached } }), [
      '["1","one!"]',
      '["2","two"]',
    ]);
  });
});

describe('as of, over a partition that was attached', () => {
  test('before it, neither its rows nor their changes count', async () => {
    await using at = await writtenLog(`${ORD};
      CREATE TABLE ord_3 (id int NOT NULL, note text); INSERT INTO ord_3 VALUES (21, 'old'), (22, 'old')`);
    const offset = at.log.head;
    await touch(at);
    await at.write(
      'ALTER TABLE ord_3 REPLICA IDENTITY FULL; ALTER TABLE ord ATTACH PARTITION ord_3 FOR VALUES FROM (20) TO (30)',
      { marks: [{ of: 'ord', partition: 'ord_3', kind: 'attached' }] },
    );
    const attached = at.log.head;
    assert.deepEqual(await then(at, offset), BEFORE);
    await at.write(`UPDATE ord SET note = 'moved', id = 12 WHERE id = 22`, {
      changes: [
        { relation: 'ord_3', of: 'ord', before: ['22', 'old'] },
        { relation: 'ord_2', of: 'ord', after: ['moved', '12'] },
      ],
    });
    assert.deepEqual(await then(at, offset), BEFORE);
    assert.deepEqual(await then(at, offset, ['11', '21', '22', '12']), ['["11","eleven"]']);
    assert.deepEqual(await then(at, attached), [
      '["1","one!"]',
      '["11","eleven!"]',
      '["2","two"]',
      '["21","old"]',
      '["22","old"]',
    ]);
    await at.write('ALTER TABLE ord DETACH PARTITION ord_3', {
      marks: [{ of: 'ord', partition: 'ord_3', kind: 'detached' }],
    });
    assert.deepEqual(await then(at, offset), BEFORE, 'what it was at the end does not matter');
    await refusal(then(at, attached), 'AS_OF_PARTITION');
  });

  test('one that was made since then, and is gone, leaves nothing to know', async () => {
    await using at = await writtenLog(ORD);
    const offset = at.log.head;
    await touch(at);
    await at.write(
      'CREATE TABLE ord_3 PARTITION OF ord FOR VALUES FROM (20) TO (30); ALTER TABLE ord_3 REPLICA IDENTITY FULL',
      {},
    );
    await at.write(`SELECT 1`, { marks: [{ of: 'ord', partition: 'ord_3', kind: 'present' }] });
    await at.write(`INSERT INTO ord VALUES (21, 'new')`, {
      changes: [{ relation: 'ord_3', of: 'ord', after: ['21', 'new'] }],
    });
    await at.write('DROP TABLE ord_3', {
      marks: [{ of: 'ord', partition: 'ord_3', kind: 'dropped' }],
    });
    assert.deepEqual(await then(at, offset), BEFORE);
  });
});

test('as of: a partition that was truncated is none of the others', async () => {
  await using at = await writtenLog(ORD);
  const offset = at.log.head;
  await touch(at);
  const middle = at.log.head;
  await at.write('TRUNCATE ord_1', { changes: [{ relation: 'ord_1', of: 'ord' }] });
  const told = await refusal(then(at, offset), 'AS_OF_TRUNCATED');
  assert.match(told, /Partition public\.ord_1 of public\.ord was truncated/);
  assert.deepEqual(await then(at, offset, ['11']), ['["11","eleven"]']);
  assert.deepEqual(await then(at, middle, ['11']), ['["11","eleven!"]'], 'it is there, unchanged');
  assert.deepEqual(await then(at, offset, ['1']), ['["1","one"]'], 'it was changed before');
  await refusal(then(at, middle, ['1']), 'AS_OF_TRUNCATED');
  await refusal(then(at, offset, ['2']), 'AS_OF_TRUNCATED');
  await at.write(
    `UPDATE ord SET note = 'later' WHERE id = 11; INSERT INTO ord VALUES (2, 'again')`,
    {
      changes: [
        { relation: 'ord_2', of: 'ord', before: ['eleven!', '11'], after: ['later', '11'] },
        { relation: 'ord_1', of: 'ord', after: ['2', 'again'] },
      ],
    },
  );
  assert.deepEqual(await then(at, middle, ['11']), ['["11","eleven!"]'], 'changed after it');
  await refusal(then(at, middle, ['2']), 'AS_OF_TRUNCATED');
  const operations = async (key: string): Promise<readonly string[]> => {
    const { versions } = await at.looking.history({ table: 'ord', key }, signal);
    return (await all(versions)).map(({ operation }) => operation);
  };
  assert.deepEqual(await operations('11'), ['update', 'update']);
  assert.deepEqual(await operations('1'), ['update', 'truncate']);
  assert.deepEqual(await operations('2'), ['truncate', 'insert']);
});

/** As an older version wrote it: published as the root, and a truncate of one partition is not seen. */
const OLD = {
  of: 'anc',
  as: ({ schema, name, columns, key, identity, dialect }: TableDefinition) => ({
    schema,
    name,
    columns,
    key,
    identity,
    dialect,
  }),
};

test('as of, before partitions were watched: refused, whatever is asked for', async () => {
  await using at = await writtenLog(ORD);
  await at.client.query(
    `CREATE TABLE anc (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
     CREATE TABLE anc_1 PARTITION OF anc FOR VALUES FROM (0) TO (10);
     CREATE TABLE anc_2 PARTITION OF anc FOR VALUES FROM (10) TO (20);
     ALTER TABLE anc_1 REPLICA IDENTITY FULL; ALTER TABLE anc_2 REPLICA IDENTITY FULL;
     INSERT INTO anc VALUES (1, 'one'), (11, 'eleven')`,
  );
  const anc = (offset: number, keys?: readonly string[]): Promise<string[]> =>
    rowsThen(at.looking, {
      table: 'anc',
      asOf: { offset },
      ...(keys === undefined ? {} : { keys }),
    });
  await at.write(`UPDATE anc SET note = note || '!' WHERE id = 1`, {
    changes: [{ relation: 'anc_1', ...OLD, before: ['1', 'one'], after: ['1', 'one!'] }],
  });
  const offset = at.log.head;
  const since = at.position();
  await at.write(`TRUNCATE anc_2; INSERT INTO anc VALUES (12, 'new')`, {
    changes: [{ relation: 'anc_2', of: 'anc', after: ['12', 'new'] }],
    marks: ['anc_1', 'anc_2'].map((partition) => ({
      of: 'anc',
      partition,
      kind: 'present' as const,
      after: since,
    })),
  });
  const watched = at.log.head;
  const told = await refusal(anc(offset), 'AS_OF_PARTITIONS_UNWATCHED');
  assert.match(told, new RegExp(`--as-of ${watched}\\.`));
  // It is there and did not change since; but a partition may have brought it.
  await refusal(anc(offset, ['1']), 'AS_OF_PARTITIONS_UNWATCHED');
  await at.write(`UPDATE anc SET note = 'late' WHERE id = 1`, {
    changes: [{ relation: 'anc_1', of: 'anc', before: ['1', 'one!'], after: ['1', 'late'] }],
  });
  assert.deepEqual(await anc(watched), ['["1","one!"]', '["12","new"]']);
});

test('as of, where partitions were first watched when nothing had changed since: the named offset works', async () => {
  await using at = await writtenLog(ORD);
  await at.client.query(
    `CREATE TABLE anc (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
     CREATE TABLE anc_1 PARTITION OF anc FOR VALUES FROM (0) TO (10);
     ALTER TABLE anc_1 REPLICA IDENTITY FULL; INSERT INTO anc VALUES (1, 'one')`,
  );
  const anc = (offset: number): Promise<string[]> =>
    rowsThen(at.looking, { table: 'anc', asOf: { offset } });
  const before = at.log.head;
  await at.write(`UPDATE anc SET note = note || '!' WHERE id = 1`, {
    changes: [{ relation: 'anc_1', ...OLD, before: ['1', 'one'], after: ['1', 'one!'] }],
  });
  const watched = at.log.head;
  await at.write('SELECT 1', {
    marks: [{ of: 'anc', partition: 'anc_1', kind: 'present', after: at.position() }],
  });
  assert.equal(at.log.head, watched);
  const told = await refusal(anc(before), 'AS_OF_PARTITIONS_UNWATCHED');
  assert.match(told, new RegExp(`--as-of ${watched}\\.`));
  assert.deepEqual(await anc(watched), ['["1","one!"]']);
  await at.write(`UPDATE anc SET note = 'late' WHERE id = 1`, {
    changes: [{ relation: 'anc_1', of: 'anc', before: ['1', 'one!'], after: ['1', 'late'] }],
  });
  assert.deepEqual(await anc(watched), ['["1","one!"]']);
});
