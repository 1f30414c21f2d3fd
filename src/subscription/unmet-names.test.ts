import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedRelation } from '../source/named-relation.ts';
import type { FilterDefinition } from './filter.ts';
import { asMeant, unmetNames, unmetTables } from './unmet-names.ts';

function relation(
  schema: string,
  name: string,
  without: NamedRelation['without'] = null,
): NamedRelation {
  return { schema, name, without, columns: ['id', 'email', `of_${name}`] };
}

const RELATIONS = [
  relation('public', 'customers'),
  relation('public', 'orders'),
  relation('sales', 'invoices'),
  relation('public', 'audit', 'not meant'),
  relation('public', 'recent', 'view'),
  relation('public', 'scratch', 'unlogged'),
  relation('public', 'orders_2026', 'partition'),
];

const CASES: readonly (readonly [
  filter: Pick<FilterDefinition, 'tables' | 'columns' | 'where'>,
  said: readonly string[],
])[] = [
  [{ tables: ['public.customers'] }, []],
  [{ tables: ['public.*'] }, []],
  [
    { tables: ['public.custmers'] },
    ['There is no table public.custmers now. Did you mean public.customers?'],
  ],
  [
    { tables: ['public.Customers'] },
    ['There is no table public.Customers now. Did you mean public.customers?'],
  ],
  [
    { tables: ['publik.customers'] },
    ['There is no table publik.customers now. Did you mean public.customers?'],
  ],
  [
    { tables: ['publik.custmers'] },
    ['There is no table publik.custmers now. Did you mean public.customers?'],
  ],
  [
    { tables: ['public.invoices'] },
    ['There is no table public.invoices now. Did you mean sales.invoices?'],
  ],
  [{ tables: ['public.users'] }, ['There is no table public.users now.']],
  [{ tables: ['sale.*'] }, ['sale.* means no table now. Did you mean sales.*?']],
  [{ tables: ['public.x*'] }, ['public.x* means no table now.']],
  [
    { tables: ['public.*', '!public.adit'] },
    [
      '!public.adit leaves out nothing: there is no table public.adit now. Did you mean public.audit?',
    ],
  ],
  [{ tables: ['public.*', '!public.audit'] }, []],
  [
    { tables: ['public.orders', '!public.ord*'] },
    ['No table is left to tell of: !public.ord* leaves out all that the others mean.'],
  ],
  [
    { tables: ['public.audit'] },
    ["public.audit is not captured: the source's tables leave it out."],
  ],
  [{ tables: ['public.recent'] }, ['public.recent is a view: only tables have changes.']],
  [{ tables: ['public.scratch'] }, ['public.scratch is unlogged: the WAL has no changes of it.']],
  [
    { tables: ['public.orders_2026'] },
    [
      'public.orders_2026 is a partition: its changes come under the name of the table that it belongs to.',
    ],
  ],
  [
    { tables: ['public.customers'], columns: ['emial', 'id'] },
    ['No table of it has a column emial. Did you mean email?'],
  ],
  [{ tables: ['public.*'], columns: ['of_orders'] }, []],
  [
    { tables: ['public.customers'], where: 'after.emial != "a" || has(before.gone)' },
    ['`where` asks for a column emial that public.customers does not have. Did you mean email?'],
  ],
  [
    { tables: ['public.*'], where: 'after.of_orders == 1' },
    ['`where` asks for a column of_orders that public.customers does not have.'],
  ],
  [{ tables: ['public.*'], where: 'this is no condition' }, []],
];

for (const [filter, said] of CASES) {
  test(`of ${JSON.stringify(filter)}`, () => {
    assert.deepEqual(unmetNames(filter, RELATIONS), said);
  });
}

test('of a source, patterns may mean nothing yet, and names may not', () => {
  assert.deepEqual(unmetTables(['public.*', 'later.*'], []), []);
  assert.deepEqual(unmetTables(['public.order', '!public.adit'], RELATIONS), [
    'There is no table public.order now. Did you mean public.orders?',
    '!public.adit leaves out nothing: there is no table public.adit now. Did you mean public.audit?',
  ]);
});

test("what a slip in the source's patterns leaves out counts as meant; what it leaves out on purpose does not", () => {
  const relations = [
    relation('public', 'customers', 'not meant'),
    relation('public', 'audit', 'not meant'),
    relation('public', 'recent', 'view'),
  ];
  const meant = (...tables: readonly string[]): readonly string[] =>
    asMeant(tables, relations).flatMap(({ name, without }) => (without === null ? [name] : []));
  assert.deepEqual(meant('public.custmers'), ['customers']);
  assert.deepEqual(meant('public.custmers', '!public.customers'), []);
  assert.deepEqual(meant('public.*', '!public.adit'), []);
  assert.deepEqual(meant('public.recnet', 'public.something_else'), []);
});
