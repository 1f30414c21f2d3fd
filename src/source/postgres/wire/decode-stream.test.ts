import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fixedCatalog, type FixedCatalogOptions } from '../../../../test/support/fixed-catalog.ts';
import * as pgoutput from '../../../../test/support/pgoutput.ts';
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { bytesOf, MalformedData } from './decode-bytes.ts';
import { StreamDecoder } from './decode-stream.ts';
import { RelationTable } from '../relation/relation-table.ts';

const COLUMNS = [{ name: 'id', flagged: true }, { name: 'a' }, { name: 'b' }];
const FULL = COLUMNS.map((column) => ({ ...column, flagged: true }));

interface Run {
  readonly receiver?: RecordingReceiver;
  readonly from?: string;
  readonly catalog?: FixedCatalogOptions;
}

/** Decodes messages as the stream does, looking relations up when it is asked to. */
async function decode(messages: readonly Buffer[], run: Run = {}): Promise<RecordingReceiver> {
  const receiver = run.receiver ?? new RecordingReceiver();
  const relations = new RelationTable(receiver, fixedCatalog(run.catalog));
  const decoder = new StreamDecoder({
    source: 'main',
    receiver,
    relations,
    from: run.from ?? null,
  });
  for (const message of messages) {
    // Bytes around it, so that an index counted from the wrong end is noticed.
    const bytes = bytesOf(Buffer.concat([Buffer.alloc(7, 0xff), message, Buffer.alloc(9, 0xff)]));
    while (!decoder.message(bytes, 7, 7 + message.length)) {
      await relations.lookUp(new AbortController().signal);
    }
  }
  return receiver;
}

const transaction = (...messages: readonly Buffer[]): Buffer[] => [
  pgoutput.begin(0x1_0000_00a0n, 700),
  ...messages,
  pgoutput.commit(0x1_0000_00a0n, 0x1_0000_00d0n),
];

describe('transactions', () => {
  test('have the commit position, the position behind it, id and time', async () => {
    // 2026-11-21 03:04:05.678901 UTC, in microseconds since 2000.
    const at = BigInt(Date.UTC(2026, 10, 21, 3, 4, 5)) * 1000n + 678_901n - 946_684_800_000_000n;
    const { transactions } = await decode([
      pgoutput.begin(0xabc_0000_00a0n, 0xffff_fffe, at),
      pgoutput.commit(0xabc_0000_00a0n, 0xabc_0000_00d0n, at),
    ]);
    assert.deepEqual(transactions, [
      {
        id: '4294967294',
        position: '00000ABC000000A0',
        reached: '00000ABC000000D0',
        committedAt: Date.UTC(2026, 10, 21, 3, 4, 5) * 1000 + 678_901,
        context: null,
        changes: [],
      },
    ]);
  });

  test('before 2000 have a time too', async () => {
    const { transactions } = await decode([
      pgoutput.begin(1n, 1),
      pgoutput.commit(1n, 2n, BigInt.asUintN(64, -1n)),
    ]);
    assert.equal(transactions[0]?.committedAt, Date.UTC(2000, 0, 1) * 1000 - 1);
  });

  test('that the receiver does not want are skipped, look-ups included', async () => {
    const receiver = new RecordingReceiver();
    receiver.wants = (position) => position > '0000000000000010';
    await decode(
      [
        pgoutput.begin(0x10n, 1),
        pgoutput.relation({ columns: COLUMNS, identity: 'f' }),
        pgoutput.insert(1, ['1', 'x', 'y']),
        pgoutput.truncate(1),
        pgoutput.message('tidings', '{"actor":"ann"}'),
        pgoutput.commit(0x10n, 0x20n),
        pgoutput.begin(0x30n, 2),
        pgoutput.insert(1, ['2', 'x', 'y']),
        pgoutput.commit(0x30n, 0x40n),
      ],
      { receiver },
    );
    assert.deepEqual(
      receiver.transactions.map(({ id, context, changes }) => [id, context, changes.length]),
      [['2', null, 1]],
    );
    assert.equal(receiver.tables.length, 1, 'announced in the skipped one, used in the other');
  });

  test('keepalives count between them, and never go back', async () => {
    const receiver = new RecordingReceiver();
    const relations = new RelationTable(receiver, fixedCatalog());
    const decoder = new StreamDecoder({
      source: 'main',
      receiver,
      relations,
      from: '0000000000000005',
    });
    const give = (message: Buffer): boolean => decoder.message(bytesOf(message), 0, message.length);
    decoder.idle('0000000000000004');
    decoder.idle('0000000000000006');
    give(pgoutput.begin(0x10n, 1));
    decoder.idle('0000000000000030');
    give(pgoutput.commit(0x10n, 0x20n));
    decoder.idle('0000000000000018');
    decoder.idle('0000000000000020');
    decoder.idle('0000000000000021');
    assert.deepEqual(receiver.idles, ['0000000000000006', '0000000000000021']);
  });

  test('that are open when the stream ends are abandoned, unless they were skipped', async () => {
    for (const wanted of [true, false]) {
      const receiver = new RecordingReceiver();
      receiver.wants = () => wanted;
      const relations = new RelationTable(receiver, fixedCatalog());
      const decoder = new StreamDecoder({ source: 'main', receiver, relations, from: null });
      decoder.abandon();
      const message = pgoutput.begin(1n, 1);
      decoder.message(bytesOf(message), 0, message.length);
      decoder.abandon();
      decoder.abandon();
      assert.equal(receiver.abandoned, wanted ? 1 : 0);
    }
  });
});

