import { MAJORS, freshDatabase } from '../../../test/support/postgres.ts';
import { describeSource, type SourceUnderTest, type WrittenChange } from '../source.contract.ts';
import { PostgresSource } from './postgres-source.ts';

for (const major of MAJORS) describeSource(`PostgreSQL ${major}`, () => open(major));

async function open(major: (typeof MAJORS)[number]): Promise<SourceUnderTest> {
  const database = await freshDatabase(major);
  const { client } = database;
  await client.query(`CREATE TABLE notes (id int PRIMARY KEY, body text);
                      ALTER TABLE notes REPLICA IDENTITY FULL`);
  const source = new PostgresSource({
    name: 'contract',
    url: database.url,
    tables: ['public.notes'],
  });
  return {
    source,
    async write(changes) {
      await client.query('BEGIN');
      for (const change of changes) await client.query(...statement(change));
      await client.query('COMMIT');
    },
    async writeOpen(id) {
      const other = await database.connect();
      await other.query('BEGIN');
      await other.query('INSERT INTO notes VALUES ($1)', [id]);
      return async () => {
        await other.query('COMMIT');
      };
    },
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

function statement(change: WrittenChange): [sql: string, values: unknown[]] {
  if ('insert' in change)
    return ['INSERT INTO notes VALUES ($1, $2)', [change.insert, change.body]];
  if ('update' in change) {
    return ['UPDATE notes SET body = $2 WHERE id = $1', [change.update, change.body]];
  }
  return ['DELETE FROM notes WHERE id = $1', [change.delete]];
}
