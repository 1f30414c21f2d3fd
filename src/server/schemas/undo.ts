import { z } from 'zod';
import { OPERATIONS } from '../../change/change.ts';
import type { JsonValue } from '../../change/dialect.ts';
import {
  ON_CONFLICT,
  type OnConflict,
  type UndoPlan,
  type UndoResult,
} from '../../undo/undo-plan.ts';
import { answer, count, described } from './documented.ts';

const MAX_TEXT = 8_000;
const text = (): z.ZodString => z.string().min(1).max(MAX_TEXT);
const texts = (): z.ZodArray<z.ZodString> => z.array(text()).min(1).max(1_000);
const tables = (): z.ZodArray<z.ZodString> =>
  described(texts(), 'Names or patterns, as in subscriptions.', {
    examples: [['public.accounts'], ['public.*', '!public.log']],
  });
const moment = (description: string): z.ZodUnion<[z.ZodString, z.ZodInt]> =>
  described(z.union([text(), count()]), `${description}: a time with its zone, or an offset.`, {
    examples: ['2026-03-01T13:45:00Z', 4],
  });

const onConflict = (description: string): z.ZodOptional<z.ZodType<OnConflict>> =>
  described(
    z.enum(ON_CONFLICT as ['refuse', 'skip', 'force', 'cascade']),
    `${description} Default: refuse.`,
  ).optional();

const filter = {
  onConflict: onConflict('What the counts of the plan assume is done about rows in conflict.'),
  source: text().optional(),
  operations: z
    .array(z.enum(OPERATIONS as ['insert', 'update', 'delete', 'truncate']))
    .min(1)
    .optional(),
  keys: described(texts(), 'Keys: `7`, `a=1,b=2`, or a JSON array of texts in key order.', {
    examples: [['7']],
  }).optional(),
  where: described(text(), 'A CEL expression over the change, as in subscriptions.', {
    examples: ['before.balance > 100'],
  }).optional(),
  actor: described(text(), 'Only transactions whose context names this actor.').optional(),
};

export const UNDO_REQUEST_BODY = z.union([
  z.strictObject({
    ...filter,
    transaction: described(text(), "The database's id of the transaction."),
    tables: tables().optional(),
  }),
  z.strictObject({
    ...filter,
    tables: tables(),
    since: moment('The first change'),
    until: moment('Exclusive; default: now').optional(),
  }),
  z.strictObject({ ...filter, tables: tables(), to: moment('Back to how it was just before') }),
]);

export const UNDO_PLAN_PARAMS = z.object({ id: described(text(), 'The id of the plan.') });

export const UNDO_APPLY_BODY = z
  .strictObject({
    onConflict: onConflict('What to do about rows in conflict.'),
    triggers: described(z.boolean(), 'Whether triggers fire. Default: true.').optional(),
    actor: described(
      z.string().min(1).max(200),
      "Who does it; goes into the undo's context. Default: the name of the token.",
    ).optional(),
  })
  .nullish();

const row = (): z.ZodNullable<z.ZodRecord<z.ZodString, z.ZodType<JsonValue>>> =>
  z.record(z.string(), z.custom<JsonValue>()).nullable();

const TABLES = z.array(
  z.object({
    table: z.string(),
    insert: described(count(), 'Rows that are put back.'),
    update: count(),
    delete: described(count(), 'Rows that are removed.'),
    already: described(count(), 'Rows that are already as they would become.'),
    conflict: described(count(), 'Rows in conflict, and not among the others.'),
  }),
);

const CAUSE = z.object({ id: z.string(), committedAt: z.string(), actor: z.string().nullable() });

const REASONS = [
  'changed-later',
  're-created',
  'unique-taken',
  'parent-missing',
  'child-added',
  'constraint-violated',
  'rewrite-rule',
  'row-hidden',
  'identity-not-full',
  'truncated',
  'partition-changed',
  'column-dropped',
  'column-retyped',
  'partition-missing',
  'table-missing',
  'table-uncertain',
  'table-added',
  'no-privilege',
] as const;

