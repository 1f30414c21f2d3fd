import { columnOf, type LiveColumn, type LiveTable, primaryKey } from './catalogue.ts';
import { column, userTables } from './user-tables.ts';
import type { StepContext, StepKind } from './step.ts';
import { valueSql } from './values.ts';

/** Statements on rows. */
export const ROW_STEPS: { readonly [kind: string]: StepKind } = {
  insert: {
    weight: 8,
    sql(context) {
      const table = context.choices.oneOf(userTables(context));
      return table === null ? null : insertSql(context, table);
    },
  },
  update: {
    weight: 6,
    sql(context) {
      const table = context.choices.oneOf(userTables(context));
      if (table === null) return null;
      const columns = context.choices.some(writable(table, 'update'), 1, 2);
      if (columns.length === 0) return null;
      const set = columns.map((one) => `${column(one)} = ${columnValue(context, table, one)}`);
      return `UPDATE ${table.sql} SET ${set.join(', ')} WHERE ${rowsSql(context, table)}`;
    },
  },
  updateKey: {
    weight: 2,
    sql(context) {
      const table = context.choices.oneOf(userTables(context));
      if (table === null) return null;
      const wanted = [
        ...primaryKey(table),
        ...table.indexes.flatMap((index) => index.columns ?? []),
      ];
      const columns = writable(table, 'update').filter(({ number }) => wanted.includes(number));
      const one = context.choices.oneOf(columns);
      if (one === null) return null;
      return `UPDATE ${table.sql} SET ${column(one)} = ${columnValue(context, table, one)} WHERE ${rowsSql(context, table)}`;
    },
  },
  delete: {
    weight: 3,
    sql(context) {
      const table = context.choices.oneOf(userTables(context));
      return table === null ? null : `DELETE FROM ${table.sql} WHERE ${rowsSql(context, table)}`;
    },
  },
  // A row gives a value away, and a new row gets it.
  handOver: {
    weight: 3,
    sql(context) {
      const { choices } = context;
      const table = choices.oneOf(userTables(context));
      const numbers = table?.indexes.flatMap((index) => index.columns ?? []) ?? [];
      if (table === null) return null;
      const one = choices.oneOf(
        writable(table, 'update').filter((c) => numbers.includes(c.number)),
      );
      if (one === null) return null;
      const others = writable(table, 'insert').filter(({ number }) => number !== one.number);
      const values = others.map((other) => columnValue(context, table, other));
      return `CREATE TEMPORARY TABLE old ON COMMIT DROP AS SELECT tableoid AS rel, ctid AS tid, ${column(one)} AS v FROM ${table.sql} WHERE ${rowsSql(context, table, 1)};
          UPDATE ${table.sql} t SET ${column(one)} = ${columnValue(context, table, one)} FROM old WHERE t.tableoid = old.rel AND t.ctid = old.tid;
          INSERT INTO ${table.sql} (${[one, ...others].map(column).join(', ')}) OVERRIDING SYSTEM VALUE
            SELECT ${['old.v', ...values].join(', ')} FROM old;
          DROP TABLE old`;
    },
  },
  // Two rows exchange the value of a column.
  exchange: {
    weight: 2,
    sql(context) {
      const { choices } = context;
      const table = choices.oneOf(userTables(context));
      const one = choices.oneOf(table === null ? [] : writable(table, 'update'));
      if (table === null || one === null) return null;
      const v = column(one);
      return `WITH two AS (SELECT tableoid AS rel, ctid AS tid, ${v} AS v, row_number() OVER (ORDER BY t::text) AS n
          FROM ${table.sql} t ORDER BY t::text LIMIT 2)
        UPDATE ${table.sql} t SET ${v} = b.v FROM two a, two b
        WHERE a.n <> b.n AND t.tableoid = a.rel AND t.ctid = a.tid`;
    },
  },
  truncate: {
    feature: 'truncate',
    weight: 1,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      return table === null ? null : `TRUNCATE ${table.sql}${choices.one(['', ' CASCADE'])}`;
    },
  },
  truncatePartition: {
    feature: 'truncate-partition',
    weight: 2,
    sql({ choices, catalogue }) {
      const leaf = choices.oneOf(catalogue.tables.filter(({ parent }) => parent !== null));
      return leaf === null ? null : `TRUNCATE ${leaf.sql}`;
    },
  },
};

/** One to three rows. */
export function insertSql(context: StepContext, table: LiveTable): string {
  const { choices } = context;
  const columns = writable(table, 'insert');
  if (columns.length === 0) return `INSERT INTO ${table.sql} DEFAULT VALUES`;
  const rows: string[] = [];
  for (let at = 0, count = 1 + choices.below(3); at < count; at++) {
    const values = columns.map((one) => {
      if (one.identity !== '' || one.hasDefault) {
        if (!choices.once(4)) return 'DEFAULT';
      }
      return columnValue(context, table, one);
    });
    rows.push(`(${values.join(', ')})`);
  }
  return `INSERT INTO ${table.sql} (${columns.map(column).join(', ')}) OVERRIDING SYSTEM VALUE VALUES ${rows.join(', ')}`;
}

function writable(table: LiveTable, how: 'insert' | 'update'): readonly LiveColumn[] {
  return table.columns.filter(
    ({ generated, identity }) => generated === '' && (how === 'insert' || identity !== 'a'),
  );
}

/** Something for the column: null now and then, and for a foreign key mostly a parent that is there. */
function columnValue(context: StepContext, table: LiveTable, one: LiveColumn): string {
  const { choices, catalogue } = context;
  const key = table.foreignKeys.find(({ columns }) => columns.includes(one.number));
  const kind = choices.below(6);
  if (kind === 5 && !one.notNull) return 'NULL';
  if (key !== undefined && kind > 0) {
    const parent = catalogue.tables.find(({ oid }) => oid === key.parent);
    const at = key.parentColumns[key.columns.indexOf(one.number)];
    if (parent !== undefined && at !== undefined) {
      const name = column(columnOf(parent, at));
      return `(SELECT ${name} FROM ${parent.sql} p ORDER BY p::text OFFSET ${choices.below(3)} LIMIT 1)`;
    }
  }
  return valueSql(catalogue, one.type, choices);
}

/** Some of the rows, the same ones whenever it runs on the same rows. */
function rowsSql({ choices }: StepContext, table: LiveTable, limit?: number): string {
  const most = limit ?? choices.one([1, 2, 1000]);
  return `(tableoid, ctid) IN (SELECT tableoid, ctid FROM ${table.sql} r ORDER BY r::text OFFSET ${choices.one([0, 0, 1, 2])} LIMIT ${most})`;
}
