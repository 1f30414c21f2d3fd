import type { ChangeQuery, Inspection } from '../../src/app/inspection/inspection.ts';
import type { Change } from '../../src/change/change.ts';
import type { OnPassedOver } from '../../src/change/decode-listed.ts';
import { tooLarge } from '../../src/change/too-large.ts';
import { isTidingsError } from '../../src/errors/tidings-error.ts';

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

/** A change that is too large to be shown, in a list of changes. */
export const TOO_LARGE = tooLarge(
  { id: 'main:00000000016B3749:0', table: 'public.accounts' },
  { column: 'photo', bytes: 560_000_002 },
  null,
);

export type Listed = Change | typeof TOO_LARGE;

/** The changes of a list one after the other; of what is too large somebody is told, or it throws. */
export async function* listed(
  changes: readonly Listed[],
  onPassedOver: OnPassedOver | undefined,
): AsyncGenerator<Change> {
  for (const change of changes) {
    if (!isTidingsError(change)) yield change;
    else if (onPassedOver === undefined) throw change;
    else onPassedOver(change);
  }
}

/** An application whose log has these changes; keeps the queries. */
export function logOf(changes: readonly Listed[]): {
  readonly inspection: Partial<Inspection>;
  readonly queries: ChangeQuery[];
} {
  const queries: ChangeQuery[] = [];
  return {
    queries,
    inspection: {
      marks: () => Promise.resolve([]),
      changes({ onPassedOver, ...query }) {
        queries.push(query);
        return listed(changes, onPassedOver);
      },
    },
  };
}
