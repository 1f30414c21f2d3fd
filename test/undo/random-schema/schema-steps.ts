import { type Catalogue, columnOf, type LiveTable, primaryKey } from './catalogue.ts';
import { column, userTables } from './user-tables.ts';
import type { StepContext, StepKind } from './step.ts';
import { tableSql } from './tables.ts';
import { valueSql } from './values.ts';

/** Statements on the schema, alone or among rows. */
export const SCHEMA_STEPS: { readonly [kind: string]: StepKind } = {
  renameTable: {
    feature: 'rename-table',
    weight: 2,
    ddl: true,
    sql({ choices, catalogue, number }) {
      const tables = catalogue.tables.filter(({ name }) => !['audit', 'counts'].includes(name));
      const table = choices.oneOf(tables);
      return table === null ? null : `ALTER TABLE ${table.sql} RENAME TO n${number}`;
    },
  },
  swapTables: {
    feature: 'swap-tables',
    weight: 2,
    ddl: true,
    sql(context) {
      const [one, other] = context.choices.some(userTables(context), 2, 2);
      if (one === undefined || other === undefined) return null;
      const { schema } = one;
      return `ALTER TABLE ${one.sql} RENAME TO between; ALTER TABLE ${other.sql} RENAME TO "${one.name}";
        ALTER TABLE ${schema}.between RENAME TO "${other.name}"`;
    },
  },
  renameSchema: {
    feature: 'rename-schema',
    weight: 1,
    ddl: true,
    sql({ catalogue: { schema } }) {
      const other = schema.endsWith('_new') ? schema.slice(0, -4) : `${schema}_new`;
      return `ALTER SCHEMA ${schema} RENAME TO ${other}`;
    },
  },
  renameColumn: {
    feature: 'rename-column',
    weight: 3,
    ddl: true,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      return `ALTER TABLE ${table.sql} RENAME COLUMN ${column(chosen)} TO n${number}`;
    },
  },
  swapColumns: {
    feature: 'rename-column',
    weight: 1,
    ddl: true,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const [one, other] = choices.some(table?.columns ?? [], 2, 2);
      if (table === null || one === undefined || other === undefined) return null;
      const rename = (from: string, to: string): string =>
        `ALTER TABLE ${table.sql} RENAME COLUMN "${from}" TO "${to}"`;
      return [
        rename(one.name, 'between'),
        rename(other.name, one.name),
        rename('between', other.name),
      ].join('; ');
    },
  },
  addColumn: {
    feature: 'drop-column',
    weight: 2,
    ddl: true,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const type = choices.one(['int', 'text', `text DEFAULT 'new'`, 'int NOT NULL DEFAULT 5']);
      return table === null ? null : `ALTER TABLE ${table.sql} ADD COLUMN a${number} ${type}`;
    },
  },
  dropColumn: {
    feature: 'drop-column',
    weight: 2,
    ddl: true,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      const drop = `ALTER TABLE ${table.sql} DROP COLUMN ${column(chosen)} CASCADE`;
      const again = `${drop}; ALTER TABLE ${table.sql} ADD COLUMN ${column(chosen)} ${chosen.typeText}${chosen.collation}`;
      return choices.one([drop, again]);
    },
  },
  retypeColumn: {
    feature: 'retype-column',
    weight: 3,
    ddl: true,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      const type = choices.one(['bigint', 'text', 'numeric', 'integer', 'varchar(60)', 'jsonb']);
      return `ALTER TABLE ${table.sql} ALTER COLUMN ${column(chosen)} DROP DEFAULT;
        ALTER TABLE ${table.sql} ALTER COLUMN ${column(chosen)} TYPE ${type} USING ${column(chosen)}::text::${type}`;
    },
  },
  alterEnum: {
    feature: 'alter-enum',
    weight: 3,
    ddl: true,
    sql({ choices, catalogue, number }) {
      const type = [...catalogue.types.values()].find(({ kind }) => kind === 'e');
      const label = choices.oneOf(type?.labels ?? []);
      if (type === undefined || label === null) return null;
      const rename = `ALTER TYPE ${type.sql} RENAME VALUE '${label}' TO 'was${number}'`;
      const add = `ALTER TYPE ${type.sql} ADD VALUE '${label}'`;
      const before = `ALTER TYPE ${type.sql} ADD VALUE 'new${number}' BEFORE '${label}'`;
      return choices.one([`${rename}; ${add}`, rename, before]);
    },
  },
  alterComposite: {
    feature: 'alter-composite',
    weight: 3,
    ddl: true,
    sql({ choices, catalogue, number }) {
      const type = [...catalogue.types.values()].find(({ name }) => name === 'pair');
      const attribute = choices.oneOf(type?.attributes ?? []);
      if (type === undefined || attribute === null) return null;
      const of = catalogue.types.get(attribute.type)?.sql ?? 'text';
      const drop = `ALTER TYPE ${type.sql} DROP ATTRIBUTE "${attribute.name}" CASCADE`;
      const add = `ALTER TYPE ${type.sql} ADD ATTRIBUTE n${number} text CASCADE`;
      const rename = `ALTER TYPE ${type.sql} RENAME ATTRIBUTE "${attribute.name}" TO n${number} CASCADE`;
      // PostgreSQL leaves indexes in the order that the attribute gave them, and finds nothing in them.
      if (isIndexed(catalogue, type.oid)) return choices.one([add, rename]);
      const again = `${drop}; ALTER TYPE ${type.sql} ADD ATTRIBUTE "${attribute.name}" ${of} CASCADE`;
      return choices.one([add, rename, drop, again]);
    },
  },
  alterIdentity: {
    feature: 'alter-identity',
    weight: 3,
    ddl: true,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(catalogue.tables);
      const identity = choices.one(['DEFAULT', 'FULL', 'FULL', 'NOTHING']);
      return table === null ? null : `ALTER TABLE ${table.sql} REPLICA IDENTITY ${identity}`;
    },
  },
  moveKey: {
    feature: 'move-key',
    weight: 2,
    ddl: true,
    sql({ choices, catalogue }) {
      const table = choices.oneOf(userTables({ catalogue }));
      if (table === null) return null;
      const key = table.indexes.find(({ primary }) => primary);
      const columns = choices.some(table.columns, 1, 2).map(column).join(', ');
      const drop =
        key === undefined ? '' : `ALTER TABLE ${table.sql} DROP CONSTRAINT "${key.name}" CASCADE;`;
      return choices.one([
        `${drop} ALTER TABLE ${table.sql} ADD PRIMARY KEY (${columns})`,
        drop || null,
      ]);
    },
  },
  dropTable: {
    feature: 'drop-table',
    weight: 2,
    ddl: true,
    sql(context) {
      const { choices } = context;
      const table = choices.oneOf(userTables(context));
      if (table === null) return null;
      const drop = `DROP TABLE ${table.sql} CASCADE`;
      return choices.one([drop, `${drop}; ${createLikeSql(context, table)}`]);
    },
  },
  newTable: {
    feature: 'new-table',
    weight: 2,
    ddl: true,
    sql(context) {
      const { catalogue, number } = context;
      const name = `${catalogue.schema}.t${number}`;
      return `${tableSql(context)}; ALTER TABLE ${name} REPLICA IDENTITY FULL; ${leavesFullSql(name)}`;
    },
  },
  newType: {
    feature: 'new-table',
    weight: 2,
    ddl: true,
    sql({ choices, catalogue: { schema }, number }) {
      return `CREATE TYPE ${schema}.e${number} AS ENUM ('one', 'two');
        CREATE DOMAIN ${schema}.d${number} AS ${choices.one(['text', 'json', `${schema}.e${number}`, 'int'])};
        CREATE TABLE ${schema}.t${number} (id int PRIMARY KEY, e ${schema}.e${number}, d ${schema}.d${number}, l ${schema}.d${number}[]);
        ALTER TABLE ${schema}.t${number} REPLICA IDENTITY FULL`;
    },
  },
  detach: {
    feature: 'attach-detach',
    weight: 3,
    ddl: true,
    sql({ choices, catalogue }) {
      const leaf = choices.oneOf(catalogue.tables.filter(({ parent }) => parent !== null));
      const parent = catalogue.tables.find(({ oid }) => oid === leaf?.parent);
      if (leaf === null || parent === undefined) return null;
      const detach = `ALTER TABLE ${parent.sql} DETACH PARTITION ${leaf.sql}`;
      return choices.one([
        detach,
        `${detach}; ALTER TABLE ${parent.sql} ATTACH PARTITION ${leaf.sql} ${leaf.bound ?? ''}`,
        `DROP TABLE ${leaf.sql} CASCADE`,
      ]);
    },
  },
  attach: {
    feature: 'attach-detach',
    weight: 3,
    ddl: true,
    sql({ choices, catalogue, number }) {
      const tables = userTables({ catalogue });
      const parent = choices.oneOf(tables.filter(({ partitioned }) => partitioned));
      if (parent === null) return null;
      const value = valueSql(catalogue, partitionType(parent), choices);
      const bound = choices.one([
        `FOR VALUES IN (${value})`,
        'DEFAULT',
        'FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
      ]);
      const detached = tables.filter(({ partitioned }) => !partitioned);
      const fresh = `${parent.schema}.p${number}`;
      const leaf = choices.once(2) ? choices.oneOf(detached)?.sql : undefined;
      const create = `CREATE TABLE ${fresh} (LIKE ${parent.sql} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS);
        ALTER TABLE ${fresh} REPLICA IDENTITY FULL;`;
      return `${leaf === undefined ? create : ''} ALTER TABLE ${parent.sql} ATTACH PARTITION ${leaf ?? fresh} ${bound}`;
    },
  },
  newPartition: {
    feature: 'new-partition',
    weight: 2,
    ddl: true,
    sql({ choices, catalogue, number }) {
      const parent = choices.oneOf(catalogue.tables.filter(({ partitioned }) => partitioned));
      if (parent === null) return null;
      const value = valueSql(catalogue, partitionType(parent), choices);
      const leaf = `${parent.schema}.p${number}`;
      const full = choices.one([`ALTER TABLE ${leaf} REPLICA IDENTITY FULL`, 'SELECT']);
      return `CREATE TABLE ${leaf} PARTITION OF ${parent.sql} ${choices.one([`FOR VALUES IN (${value})`, 'DEFAULT'])}; ${full}`;
    },
  },
};

