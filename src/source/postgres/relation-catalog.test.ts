import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RelationMessage, ReplicaIdentity } from './decode-relation.ts';
import { RelationCatalog, type TableDescription } from './relation-catalog.ts';
import type { CatalogStatement } from './relation-types.ts';

const INTEGER = 23;
const { signal } = new AbortController();

/** @param flagged the columns that are of the replica identity. */
function message(
  identity: ReplicaIdentity,
  columns: readonly string[],
  flagged: readonly string[] = identity === 'f' ? columns : [],
): RelationMessage {
  return {
    oid: 16_384,
    schema: 'public',
    name: 't',
    identity,
    columns: columns.map((name) => ({
      name,
      type: INTEGER,
      modifier: -1,
      flagged: flagged.includes(name),
    })),
  };
}

/** A catalogue whose answers a test changes; it counts the questions. */
class Catalogue {
  questions = 0;
  present = true;
  key: readonly string[] | null = null;
  partitionsFull: boolean | null = null;
  types: readonly object[] = [];
  readonly #catalog = new RelationCatalog((statement) => this.#answer(statement));

  async keyOf(relation: RelationMessage): Promise<readonly number[]> {
    return (await this.describe(relation)).definition.key;
  }

  describe(
    relation: RelationMessage,
    typeNames: ReadonlyMap<number, string> = new Map(),
  ): Promise<TableDescription> {
    return this.#catalog.describe(relation, typeNames, signal);
  }

  #answer(statement: CatalogStatement): Promise<readonly object[]> {
    this.questions += 1;
    const table = { present: this.present, key: this.key, partitions_full: this.partitionsFull };
    if (statement.name === 'tidings type shapes') return Promise.resolve([]);
    return Promise.resolve(statement.name === 'tidings table' ? [table] : this.types);
  }
}

test('one flagged column says all, so nobody is asked', async () => {
  const catalogue = new Catalogue();
  assert.deepEqual(await catalogue.keyOf(message('d', ['a', 'b'], ['b'])), [1]);
  assert.deepEqual(await catalogue.keyOf(message('i', ['a', 'b'], ['a'])), [0]);
  assert.equal(catalogue.questions, 0);
});

test('several flagged columns get the primary key’s order', async () => {
  const catalogue = new Catalogue();
  catalogue.key = ['c', 'a'];
  assert.deepEqual(await catalogue.keyOf(message('d', ['a', 'b', 'c'], ['a', 'c'])), [2, 0]);
});

test('a primary key that is not what the server flagged is left aside', async () => {
  const catalogue = new Catalogue();
  for (const key of [['a'], ['a', 'b', 'c'], ['b', 'c'], ['gone', 'a']]) {
    catalogue.key = key;
    const relation = message('i', ['a', 'b', 'c'], ['a', 'c']);
    assert.deepEqual(await catalogue.keyOf(relation), [0, 2], key.join());
  }
});

test('with identity full it is the primary key, and none when there is none', async () => {
  const catalogue = new Catalogue();
  assert.deepEqual(await catalogue.keyOf(message('f', ['a', 'b'])), []);
  catalogue.key = ['b', 'a'];
  assert.deepEqual(await catalogue.keyOf(message('f', ['a', 'b'])), [1, 0]);
});

test('a table that was dropped since keeps its last known key, a key that was dropped not', async () => {
  const catalogue = new Catalogue();
  catalogue.key = ['b', 'a'];
  await catalogue.keyOf(message('f', ['a', 'b']));
  catalogue.key = null;
  assert.deepEqual(await catalogue.keyOf(message('f', ['x', 'a', 'b'])), []);
  catalogue.present = false;
  assert.deepEqual(await catalogue.keyOf(message('f', ['x', 'a', 'b'])), [2, 1]);
  assert.deepEqual(
    await catalogue.keyOf(message('f', ['x', 'b'])),
    [],
    'without one of its columns',
  );
});

test('old rows count as whole only when every partition says so', async () => {
  const catalogue = new Catalogue();
  const states: readonly (readonly [ReplicaIdentity, boolean | null, boolean, string])[] = [
    ['f', null, true, 'full'],
    ['f', true, true, 'full'],
    ['f', false, false, 'key'],
    ['d', true, false, 'key'],
    ['n', null, false, 'nothing'],
  ];
  for (const [identity, partitionsFull, whole, expected] of states) {
    catalogue.partitionsFull = partitionsFull;
    const flagged = identity === 'n' ? [] : ['a', 'b'];
    const description = await catalogue.describe(message(identity, ['a', 'b'], flagged));
    assert.equal(description.wholeOldRows, whole, `${identity} ${partitionsFull}`);
    assert.equal(description.definition.identity, expected);
  }
});

test('types that nobody knows keep their text, under the best name there is', async () => {
  const catalogue = new Catalogue();
  const relation = message('d', ['a', 'b', 'c', 'd'], ['a']);
  const types = [INTEGER, 70_000, 70_001, 4_000_000_000];
  const columns = relation.columns.map((column, index) => ({ ...column, type: types[index] ?? 0 }));
  // Oids beyond 2^31 come back as negative numbers.
  catalogue.types = [
    {
      place: 3,
      name: 's.mood',
      base: 4_000_000_000 | 0,
      array: false,
      typtype: 'e',
      typcategory: 'E',
    },
  ];
  const { definition } = await catalogue.describe(
    { ...relation, columns },
    new Map([[70_000, 's.gone']]),
  );
  assert.deepEqual(
    definition.columns.map(({ type, kind }) => [type, kind]),
    [
      ['integer', 'integer'],
      ['s.gone', 'other'],
      ['type 70001', 'other'],
      ['s.mood', 'text'],
    ],
  );
});
