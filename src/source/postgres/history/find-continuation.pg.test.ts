import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { until } from '../../../../test/support/until.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import type { KnownHistory, KnownTransaction } from '../../source-history.ts';
import { PostgresSource } from '../postgres-source.ts';

const { signal } = new AbortController();

/** What a log would know that has these transactions. */
function knownOf(
  transactions: readonly KnownTransaction[],
  { position, lineage = null }: { readonly position: string; readonly lineage?: string | null },
): KnownHistory {
  return {
    position,
    lineage,
    since: (from) =>
      Promise.resolve({
        from: '',
        leftOut: new Set(),
        transactions: (async function* () {
          await Promise.resolve();
          yield* transactions.filter((each) => each.position >= from);
        })(),
      }),
    newest: () => Promise.resolve(transactions.toReversed()),
  };
}

/** Three transactions with changes and one without, streamed and not acknowledged. */
async function streamed(
  source: PostgresSource,
  { client }: TestDatabase,
): Promise<{ readonly transactions: readonly KnownTransaction[]; readonly position: string }> {
  await client.query('CREATE TABLE t (id int PRIMARY KEY); CREATE SCHEMA other');
  await source.setUp(signal, { slot: 'create' });
  await client.query('INSERT INTO t VALUES (1)');
  await client.query('CREATE TABLE other.u (id int); INSERT INTO other.u VALUES (1)');
  await client.query('BEGIN; UPDATE t SET id = 2; SAVEPOINT s; DELETE FROM t; COMMIT');
  await client.query('TRUNCATE t');
  const receiver = new RecordingReceiver();
  const done = new AbortController();
  const streaming = source.stream({ from: null, receiver, signal: done.signal });
  await until(() => receiver.changes.length === 4);
  done.abort();
  await streaming;
  // The server's process outlives the connection for a moment.
  await until(async () => {
    const { rows } = await client.query(
      'SELECT FROM pg_replication_slots WHERE database = current_database() AND active',
    );
    return rows.length === 0;
  });
  const transactions = receiver.transactions.filter(({ changes }) => changes.length > 0);
  return { transactions, position: transactions.at(-1)?.reached ?? '' };
}

for (const major of [18, 14] as const) {
  test(`PostgreSQL ${major}: what the slot still has is compared with the log`, async () => {
    await using database = await freshDatabase(major);
    await using source = new PostgresSource({
      name: 'main',
      url: database.url,
      tables: ['public.*'],
    });
    const { transactions, position } = await streamed(source, database);
    const [first, second, third] = transactions;
    assert.ok(first && second && third);
    const compare = async (
      log: readonly KnownTransaction[],
      at = position,
    ): Promise<string | null> => {
      const known = knownOf(log, { position: at });
      const { rewound, lineage, doubt } = await source.continuation(known, signal);
      assert.match(lineage, /^1@0{16} up \d{16}$/);
      assert.equal(doubt, null);
      if (rewound !== null) assert.equal(rewound.complete, true);
      return rewound?.abandoned ?? null;
    };
    assert.equal(await compare(transactions), null);
    assert.equal(await compare([first, third]), second.position);
    // What both have is not taken again by who goes on from there.
    const { rewound } = await source.continuation(knownOf([first], { position }), signal);
    const onwards = knownOf([first], { position: rewound?.to ?? '' });
    assert.ok((rewound?.to ?? '') > first.position);
    assert.equal((await source.continuation(onwards, signal)).rewound, null);
    assert.equal(await compare([first, second]), third.position);
    assert.equal(await compare([first, second], third.position), null, 'only up to the log');
    assert.equal(await compare([first, { ...second, id: '3' }, third]), second.position);
    assert.equal(await compare([first, second, { ...third, committedAt: 1 }]), third.position);
    const another = { ...third, position: position.replace(/.$/, '1') };
    assert.notEqual(await compare([...transactions, another], 'FFFFFFFFFFFFFFFF'), null);
    assert.equal(await compare(transactions), null, 'the slot is where it was');
    // A server process that has run since the last comparison needs no other one.
    const { lineage } = await source.continuation(null, signal);
    const again = knownOf([], { position, lineage });
    assert.equal((await source.continuation(again, signal)).rewound, null);
    const restarted = knownOf([], { position, lineage: lineage.replace(/ up .*/, ' up 1') });
    assert.equal((await source.continuation(restarted, signal)).rewound?.abandoned, first.position);
  });

  test(`PostgreSQL ${major}: without a slot the newest transactions are asked for by their ids`, async () => {
    await using database = await freshDatabase(major);
    const { client } = database;
    await using source = new PostgresSource({
      name: 'main',
      url: database.url,
      tables: ['public.*'],
    });
    const { transactions, position } = await streamed(source, database);
    await source.tearDown(signal);
    const compare = async (log: readonly KnownTransaction[]): Promise<string | null> =>
      (await source.continuation(knownOf(log, { position }), signal)).rewound?.abandoned ?? null;
    assert.equal(await compare(transactions), null);
    assert.equal(await compare([]), null);

    const [last] = transactions.slice(-1);
    assert.ok(last);
    const { rows } = await client
      .query<{ id: string }>('BEGIN; SELECT pg_current_xact_id()::text AS id; ROLLBACK')
      .then((results) => (results as unknown as { rows: { id: string }[] }[])[1] ?? { rows: [] });
    const aborted = { ...last, id: rows[0]?.id ?? '', position: 'aborted' };
    assert.equal(await compare([...transactions, aborted]), 'aborted');
    // Ids that the server has not given out yet, behind many that it has.
    const many = Array.from({ length: 200 }, () => transactions).flat();
    const future = ['a', 'b', 'c'].map((at, index) => ({
      ...last,
      id: String(Number(rows[0]?.id) + 100_000 + index),
      position: `future ${at}`,
    }));
    assert.equal(await compare([...many, ...future]), 'future a');
    assert.equal(await compare(future), 'future a');
    assert.equal(await compare([aborted, ...many, ...future]), 'aborted');
  });
}

test('a slot that somebody reads is in use, and a server that is behind needs no slot to say so', async () => {
  await using database = await freshDatabase();
  await using source = new PostgresSource({
    name: 'main',
    url: database.url,
    tables: ['public.*'],
  });
  const { transactions, position } = await streamed(source, database);
  const receiver = new RecordingReceiver();
  const done = new AbortController();
  await using other = new PostgresSource({ name: 'main', url: database.url, tables: ['public.*'] });
  const streaming = other.stream({ from: null, receiver, signal: done.signal });
  await until(() => receiver.streams === 1);
  const known = knownOf(transactions, { position });
  const isInUse = (error: unknown): boolean => isTidingsError(error, 'SLOT_IN_USE');
  await assert.rejects(source.continuation(known, signal), isInUse);
  done.abort();
  await streaming;
  await source.tearDown(signal);
  const ahead = knownOf([], { position: 'FFFFFFFF00000000', lineage: '1@0000000000000000' });
  const { rewound } = await source.continuation(ahead, signal);
  assert.match(rewound?.reason ?? '', /not come as far as the log/);
  assert.equal(rewound?.complete, false);
  const elsewhere = knownOf([], { position, lineage: '1@0000000000000000 2@0000000000000100' });
  const branched = (await source.continuation(elsewhere, signal)).rewound;
  assert.equal(branched?.to, '0000000000000100');
});
