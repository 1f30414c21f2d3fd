import type { TableDefinition, ValueKind } from '../change/table.ts';

/** A table in which a migration tool keeps account of what it has done to the schema. */
export interface ToolTable {
  /** As the tool's users call it; several tools share some tables. */
  readonly tool: string;
  /** Its default name; its schema is the application's own choice. */
  readonly table: string;
  /** The columns that it is made with. */
  readonly columns: Readonly<Record<string, ValueKind>>;
  /** True for a name that says too little of itself: then it has these columns and no other. */
  readonly only?: true;
  /** The columns that name a migration in it; absent where it has something else, or no names. */
  readonly names?: readonly string[];
  /** Where the columns are from: the tool's version that made them, or whose source was read. */
  readonly from: string;
}

const KNEX = 'knex 3.3.0, run';
const LIQUIBASE = 'liquibase-core 4.29.2, run';
const KYSELY = 'kysely 0.29.9, run';
const TYPEORM = 'typeorm 1.1.1, run';
const RAILS = 'Rails, activerecord/lib/active_record/';
const SEQUELIZE = 'sequelize 6.37.8 with umzug 3.8.3, run';

const FLYWAY = {
  installed_rank: 'integer',
  version: 'text',
  description: 'text',
  type: 'text',
  script: 'text',
  checksum: 'integer',
  installed_by: 'text',
  installed_on: 'timestamp',
  execution_time: 'integer',
  success: 'boolean',
} as const;

