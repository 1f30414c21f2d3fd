/**
 * What handlers know of their rows. Nothing here runs: the compiler is the test (`npm run verify`).
 */
import type {
  ArrayValue,
  Delivered,
  JsonValue,
  Row,
  TableHandler,
  Tidings,
  TidingsTables,
  TypedChange,
  WholeRow,
} from 'tidings';

/** As `tidings types` writes them. */
interface TypedOrders {
  readonly doc: JsonValue;
  readonly id: number | string;
  readonly note?: string | null;
  readonly state: 'new' | 'paid';
  readonly tags: ArrayValue<string> | null;
}

interface TypedAudit {
  readonly id: number;
}

interface Tables {
  'typed.orders': TypedOrders;
  'typed."odd Table"': TypedAudit;
}

declare module 'tidings' {
  interface TidingsTables extends Tables {}
}

/** Another file, of another source, as well. */
interface OtherTables {
  'typed.audit': TypedAudit;
}

declare module 'tidings' {
  interface TidingsTables extends OtherTables {}
}

/** True when both are the same type, and not only alike. */
type Same<One, Other> =
  (<Any>() => Any extends One ? 1 : 2) extends <Any>() => Any extends Other ? 1 : 2 ? true : false;

function expect<_True extends true>(): void {}

declare const tidings: Tidings;

// What files add is there, of all of them.
expect<Same<TidingsTables['typed.orders'], TypedOrders>>();
expect<Same<TidingsTables['typed.audit'], TypedAudit>>();
expect<Same<TidingsTables['typed."odd Table"'], TypedAudit>>();

// A known table: rows by operation.
tidings.register('orders', 'typed.orders', {
  insert(row, change) {
    expect<Same<typeof row.id, number | string>>();
    // An insert leaves nothing out.
    expect<Same<typeof row.note, string | null>>();
    expect<Same<typeof row.state, 'new' | 'paid'>>();
    expect<Same<typeof change.after.note, string | null>>();
    expect<Same<typeof change.before, null>>();
    // @ts-expect-error -- There is no such column.
    void row.nothing;
  },
  update(row, change) {
    expect<Same<typeof row.note, string | null | undefined>>();
    expect<Same<typeof row.state, 'new' | 'paid'>>();
    if (change.before !== null)
      expect<Same<typeof change.before.state, 'new' | 'paid' | undefined>>();
    for (const column of change.changed ?? []) {
      expect<Same<typeof column, keyof TypedOrders>>();
    }
  },
  delete(row, change) {
    expect<Same<typeof row.id, number | string | undefined>>();
    expect<Same<typeof change.after, null>>();
  },
  truncate(row) {
    expect<Same<typeof row, null>>();
  },
});

// Only the named columns.
tidings.register('some', 'typed.orders', {
  columns: ['id', 'note'],
  insert(row) {
    expect<Same<typeof row.note, string | null>>();
    // @ts-expect-error -- It is not among the columns.
    void row.state;
  },
  update(row) {
    expect<Same<typeof row.note, string | null | undefined>>();
  },
});
tidings.register('misspelt', 'typed.orders', {
  // @ts-expect-error -- A known table has no such column.
  columns: ['id', 'nte'],
  insert() {},
});

// A pattern, and a table that nobody has added: any row.
tidings.register('all', 'typed.*', {
  insert(row) {
    expect<Same<typeof row.anything, JsonValue | undefined>>();
  },
});

// A type of one's own, where the table is not known.
tidings.register<TypedAudit>('own', 'typed.other', {
  columns: ['id'],
  insert(row) {
    expect<Same<typeof row.id, number>>();
  },
});

// And where another source has a table of the same name.
tidings.register<TypedAudit>('other', 'typed.orders', {
  source: 'other',
  insert(row) {
    expect<Same<typeof row.id, number>>();
  },
});

// In a module of its own, as a configuration names it.
const handler = {
  insert(row) {
    expect<Same<typeof row.note, string | null>>();
  },
  update(row) {
    expect<Same<typeof row.note, string | null | undefined>>();
  },
} satisfies TableHandler<TidingsTables['typed.orders']>;
tidings.register('module', 'typed.orders', handler);

/** An operation narrows a change. */
export function narrow(change: TypedChange<TypedOrders>): void {
  if (change.operation === 'insert') {
    expect<Same<typeof change.after, WholeRow<TypedOrders>>>();
  } else if (change.operation === 'update') {
    expect<Same<typeof change.after, TypedOrders>>();
  } else {
    expect<Same<typeof change.after, null>>();
  }
}

/** JSON and arrays narrow as one expects. */
export function lengths({ doc, tags }: WholeRow<TypedOrders>): number {
  if (tags === null || typeof tags === 'string') return 0;
  const first = tags[0];
  if (typeof first === 'string') return first.length;
  return typeof doc === 'object' && doc !== null && 'total' in doc ? 1 : tags.length;
}

// Without a type a row is one of any columns, whole or not.
expect<Same<WholeRow<Row>, Row>>();

/** A row as tools have it: each value in the form that one of them gives it. */
interface ToolRow {
  readonly id: string;
  readonly big: bigint | null;
  readonly at: Date;
  readonly paid: Date | null;
  readonly bytes: Buffer;
  readonly total: { toFixed(digits?: number): string } | null;
  readonly doc: unknown;
  readonly json: string | number | boolean | object | null;
  readonly tags: string[] | null;
  readonly days: (Date | null)[];
  readonly state: 'new' | 'paid';
  readonly done: boolean;
}

expect<
  Same<
    Delivered<ToolRow, 'id'>,
    {
      readonly id: number | string;
      readonly big: number | string | null;
      readonly at: string;
      readonly paid: string | null;
      readonly bytes: string;
      readonly total: string | null;
      readonly doc: JsonValue;
      readonly json: JsonValue;
      readonly tags: ArrayValue<string> | null;
      readonly days: ArrayValue<string>;
      readonly state: 'new' | 'paid';
      readonly done: boolean;
    }
  >
>();
// @ts-expect-error -- Only a column of it can be one.
expect<Same<Delivered<ToolRow, 'nothing'>, ToolRow>>();
tidings.register<Delivered<ToolRow, 'id'>>('delivered', 'typed.tool', {
  columns: ['at', 'tags'],
  insert(row) {
    expect<Same<typeof row.at, string>>();
  },
});
