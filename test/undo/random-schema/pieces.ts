import { columnOf, type LiveColumn, type LiveTable, primaryKey, rootsOf } from './catalogue.ts';
import type { FeatureName } from './features.ts';
import type { StepContext, StepKind } from './step.ts';
import { valueSql } from './values.ts';

/** Tables whose rows the history writes; `audit` and `counts` are written by triggers alone. */
export function userTables(context: Pick<StepContext, 'catalogue'>): readonly LiveTable[] {
  return rootsOf(context.catalogue).filter(({ name }) => !['audit', 'counts'].includes(name));
}

const column = ({ name }: { readonly name: string }): string => `"${name}"`;

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
  foreignKey: { feature: 'foreign-keys', weight: 6, sql: foreignKeySql },
  // A parent that is found by something else than its key.
  code: {
    feature: 'foreign-keys-on-unique',
    weight: 5,
    sql({ choices, catalogue, features, number }) {
      const tables = userTables({ catalogue }).filter(({ partitioned }) => !partitioned);
      const parent = choices.oneOf(tables);
      const child = choices.oneOf(userTables({ catalogue }));
      if (parent === null || child === null) return null;
      const type = choices.one(['int', 'text', 'numeric']);
      const actions = actionsOf(features);
      return `ALTER TABLE ${parent.sql} ADD COLUMN u${number} ${type} UNIQUE;
        ALTER TABLE ${child.sql} ADD COLUMN f${number} ${type} REFERENCES ${parent.sql} (u${number})
          ON DELETE ${choices.one(actions)} ON UPDATE ${choices.one(actions)}`;
    },
  },
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
  changeRow: {
    feature: 'triggers',
    weight: 3,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(
        table?.columns.filter((c) => c.generated === '' && c.identity === '') ?? [],
      );
      if (table === null || chosen === null) return null;
      const when = choices.one(['UPDATE', 'INSERT', 'INSERT OR UPDATE']);
      const value = isInteger(chosen)
        ? `COALESCE(NEW.${column(chosen)}, 0) + 1`
        : valueSql(catalogue, chosen.type, choices);
      return triggerSql(catalogue.schema, number, {
        on: `BEFORE ${when} ON ${table.sql} FOR EACH ROW`,
        body: `NEW.${column(chosen)} := ${value}; RETURN NEW;`,
      });
    },
  },
  skipRow: {
    feature: 'triggers',
    weight: 1,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      const value = valueSql(catalogue, chosen.type, choices);
      return triggerSql(catalogue.schema, number, {
        on: `BEFORE ${choices.one(['DELETE', 'INSERT', 'UPDATE'])} ON ${table.sql} FOR EACH ROW`,
        body: `IF TG_OP = 'DELETE' THEN IF OLD.${column(chosen)}::text = (${value})::text THEN RETURN NULL; END IF; RETURN OLD; END IF;
          IF NEW.${column(chosen)}::text = (${value})::text THEN RETURN NULL; END IF; RETURN NEW;`,
      });
    },
  },
  effect: { feature: 'trigger-effects', weight: 4, sql: effectSql },
  rule: {
    feature: 'rules',
    weight: 1,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      if (table === null) return null;
      const action = choices.one([
        `DO ALSO INSERT INTO ${catalogue.schema}.audit (what) VALUES ('rule')`,
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

function foreignKeySql({ choices, catalogue, features, number }: StepContext): string | null {
  const tables = userTables({ catalogue });
  const parent = choices.oneOf(tables);
  if (parent === null) return null;
  const targets = parent.indexes.filter(
    ({ primary, columns, immediate }) =>
      columns !== null && immediate && (primary || features.has('foreign-keys-on-unique')),
  );
  const target = choices.oneOf(targets.toReversed())?.columns ?? null;
  if (target === null) return null;
  const leaves = catalogue.tables.filter((table) => table.parent !== null && !table.partitioned);
  const children = features.has('self-references')
    ? tables
    : tables.filter(({ oid }) => oid !== parent.oid);
  const child =
    features.has('leaf-foreign-keys') && choices.once(5)
      ? choices.oneOf(leaves)
      : choices.oneOf(children);
  if (child === null) return null;
  const actions = actionsOf(features);
  const enforced = features.has('not-enforced') ? choices.one(['', '', ' NOT ENFORCED']) : '';
  const when = choices.one(['', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED']);
  const references = `REFERENCES ${parent.sql} (${target.map((at) => column(columnOf(parent, at))).join(', ')})
    ON DELETE ${choices.one(actions)} ON UPDATE ${choices.one(actions)}${when}${enforced}`;
  const existing = existingColumns(child, parent, target);
  if (child.parent !== null || (existing !== null && choices.once(3))) {
    return existing === null
      ? null
      : `ALTER TABLE ${child.sql} ADD FOREIGN KEY (${existing.map(column).join(', ')}) ${references}`;
  }
  const added = target.map((at, place) => {
    const { type, typeText } = columnOf(parent, at);
    const initial = choices.once(4) ? ` DEFAULT ${valueSql(catalogue, type, choices)}` : '';
    return { name: `f${number}_${place}`, sql: `${typeText}${initial}` };
  });
  return `ALTER TABLE ${child.sql} ${added.map((one) => `ADD COLUMN ${one.name} ${one.sql}`).join(', ')},
    ADD FOREIGN KEY (${added.map(column).join(', ')}) ${references}`;
}

function actionsOf(features: ReadonlySet<FeatureName>): readonly string[] {
  const all = features.has('foreign-key-actions');
  return [
    'NO ACTION',
    'RESTRICT',
    ...(all ? ['CASCADE', 'SET NULL', 'SET DEFAULT', 'CASCADE'] : []),
  ];
}

/** Columns of the child that have the types of the parent's. */
function existingColumns(
  child: LiveTable,
  parent: LiveTable,
  target: readonly number[],
): readonly LiveColumn[] | null {
  const found: LiveColumn[] = [];
  for (const at of target) {
    const { type } = columnOf(parent, at);
    const one = child.columns.find(
      // PostgreSQL lets a foreign key set an identity column to null, and fails when it has to.
      (c) => c.type === type && c.generated === '' && c.identity !== 'a' && !found.includes(c),
    );
    if (one === undefined) return null;
    found.push(one);
  }
  return found;
}

function effectSql({ choices, catalogue, number }: StepContext): string | null {
  const table = choices.oneOf(userTables({ catalogue }));
  const other = choices.oneOf(userTables({ catalogue }));
  if (table === null || other === null) return null;
  const { schema } = catalogue;
  const what = choices.one(['INSERT', 'UPDATE', 'DELETE', 'INSERT OR UPDATE OR DELETE']);
  const target = choices.oneOf(
    other.columns.filter((c) => c.generated === '' && c.identity === '' && !c.notNull),
  );
  const touch =
    target === null
      ? 'NULL;'
      : `UPDATE ${other.sql} SET ${column(target)} = ${valueSql(catalogue, target.type, choices)};`;
  const body = choices.one([
    `INSERT INTO ${schema}.audit (what) VALUES (TG_OP);`,
    `UPDATE ${schema}.counts SET n = n + 1 WHERE what = 'rows';`,
    `IF pg_trigger_depth() = 1 THEN ${touch} END IF;`,
  ]);
  const each = choices.one(['ROW', 'STATEMENT']);
  return triggerSql(schema, number, {
    on: `AFTER ${what} ON ${table.sql} FOR EACH ${each}`,
    body: `${body} RETURN NULL;`,
  });
}

function triggerSql(
  schema: string,
  number: number,
  { on, body }: { readonly on: string; readonly body: string },
): string {
  return `CREATE FUNCTION ${schema}.f${number}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ${body} END$$;
CREATE TRIGGER t${number} ${on} EXECUTE FUNCTION ${schema}.f${number}()`;
}

function isInteger({ typeText }: LiveColumn): boolean {
  return /^(integer|bigint|smallint)$/.test(typeText);
}

/** Those of the kinds that the features allow. */
export function allowed(
  kinds: { readonly [kind: string]: StepKind },
  features: ReadonlySet<FeatureName>,
): readonly (readonly [kind: string, weight: number])[] {
  return Object.entries(kinds).flatMap(([kind, { feature, weight }]) =>
    feature === undefined || features.has(feature) ? [[kind, weight] as const] : [],
  );
}