/** What is known; a tool that was told another name for its table is not recognised. */
export const TOOL_TABLES: readonly ToolTable[] = [
  {
    tool: 'Django',
    table: 'django_migrations',
    columns: { id: 'integer', app: 'text', name: 'text', applied: 'timestamptz' },
    names: ['app', 'name'],
    from: 'Django 5.2.19, run',
  },
  {
    tool: 'Alembic',
    table: 'alembic_version',
    columns: { version_num: 'text' },
    names: ['version_num'],
    from: 'Alembic 1.20.1, run',
  },
  {
    tool: 'Flyway',
    table: 'flyway_schema_history',
    columns: FLYWAY,
    names: ['script'],
    from: 'flyway-core 10.20.1, run',
  },
  {
    tool: 'Flyway',
    table: 'schema_version',
    columns: FLYWAY,
    names: ['script'],
    from: 'Flyway up to 4, whose name later versions keep where it is there',
  },
  {
    tool: 'Liquibase',
    table: 'databasechangelog',
    columns: {
      id: 'text',
      author: 'text',
      filename: 'text',
      dateexecuted: 'timestamp',
      orderexecuted: 'integer',
      exectype: 'text',
      md5sum: 'text',
    },
    names: ['id'],
    from: LIQUIBASE,
  },
  {
    tool: 'Liquibase',
    table: 'databasechangeloglock',
    columns: { id: 'integer', locked: 'boolean', lockgranted: 'timestamp', lockedby: 'text' },
    from: LIQUIBASE,
  },
  {
    tool: 'Knex',
    table: 'knex_migrations',
    columns: { id: 'integer', name: 'text', batch: 'integer', migration_time: 'timestamptz' },
    names: ['name'],
    from: KNEX,
  },
  {
    tool: 'Knex',
    table: 'knex_migrations_lock',
    columns: { index: 'integer', is_locked: 'integer' },
    from: KNEX,
  },
  {
    tool: 'Sequelize',
    table: 'SequelizeMeta',
    columns: { name: 'text' },
    names: ['name'],
    from: SEQUELIZE,
  },
  {
    tool: 'Sequelize',
    table: 'SequelizeData',
    columns: { name: 'text' },
    from: 'sequelize-cli 6.6.5, what it keeps of seeds',
  },
  {
    tool: 'TypeORM',
    table: 'migrations',
    columns: { id: 'integer', timestamp: 'integer', name: 'text' },
    names: ['name'],
    only: true,
    from: TYPEORM,
  },
  {
    tool: 'TypeORM',
    table: 'typeorm_metadata',
    columns: {
      type: 'text',
      database: 'text',
      schema: 'text',
      table: 'text',
      name: 'text',
      value: 'text',
    },
    from: TYPEORM,
  },
  {
    tool: 'MikroORM',
    table: 'mikro_orm_migrations',
    columns: { id: 'integer', name: 'text', executed_at: 'timestamptz' },
    names: ['name'],
    from: '@mikro-orm/migrations 7.2.1, run',
  },
  {
    tool: 'Kysely',
    table: 'kysely_migration',
    columns: { name: 'text', timestamp: 'text' },
    names: ['name'],
    from: KYSELY,
  },
  {
    tool: 'Kysely',
    table: 'kysely_migration_lock',
    columns: { id: 'text', is_locked: 'integer' },
    from: KYSELY,
  },
  {
    tool: 'Drizzle',
    table: '__drizzle_migrations',
    columns: { id: 'integer', hash: 'text', created_at: 'integer' },
    names: [],
    from: 'drizzle-orm 0.45.4, run',
  },
  {
    tool: 'Prisma',
    table: '_prisma_migrations',
    columns: {
      id: 'text',
      checksum: 'text',
      finished_at: 'timestamptz',
      migration_name: 'text',
      logs: 'text',
      rolled_back_at: 'timestamptz',
      started_at: 'timestamptz',
      applied_steps_count: 'integer',
    },
    names: ['migration_name'],
    from: 'dumps of databases that Prisma had migrated',
  },
  {
    tool: 'node-pg-migrate',
    table: 'pgmigrations',
    columns: { id: 'integer', name: 'text', run_on: 'timestamp' },
    names: ['name'],
    from: 'node-pg-migrate 9.0.0, run',
  },
  {
    tool: 'Rails or dbmate',
    table: 'schema_migrations',
    columns: { version: 'text' },
    names: ['version'],
    only: true,
    from: `${RAILS}schema_migration.rb; dbmate 2.22.0, pkg/driver/postgres/postgres.go`,
  },
  {
    tool: 'Rails',
    table: 'ar_internal_metadata',
    columns: { key: 'text', value: 'text', created_at: 'timestamp', updated_at: 'timestamp' },
    from: `${RAILS}internal_metadata.rb`,
  },
  {
    tool: 'golang-migrate',
    table: 'schema_migrations',
    columns: { version: 'integer', dirty: 'boolean' },
    names: ['version'],
    only: true,
    from: 'golang-migrate 4.18.1, database/postgres/postgres.go',
  },
  {
    tool: 'Ecto',
    table: 'schema_migrations',
    columns: { version: 'integer', inserted_at: 'timestamp' },
    names: ['version'],
    only: true,
    from: 'ecto_sql, lib/ecto/migration/schema_migration.ex',
  },
  {
    tool: 'goose',
    table: 'goose_db_version',
    columns: { id: 'integer', version_id: 'integer', is_applied: 'boolean', tstamp: 'timestamp' },
    names: ['version_id'],
    from: 'goose 3.22.1, internal/dialect/dialectquery/postgres.go',
  },
  {
    tool: 'sqlx',
    table: '_sqlx_migrations',
    columns: {
      version: 'integer',
      description: 'text',
      installed_on: 'timestamptz',
      success: 'boolean',
      checksum: 'bytes',
      execution_time: 'integer',
    },
    names: ['version', 'description'],
    from: 'sqlx, sqlx-postgres/src/migrate.rs',
  },
  {
    tool: 'EF Core',
    table: '__EFMigrationsHistory',
    columns: { MigrationId: 'text', ProductVersion: 'text' },
    names: ['MigrationId'],
    from: 'EF Core, src/EFCore.Relational/Migrations/HistoryRepository.cs',
  },
  {
    tool: 'Laravel',
    table: 'migrations',
    columns: { id: 'integer', migration: 'text', batch: 'integer' },
    names: ['migration'],
    from: 'Laravel, src/Illuminate/Database/Migrations/DatabaseMigrationRepository.php',
  },
  {
    tool: 'Phinx',
    table: 'phinxlog',
    columns: {
      version: 'integer',
      migration_name: 'text',
      start_time: 'timestamp',
      end_time: 'timestamp',
      breakpoint: 'boolean',
    },
    names: ['migration_name'],
    from: 'Phinx, src/Phinx/Db/Adapter/AbstractAdapter.php',
  },
];

const BY_NAME: ReadonlyMap<string, readonly ToolTable[]> = Map.groupBy(
  TOOL_TABLES,
  ({ table }) => table,
);

/**
 * The migration tool whose bookkeeping a table is, by its name and its columns: a name alone would
 * take somebody's own table of that name for it. Null for any other table.
 */
export function toolOf(table: Pick<TableDefinition, 'name' | 'columns'>): string | null {
  return toolTableOf(table)?.tool ?? null;
}

/** What is known of that bookkeeping. */
export function toolTableOf({
  name,
  columns,
}: Pick<TableDefinition, 'name' | 'columns'>): ToolTable | null {
  return BY_NAME.get(name)?.find((each) => hasColumns(each, columns)) ?? null;
}

function hasColumns(
  { columns: wanted, only }: ToolTable,
  columns: TableDefinition['columns'],
): boolean {
  const names = Object.keys(wanted);
  if (only === true && names.length !== columns.length) return false;
  return names.every((name) => {
    const column = columns.find((each) => each.name === name);
    return (
      column !== undefined && !column.array && inGeneral(column.kind) === inGeneral(wanted[name])
    );
  });
}

/** With a time zone or without is the choice of the tool's user, for most of them. */
function inGeneral(kind: ValueKind | undefined): ValueKind | undefined {
  return kind === 'timestamptz' ? 'timestamp' : kind;
}
