import { toWire } from '../../src/change/wire.ts';
import type { Row } from '../../src/change/change.ts';

/** The body of an inserted row's webhook, made by hand: for whoever posts without Tidings. */
export function changeBody(
  row: Row,
  place: { readonly id: string; readonly index: number },
): string {
  const [, position = ''] = place.id.split(':');
  const change = toWire({
    id: place.id,
    source: 'main',
    offset: place.index,
    operation: 'insert',
    schema: 'bench',
    table: 'customers',
    key: { id: row['id'] ?? null },
    before: null,
    after: row,
    changed: null,
    transaction: {
      id: '1234',
      position,
      index: place.index,
      last: false,
      committedAt: new Date().toISOString(),
      context: null,
    },
  });
  return JSON.stringify(change);
}