describe('rows', () => {
  const relation = pgoutput.relation({ columns: COLUMNS });
  const full = pgoutput.relation({ columns: FULL, identity: 'f' });

  test('an insert has its new row and its key', async () => {
    const { changes } = await decode(
      transaction(relation, pgoutput.insert(1, ['7', null, 'ünïcode 🐘'])),
    );
    const [change] = changes;
    assert.equal(change?.operation, 'insert');
    assert.equal(change.key, '7');
    assert.equal(change.previousKey, null);
    assert.equal(change.before, null);
    assert.deepEqual(change.after, ['7', null, 'ünïcode 🐘']);
  });

  test('an update without old row keeps its key', async () => {
    const { changes } = await decode(
      transaction(relation, pgoutput.update(1, ['7', 'x', undefined])),
    );
    assert.deepEqual(changes[0]?.after, ['7', 'x', undefined]);
    assert.deepEqual([changes[0].key, changes[0].previousKey], ['7', null]);
  });

  test('an update of the key says which it was', async () => {
    const old = { marker: 'K', row: ['7', null, null] } as const;
    const { changes } = await decode(
      transaction(relation, pgoutput.update(1, ['8', 'x', 'y'], old)),
    );
    assert.deepEqual([changes[0]?.key, changes[0]?.previousKey], ['8', '7']);
    assert.deepEqual(changes[0]?.before, { kind: 'key', cells: ['7', null, null] });
  });

  test('a key of the same length that differs at its end is another one', async () => {
    const old = { marker: 'O', row: ['key-1', 'x', 'y'] } as const;
    const { changes } = await decode(
      transaction(
        full,
        pgoutput.update(1, ['key-2', 'x', 'y'], old),
        pgoutput.update(1, ['key-1', 'x', 'z'], old),
      ),
      { catalog: { key: ['id'] } },
    );
    assert.deepEqual(
      changes.map(({ key, previousKey }) => [key, previousKey]),
      [
        ['key-2', 'key-1'],
        ['key-1', null],
      ],
    );
  });

  test('an unchanged large value is copied over from a whole old row', async () => {
    const large = 'x'.repeat(100_000);
    const old = { marker: 'O', row: ['7', large, null] } as const;
    const { changes } = await decode(
      transaction(full, pgoutput.update(1, ['7', undefined, 'now'], old)),
      { catalog: { key: ['id'] } },
    );
    assert.deepEqual(changes[0]?.after, ['7', large, 'now']);
    assert.deepEqual(changes[0]?.before, { kind: 'old', cells: ['7', large, null] });
  });

  test('an unchanged large value stays unknown when only the key is known', async () => {
    const old = { marker: 'K', row: ['6', null, null] } as const;
    const { changes } = await decode(
      transaction(relation, pgoutput.update(1, ['7', undefined, 'now'], old)),
    );
    assert.deepEqual(changes[0]?.after, ['7', undefined, 'now']);
  });

  test('an unchanged large key is read from the old row', async () => {
    const large = 'k'.repeat(3_000);
    const { changes } = await decode(
      transaction(
        relation,
        pgoutput.update(1, [undefined, 'x', 'y'], { marker: 'K', row: [large, null, null] }),
      ),
    );
    assert.deepEqual([changes[0]?.key, changes[0]?.previousKey], [large, null]);
  });

  test('a delete has its old row and its key', async () => {
    const { changes } = await decode(
      transaction(
        relation,
        pgoutput.remove(1, { marker: 'K', row: ['7', null, null] }),
        pgoutput.relation({ columns: FULL, identity: 'f' }),
        pgoutput.remove(1, { marker: 'O', row: ['8', 'x', null] }),
      ),
      { catalog: { key: ['id'] } },
    );
    assert.deepEqual(
      changes.map(({ operation, key, before, after }) => ({ operation, key, before, after })),
      [
        {
          operation: 'delete',
          key: '7',
          before: { kind: 'key', cells: ['7', null, null] },
          after: null,
        },
        {
          operation: 'delete',
          key: '8',
          before: { kind: 'old', cells: ['8', 'x', null] },
          after: null,
        },
      ],
    );
  });

  test('a composite key is a JSON array in key order', async () => {
    const columns = [{ name: 'a', flagged: true }, { name: 'b', flagged: true }, { name: 'c' }];
    const { changes } = await decode(
      transaction(pgoutput.relation({ columns }), pgoutput.insert(1, ['1', 'say "hi"', 'x'])),
      { catalog: { key: ['b', 'a'] } },
    );
    assert.equal(changes[0]?.key, JSON.stringify(['say "hi"', '1']));
  });

  test('a table without key has none', async () => {
    const columns = [{ name: 'a', flagged: true }];
    const { changes } = await decode(
      transaction(
        pgoutput.relation({ columns, identity: 'f' }),
        pgoutput.update(1, ['2'], { marker: 'O', row: ['1'] }),
      ),
    );
    assert.deepEqual([changes[0]?.key, changes[0]?.previousKey], [null, null]);
  });

  test('an old row that may be only a key is marked as one', async () => {
    const { changes } = await decode(
      transaction(
        full,
        pgoutput.update(1, ['7', undefined, 'y'], { marker: 'O', row: ['7', null, null] }),
        pgoutput.remove(1, { marker: 'O', row: ['7', null, null] }),
      ),
      { catalog: { key: ['id'], kind: 'p' } },
    );
    assert.deepEqual(
      changes.map(({ before, after }) => [before?.kind, after]),
      [
        ['key', ['7', undefined, 'y']],
        ['key', null],
      ],
    );
    assert.equal(changes[0]?.table.identity, 'key');
  });

  test('a truncate is one change per table', async () => {
    const { changes } = await decode(
      transaction(
        relation,
        pgoutput.relation({ oid: 2, name: 'other', columns: COLUMNS }),
        pgoutput.truncate(1, 2),
      ),
    );
    assert.deepEqual(
      changes.map(({ operation, table, key, before, after }) => [
        operation,
        table.name,
        key,
        before,
        after,
      ]),
      [
        ['truncate', 'accounts', null, null, null],
        ['truncate', 'other', null, null, null],
      ],
    );
  });

  test('a relation that is announced again is another table version', async () => {
    const { changes, tables } = await decode(
      transaction(
        relation,
        pgoutput.insert(1, ['7', 'x', 'y']),
        relation,
        pgoutput.insert(1, ['7', 'x', 'y']),
        pgoutput.relation({ columns: [...COLUMNS, { name: 'c' }], name: 'renamed' }),
        pgoutput.insert(1, ['7', 'x', 'y', 'z']),
      ),
    );
    assert.deepEqual(
      tables.map((table) => [table.name, table.columns.length]),
      [
        ['accounts', 3],
        ['accounts', 3],
        ['renamed', 4],
      ],
    );
    assert.equal(changes[2]?.table, tables[2]);
  });

  test('a relation without changes is never looked up', async () => {
    let questions = 0;
    const { tables } = await decode(transaction(full), {
      catalog: {
        ready: () => {
          questions += 1;
          return Promise.resolve();
        },
      },
    });
    assert.deepEqual([tables.length, questions], [0, 0]);
  });

  test('more columns than fit a first guess are found', async () => {
    const columns = Array.from({ length: 1_600 }, (_, at) => ({
      name: `c${at}`,
      flagged: at === 0,
    }));
    const row = columns.map((_, at) => (at % 3 === 0 ? String(at) : null));
    const { changes } = await decode(
      transaction(pgoutput.relation({ columns }), pgoutput.insert(1, row)),
    );
    assert.deepEqual(changes[0]?.after, row);
  });
});

