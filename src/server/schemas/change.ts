import { z } from 'zod';
import type { ChangesPage } from '../../app/administration.ts';
import type { JsonValue } from '../../change/dialect.ts';
import { OPERATIONS } from '../../change/change.ts';
import { REWIND_TYPE, WIRE_TYPE, type WireChange } from '../../change/wire.ts';
import { described } from '../../option/described.ts';
import { answer, count } from './documented.ts';

const json = (): z.ZodType<JsonValue> => z.custom<JsonValue>();
const row = (description: string): z.ZodNullable<z.ZodRecord<z.ZodString, z.ZodType<JsonValue>>> =>
  described(z.record(z.string(), json()).nullable(), description);

export const WIRE_CHANGE = answer<WireChange>()(
  'Change',
  'A change as a CloudEvents 1.0 envelope: docs/reference/wire-format.md.',
  z.object({
    specversion: z.literal('1.0'),
    type: described(
      z.enum([WIRE_TYPE, REWIND_TYPE]),
      'The second tells that the history of the source went back: the wire format says how.',
    ),
    id: described(z.string(), 'The change id, the same on every attempt, endpoint and re-capture.'),
    source: described(z.string(), '`/sources/` and the name of the source.'),
    subject: described(z.string(), '`schema.table`'),
    time: described(z.string(), 'When the transaction committed, ISO 8601 in UTC.'),
    datacontenttype: z.literal('application/json'),
    data: z.object({
      operation: z.enum(OPERATIONS as ['insert', 'update', 'delete', 'truncate']),
      schema: z.string(),
      table: z.string(),
      partition: described(
        z.object({ schema: z.string(), table: z.string() }).exactOptional(),
        'The partition that held the row, of a table that has partitions. A truncate with a partition emptied that one only.',
      ),
      key: row('The columns that identify the row; null without a key.'),
      before: row('The old row, as far as it is known.'),
      after: row('The new row.'),
      changed: described(
        z.array(z.string()).nullable(),
        'The columns that an update changed; null when that is not known.',
      ),
      offset: described(count(), 'Its place in the log.'),
      transaction: z.object({
        id: z.string(),
        position: z.string(),
        index: count(),
        last: z.boolean(),
        context: described(json(), 'What the application attached to the transaction.'),
      }),
    }),
  }),
);

export const CHANGES_PAGE = answer<ChangesPage>()(
  'ChangesPage',
  'Changes of the log of one source, in log order.',
  z.object({
    source: z.string(),
    changes: z.array(WIRE_CHANGE),
    passedOver: described(
      z.array(z.object({ offset: count(), code: z.string(), message: z.string() })),
      'Changes that are left out because they are too large to be handed on.',
    ),
    after: described(
      z.int().min(-1),
      'What to hand in as `after` next; moves past changes that the filter left out, too.',
    ),
    floor: described(count(), 'The oldest retained offset.'),
    head: described(count(), 'The next offset of the log.'),
  }),
);
