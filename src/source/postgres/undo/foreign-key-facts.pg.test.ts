import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { readTableFacts } from './table-facts.ts';
import { UndoConnection } from './undo-connection.ts';

test('a partition that is captured by itself has the keys of its table, each once', async () => {
  await using database = await freshDatabase();
  await database.client.query(`
    CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (10) TO (20);
    CREATE TABLE c (id int PRIMARY KEY, p int CONSTRAINT to_p REFERENCES p) PARTITION BY RANGE (id);
    CREATE TABLE c_1 PARTITION OF c FOR VALUES FROM (0) TO (10);
    ALTER TABLE c_1 ADD CONSTRAINT to_p_1 FOREIGN KEY (p) REFERENCES p_1`);
  const options = { source: 'main', url: database.url };
  await using connection = await UndoConnection.open(options, AbortSignal.timeout(20_000));
  const keys = async (name: string): Promise<readonly string[]> => {
    const facts = await readTableFacts(connection, { schema: 'public', name });
    return (facts?.foreignKeys ?? []).map(
      ({ child, childPartition, parent, parentPartition }) =>
        `${child.name} ${childPartition?.name ?? '*'} > ${parent.name} ${parentPartition?.name ?? '*'}`,
    );
  };
  assert.deepEqual(await keys('c'), ['c * > p *', 'c c_1 > p p_1']);
  assert.deepEqual(await keys('p'), ['c * > p *', 'c c_1 > p p_1']);
  assert.deepEqual(await keys('c_1'), ['c_1 * > p *', 'c_1 * > p p_1']);
  assert.deepEqual((await keys('p_1')).toSorted(), ['c * > p_1 *', 'c c_1 > p_1 *']);
  assert.deepEqual(await keys('p_2'), ['c * > p_2 *']);
});