describe('messages', () => {
  const context = async (...messages: readonly Buffer[]): Promise<string | null | undefined> =>
    (await decode(transaction(...messages))).transactions[0]?.context;

  test('with our prefix are the transaction’s context, as they were written', async () => {
    const text = '{ "actor": "ann", "n": 12345678901234567890 }';
    assert.equal(await context(pgoutput.message('tidings', text)), text);
  });

  test('of others, and those outside of transactions, are not', async () => {
    const others = [pgoutput.message('app', '{}'), pgoutput.message('tidings', '{}', false)];
    assert.equal(await context(...others), null);
  });

  test('are not carried over to the next transaction', async () => {
    const { transactions } = await decode([
      ...transaction(pgoutput.message('tidings', '1')),
      ...transaction(),
    ]);
    assert.deepEqual(
      transactions.map((each) => each.context),
      ['1', null],
    );
  });

  test('origins and types are passed over', async () => {
    assert.equal(
      await context(pgoutput.origin('elsewhere'), pgoutput.type(99_999, 'public', 'mood')),
      null,
    );
  });

  test('a type name is used when the catalogue knows it no longer', async () => {
    const columns = [{ name: 'm', type: 99_999, flagged: true }];
    const { tables } = await decode(
      transaction(
        pgoutput.type(99_999, 'public', 'mood'),
        pgoutput.relation({ columns }),
        pgoutput.insert(1, ['ok']),
      ),
    );
    assert.deepEqual(tables[0]?.columns, [
      { name: 'm', number: 1, type: 'public.mood', kind: 'other', array: false },
    ]);
  });
});

