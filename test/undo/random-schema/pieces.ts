import { primaryKey } from './catalogue.ts';
import type { FeatureName } from './features.ts';
import { FOREIGN_KEY_PIECES } from './foreign-key-pieces.ts';
import type { StepKind } from './step.ts';
import { TRIGGER_PIECES } from './trigger-pieces.ts';
import { column, isInteger, userTables } from './user-tables.ts';

/** What a random schema gets beside its tables: each kind of constraint, trigger and setting. */
export const PIECES: { readonly [kind: string]: StepKind } = {
  unique: {
    feature: 'unique',
    weight: 3,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      if (table === null) return null;
      const key = primaryKey(table);
      const columns = choices.some(
        table.columns.filter(({ number }) => !key.includes(number) || table.partitioned),
        1,
        2,
      );
      if (columns.length === 0) return null;
      const nulls = choices.one(['', '', 'NULLS NOT DISTINCT ']);
      const when = choices.one(['', '', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED']);
      return `ALTER TABLE ${table.sql} ADD UNIQUE ${nulls}(${columns.map(column).join(', ')})${when}`;
    },
  },
  oddIndex: {
    feature: 'odd-indexes',
    weight: 2,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      const name = column(chosen);
      const what = choices.one([
        `(md5(${name}::text))`,
        `(${name}) WHERE ${name} IS NOT NULL`,
        `(lower(${name}::text))`,
        `(${name} COLLATE ${catalogue.schema}.ci)`,
        `(${name}) INCLUDE (${column(table.columns[0] ?? chosen)})`,
      ]);
      return `CREATE UNIQUE INDEX ON ${table.sql} ${what}`;
    },
  },
  index: {
    weight: 1,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      return `CREATE INDEX ON ${table.sql} (${column(chosen)})`;
    },
  },
  ...FOREIGN_KEY_PIECES,
  generated: {
    feature: 'generated',
    weight: 2,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const from = choices.oneOf(table?.columns.filter(({ generated }) => generated === '') ?? []);
      if (table === null || from === null) return null;
      const formula = isInteger(from) ? `${column(from)}::numeric * 2` : `${column(from)} IS NULL`;
      const type = isInteger(from) ? 'numeric' : 'boolean';
      // Not VIRTUAL: PostgreSQL reports no whole old rows then.
      return `ALTER TABLE ${table.sql} ADD COLUMN g${number} ${type} GENERATED ALWAYS AS (${formula}) STORED`;
    },
  },
  check: {
    feature: 'checks',
    weight: 2,
    sql({ choices, catalogue, features }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      const other = choices.one(table.columns);
      const how = features.has('not-enforced') ? choices.one(['', ' NOT ENFORCED']) : '';
      const rule = isInteger(chosen)
        ? `${column(chosen)} < 100`
        : `${column(chosen)} IS NOT NULL OR ${column(other)} IS NOT NULL`;
      return `ALTER TABLE ${table.sql} ADD CHECK (${rule})${how}`;
    },
  },
  ...TRIGGER_PIECES,
  rule: {
    feature: 'rules',
    weight: 1,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      if (table === null) return null;
      const action = choices.one([
        `DO ALSO INSERT INTO ${catalogue.schema}.audit (what) VALUES ('rule')`,
        `DO INSTEAD NOTHING`,
        `WHERE false DO INSTEAD NOTHING`,
      ]);
      return `CREATE RULE r${number} AS ON ${choices.one(['INSERT', 'UPDATE', 'DELETE'])} TO ${table.sql} ${action}`;
    },
  },
  keyIdentity: {
    feature: 'key-identity',
    weight: 1,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      return table === null ? null : `ALTER TABLE ${table.sql} REPLICA IDENTITY DEFAULT`;
    },
  },
  leafIdentity: {
    feature: 'leaf-identity',
    weight: 2,
    sql({ choices, catalogue }) {
      const leaf = choices.oneOf(
        catalogue.tables.filter(({ parent, partitioned }) => parent !== null && !partitioned),
      );
      return leaf === null ? null : `ALTER TABLE ${leaf.sql} REPLICA IDENTITY DEFAULT`;
    },
  },
};

/** Those of the kinds that the features allow. */
export function allowed(
  kinds: { readonly [kind: string]: StepKind },
  features: ReadonlySet<FeatureName>,
): readonly (readonly [kind: string, weight: number])[] {
  return Object.entries(kinds).flatMap(([kind, { feature, weight }]) =>
    feature === undefined || features.has(feature) ? [[kind, weight] as const] : [],
  );
}
