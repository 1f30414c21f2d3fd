import type pg from 'pg';
import type { TableDefinition } from '../../../change/table.ts';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { testUndoTarget, type UndoTargetUnderTest } from '../../undo-target.contract.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { PostgresUndoTarget } from './postgres-undo-target.ts';

const SCHEMA = `
  CREATE TABLE parents (id int PRIMARY KEY, note text);
  CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents, code text UNIQUE);
  CREATE TABLE bag (note text);
  ALTER TABLE parents REPLICA IDENTITY FULL; ALTER TABLE children REPLICA IDENTITY FULL;
  ALTER TABLE bag REPLICA IDENTITY FULL`;

testUndoTarget('PostgreSQL', async (): Promise<UndoTargetUnderTest> => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase());
  const { client } = database;
  await client.query(SCHEMA);
  const opened = stack.move();
  return {
    target: new PostgresUndoTarget({ source: 'main', url: database.url }),
    tables: {
      parents: table('parents', ['id', 'note'], [0]),
      children: table('children', ['id', 'parent', 'code'], [0]),
      bag: table('bag', ['note'], []),
      absent: table('absent', ['id'], [0]),
    },
    async rows(from) {
      return (
        await client.query<(string | null)[]>({
          ...AS_TEXT,
          text: `SELECT * FROM ${quoteTable(from)}`,
        })
      ).rows;
    },
    async insert(into, row) {
      const places = row.map((_, index) => `$${index + 1}`).join(', ');
      await client.query(`INSERT INTO ${quoteTable(into)} VALUES (${places})`, [...row]);
    },
    async remove(from, first) {
      const column = quoteIdentifier(from.columns[0]?.name ?? '');
      await client.query(`DELETE FROM ${quoteTable(from)} WHERE ${column} = $1`, [first]);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
});

const AS_TEXT = {
  rowMode: 'array',
  types: { getTypeParser: () => (text: string) => text },
} satisfies Omit<pg.QueryArrayConfig, 'text'>;

function table(name: string, columns: readonly string[], key: readonly number[]): TableDefinition {
  return {
    schema: 'public',
    name,
    columns: columns.map((column) => {
      const isNumber = column === 'id' || column === 'parent';
      return isNumber
        ? { name: column, type: 'integer', kind: 'integer', array: false }
        : { name: column, type: 'text', kind: 'text', array: false };
    }),
    key,
    identity: 'full',
    dialect: 'postgres',
  };
}