/** Whether a unique index has a column of the type, or of arrays of it. */
function isIndexed({ tables, types }: Catalogue, type: string): boolean {
  const isOf = (oid: string): boolean => oid === type || types.get(oid)?.of === type;
  return tables.some((table) =>
    table.indexes.some(({ columns }) => columns?.some((at) => isOf(columnOf(table, at).type))),
  );
}

/** The same columns and key once more, under the same name. */
function createLikeSql({ choices, catalogue }: StepContext, table: LiveTable): string {
  const columns = table.columns
    .filter(({ generated }) => generated === '')
    .map((one) => `${column(one)} ${one.typeText}${one.collation}`);
  if (choices.once(3)) columns.reverse();
  const key = primaryKey(table).map((at) => table.columns.find(({ number }) => number === at));
  const names = key.flatMap((one) => (one === undefined ? [] : [column(one)]));
  if (names.length > 0) columns.push(`PRIMARY KEY (${names.join(', ')})`);
  const sql = `"${catalogue.schema}"."${table.name}"`;
  return `CREATE TABLE ${sql} (${columns.join(', ')}); ALTER TABLE ${sql} REPLICA IDENTITY FULL`;
}

function partitionType(table: LiveTable): string {
  const name = /\(("?)(\w+)\1\)/.exec(table.partitionKey ?? '')?.[2];
  return table.columns.find((one) => one.name === name)?.type ?? '23';
}

/** Makes every partition below the table report whole old rows. */
export function leavesFullSql(table: string): string {
  return `DO $$DECLARE leaf regclass; BEGIN
    FOR leaf IN SELECT relid FROM pg_partition_tree('${table}') WHERE relid <> '${table}'::regclass LOOP
      EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', leaf); END LOOP; END$$`;
}
