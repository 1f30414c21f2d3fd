import type { Looking, TransactionReport } from '../../src/app/looking/looking.ts';
import type { SchemaChange } from '../../src/undo/looking/schema-changes.ts';
import type { TableCount } from '../../src/undo/looking/change-counts.ts';
import { CHANGE, listed, type Listed } from './fake-log.ts';

export const TRANSACTION: TransactionReport = {
  source: 'main',
  id: '7712',
  position: '00000000016B3748',
  committedAt: '2020-01-02T03:04:05.678901Z',
  context: { actor: 'ann', request: 7 },
  first: 123,
  last: 281,
  changes: 159,
};

export const DELETED: TableCount = {
  table: 'public.accounts',
  tool: null,
  insert: 0,
  update: 0,
  delete: 159,
  truncate: 0,
};

/** A table that was altered by a migration. */
export const ALTERED: SchemaChange = {
  table: 'public.accounts',
  offset: 300,
  at: '2020-01-03T03:04:05.678901Z',
  added: ['nickname'],
  dropped: [],
  renamed: [],
  retyped: [{ column: 'age', from: 'integer', to: 'bigint' }],
  key: null,
  byName: false,
  migrations: [
    {
      tool: 'Django',
      table: 'public.django_migrations',
      name: 'shop.0007',
      reverted: false,
      offset: 299,
    },
  ],
};

/** Keeps what was asked. */
export interface Asked {
  readonly queries: object[];
  readonly looking: Partial<Looking>;
}

async function* streamOf<Value>(values: readonly Value[]): AsyncGenerator<Value> {
  yield* values;
}

/** A log in which every search finds these, and every row has these versions. */
export function fakeLooking(
  found: readonly TransactionReport[] = [TRANSACTION],
  versions: readonly Listed[] = [CHANGE],
  counts: (transaction: TransactionReport) => readonly TableCount[] = () => [DELETED],
  altered: readonly SchemaChange[] = [],
): Asked {
  const queries: object[] = [];
  const begins = { offset: 100, at: '2020-01-01T00:00:00.000000Z' };
  return {
    queries,
    looking: {
      find(query) {
        const { onProgress: _, ...rest } = query;
        queries.push(rest);
        return Promise.resolve({
          source: 'main',
          plan: 'transactions',
          range: { from: 100, to: 300 },
          begins,
          notes: [],
          found: streamOf(
            found.map((transaction) => ({
              transaction,
              matching: 159,
              tables: counts(transaction),
              schemaChanges: altered,
            })),
          ),
          undecided: () => 3,
        });
      },
      show({ onPassedOver, ...query }) {
        queries.push(query);
        if (query.target.startsWith('@'))
          return Promise.resolve({
            change: CHANGE,
            isAside: false,
            schemaChange: altered[0] ?? null,
          });
        return Promise.resolve({
          transaction: TRANSACTION,
          older: [],
          kept: null,
          counts: () => Promise.resolve(counts(TRANSACTION)),
          schemaChanges: () => Promise.resolve(altered),
          changes: () => {
            const [first = CHANGE] = versions;
            return listed([first, ...Array.from({ length: 158 }, () => CHANGE)], onPassedOver);
          },
        });
      },
      history({ onPassedOver, ...query }) {
        queries.push(query);
        const table = 'public.accounts';
        const parts = {
          source: 'main',
          table,
          begins,
          gaps: [],
          notes: [],
          schemaChanges: altered,
        };
        return Promise.resolve({ ...parts, versions: listed(versions, onPassedOver) });
      },
      table(query) {
        const { onProgress: _, ...rest } = query;
        queries.push(rest);
        const text = { type: 'text', array: false } as const;
        return Promise.resolve({
          source: 'main',
          table: 'public.accounts',
          offset: 123,
          notes: [],
          present: 'public.holders',
          leftOut: ['later'],
          columns: [
            { ...text, name: 'id', kind: 'integer' },
            { ...text, name: 'note', kind: 'text' },
          ],
          rows: streamOf([
            ['7', 'a "b", c'],
            ['12', null],
            ['3', ''],
          ]),
          toJson: ([id, note]) => ({ id: Number(id), note: note ?? null }),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        });
      },
    },
  };
}
