import { columnOf, type LiveColumn, type LiveTable } from './catalogue.ts';
import type { FeatureName } from './features.ts';
import type { StepContext, StepKind } from './step.ts';
import { column, userTables } from './user-tables.ts';
import { valueSql } from './values.ts';

/** Foreign keys of all kinds, to whatever is unique. */
export const FOREIGN_KEY_PIECES: { readonly [kind: string]: StepKind } = {
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
      const ci = features.has('coarse-keys') ? [`text COLLATE ${catalogue.schema}.ci`] : [];
      const type = choices.one(['int', 'text', 'numeric', ...ci]);
      const actions = actionsOf(features);
      return `ALTER TABLE ${parent.sql} ADD COLUMN u${number} ${type} UNIQUE;
        ALTER TABLE ${child.sql} ADD COLUMN f${number} ${type} REFERENCES ${parent.sql} (u${number})
          ON DELETE ${choices.one(actions)} ON UPDATE ${choices.one(actions)}`;
    },
  },
};

function foreignKeySql(context: StepContext): string | null {
  const { choices, catalogue, features, number } = context;
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
  const existing = existingColumns(child, parent, target);
  if (child.parent !== null || (existing !== null && choices.once(3))) {
    return existing === null
      ? null
      : `ALTER TABLE ${child.sql} ADD ${keySql(context, existing, { parent, target })}`;
  }
  const added = target.map((at, place) => {
    const { type, typeText, collation } = columnOf(parent, at);
    const initial = choices.once(4) ? ` DEFAULT ${valueSql(catalogue, type, choices)}` : '';
    return { name: `f${number}_${place}`, sql: `${typeText}${collation}${initial}` };
  });
  return `ALTER TABLE ${child.sql} ${added.map((one) => `ADD COLUMN ${one.name} ${one.sql}`).join(', ')},
    ADD ${keySql(context, added, { parent, target })}`;
}

/** The constraint, from these columns of the child. */
function keySql(
  { choices, features }: StepContext,
  columns: readonly { readonly name: string }[],
  { parent, target }: { readonly parent: LiveTable; readonly target: readonly number[] },
): string {
  const actions = actionsOf(features);
  const kinds = features.has('foreign-key-kinds');
  const match = kinds ? choices.one(['', '', ' MATCH FULL']) : '';
  const whenGone = choices.one(actions);
  // Only one of several columns is set when the parent goes.
  const one = kinds && columns.length > 1 && choices.once(2) ? choices.oneOf(columns) : null;
  const some = one !== null && whenGone.startsWith('SET') ? ` (${column(one)})` : '';
  const enforced = features.has('not-enforced') ? choices.one(['', '', ' NOT ENFORCED']) : '';
  const when = choices.one(['', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED']);
  const referenced = target.map((at) => column(columnOf(parent, at))).join(', ');
  return `FOREIGN KEY (${columns.map(column).join(', ')}) REFERENCES ${parent.sql} (${referenced})${match}
    ON DELETE ${whenGone}${some} ON UPDATE ${choices.one(actions)}${when}${enforced}`;
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
    const { type, collation } = columnOf(parent, at);
    const one = child.columns.find(
      // PostgreSQL lets a foreign key set an identity column to null, and fails when it has to.
      (c) =>
        c.type === type &&
        c.collation === collation &&
        c.generated === '' &&
        c.identity !== 'a' &&
        !found.includes(c),
    );
    if (one === undefined) return null;
    found.push(one);
  }
  return found;
}