const CONFLICTS = z.object({
  total: described(count(), 'Rows in conflict.'),
  byReason: z.partialRecord(z.enum(REASONS), count()),
  list: z.array(
    z.object({
      reason: z.enum(REASONS),
      table: z.string(),
      key: row(),
      transaction: CAUSE.nullable(),
      rows: count(),
      message: z.string(),
      hint: z.string(),
    }),
  ),
});

const LEFT_OUT = described(
  z.array(z.object({ table: z.string(), tool: z.string(), changes: count() })),
  "Changes of migration tools' bookkeeping, which stay unless the table is named.",
);

const NAMES = z.array(z.string());

const SCHEMA_CHANGES = described(
  z.array(
    z.object({
      table: z.string(),
      offset: described(
        count().nullable(),
        'The first change that came with other columns; null when the log has none of it since.',
      ),
      at: z.string().nullable(),
      added: NAMES,
      dropped: NAMES,
      renamed: z.array(z.object({ from: z.string(), to: z.string() })),
      retyped: z.array(z.object({ column: z.string(), from: z.string(), to: z.string() })),
      key: z.object({ from: NAMES, to: NAMES }).nullable(),
      byName: described(
        z.boolean(),
        'Whether columns are known by their names alone: a renamed one is dropped and added.',
      ),
      migrations: described(
        z.array(
          z.object({
            tool: z.string(),
            table: z.string(),
            name: z.string(),
            reverted: z.boolean(),
            offset: count(),
          }),
        ),
        'What migration tools noted meanwhile.',
      ),
    }),
  ),
  'What has become of columns and keys of these tables since the first of these changes.',
);

export const UNDO_PLAN = answer<Omit<UndoPlan, 'request'> & { readonly request: JsonValue }>()(
  'UndoPlan',
  'What an undo would do: docs/guide/undo.md.',
  z.object({
    id: z.string(),
    source: z.string(),
    createdAt: z.string(),
    request: described(z.custom<JsonValue>(), 'What was asked for.'),
    range: described(z.object({ from: count(), to: count() }), 'Offsets that were looked at.'),
    changes: described(count(), 'Changes of the log that are taken back.'),
    leftOut: LEFT_OUT,
    schemaChanges: SCHEMA_CHANGES,
    transaction: z
      .object({
        id: z.string(),
        committedAt: z.string(),
        actor: z.string().nullable(),
        changes: count(),
      })
      .nullable(),
    onConflict: described(
      z.enum(ON_CONFLICT as ['refuse', 'skip', 'force', 'cascade']),
      'What the counts and the sample assume is done about conflicts.',
    ),
    tables: TABLES,
    total: described(count(), 'Rows that are written; none of those in conflict.'),
    sample: z.array(
      z.object({
        table: z.string(),
        operation: z.enum(['insert', 'update', 'delete']),
        key: row(),
        before: row(),
        after: row(),
        changed: z.array(z.string()).nullable(),
        conflict: described(z.boolean(), 'A row in conflict, which is not written.'),
      }),
    ),
    conflicts: CONFLICTS,
    notReady: z.array(
      z.object({
        table: z.string(),
        identity: z.enum(['full', 'key', 'nothing']),
        since: z.string().nullable(),
        message: z.string(),
        hint: z.string(),
      }),
    ),
    warnings: z.array(z.string()),
  }),
);

export const UNDO_RESULT = answer<UndoResult>()(
  'UndoResult',
  'What an undo has done.',
  z.object({
    plan: z.string(),
    source: z.string(),
    applied: z.boolean(),
    tables: TABLES,
    total: count(),
    skipped: count(),
    leftOut: LEFT_OUT,
    forced: count(),
    cascaded: count(),
    transaction: z.string().nullable(),
    conflicts: CONFLICTS,
    warnings: z.array(z.string()),
    seconds: z.number(),
  }),
);
