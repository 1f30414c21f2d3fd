import type { ChangeQuery, Inspection } from '../src/app/inspection/inspection.ts';
import type { Change } from '../src/change/change.ts';

export const CHANGE: Change = {
  id: 'main:00000000016B3748:0',
  source: 'main',
  offset: 123,
  operation: 'update',
  schema: 'public',
  table: 'accounts',
  key: { id: 7 },
  before: { id: 7, email: 'ann@example.com', note: null },
  after: { id: 7, email: 'a b@example.com', note: 'x\ny' },
  changed: ['email', 'note'],
  transaction: {
    id: '7712',
    position: '00000000016B3748',
    index: 0,
    last: true,
    committedAt: '2020-01-02T03:04:05.678901Z',
    context: null,
  },
};

/** One change of each operation. */
export const CHANGES: readonly Change[] = [
  CHANGE,
  { ...CHANGE, operation: 'insert', before: null, changed: null },
  { ...CHANGE, operation: 'delete', before: { id: 7 }, after: null, changed: null },
  { ...CHANGE, operation: 'truncate', key: null, before: null, after: null, changed: null },
];

/** An application whose log has these changes; keeps the queries. */
export function logOf(changes: readonly Change[]): {
  readonly inspection: Partial<Inspection>;
  readonly queries: ChangeQuery[];
} {
  const queries: ChangeQuery[] = [];
  return {
    queries,
    inspection: {
      marks: () => Promise.resolve([]),
      async *changes(query) {
        queries.push(query);
        yield* changes;
      },
    },
  };
}