describe('what breaks the protocol is refused', () => {
  const relation = pgoutput.relation({ columns: COLUMNS });
  const row = ['7', 'x', 'y'];
  const cases: readonly (readonly [string, readonly Buffer[], RegExp])[] = [
    ['an unknown message', [Buffer.from('S')], /unknown type 0x53/],
    ['an empty message', [Buffer.alloc(0)], /empty/],
    ['a change outside of a transaction', [relation, pgoutput.insert(1, row)], /outside/],
    ['a truncate outside of a transaction', [pgoutput.truncate(1)], /outside/],
    ['a commit without beginning', [pgoutput.commit(1n, 2n)], /without beginning/],
    ['two beginnings', [pgoutput.begin(1n, 1), pgoutput.begin(2n, 2)], /begins twice/],
    ['an unknown relation', transaction(pgoutput.insert(1, row)), /not announced/],
    ['an unknown truncated one', transaction(pgoutput.truncate(1)), /not announced/],
    ['too few columns', transaction(relation, pgoutput.insert(1, ['7'])), /3 columns/],
    [
      'bytes behind a row',
      transaction(relation, Buffer.concat([pgoutput.insert(1, row), Buffer.from('n')])),
      /after its end/,
    ],
    [
      'a binary cell',
      transaction(relation, Buffer.from('I\0\0\0\x01N\0\x03b\0\0\0\0', 'latin1')),
      /unknown kind 0x62/,
    ],
    [
      'a delete without old row',
      transaction(relation, Buffer.from('D\0\0\0\x01N\0\0', 'latin1')),
      /old row is missing/,
    ],
    ['an unknown identity', [pgoutput.relation({ columns: [], identity: 'x' })], /identity/],
  ];
  for (const [name, messages, problem] of cases) {
    test(name, async () => {
      await assert.rejects(decode(messages), (error) => {
        assert.ok(error instanceof MalformedData, String(error));
        assert.match(error.message, problem);
        assert.ok(error.at >= 7, 'says where');
        return true;
      });
    });
  }
});
