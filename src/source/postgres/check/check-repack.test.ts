import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import type { CapturedTable } from '../setup/captured-tables.ts';
import { checkRepack } from './check-repack.ts';
import type { ServerSettings } from './check-settings.ts';
import { type Publication, publicationsSql } from '../setup/publication.ts';
import type { ServerFacts } from './server-facts.ts';

const TABLE: CapturedTable = {
  oid: '1',
  schema: 'public',
  name: 'a',
  partitioned: false,
  owner: 'tidings',
  ownerIsSuperuser: false,
  owned: true,
  full: true,
  partlyFull: false,
  virtual: false,
  wantedInAll: true,
  wantedInInsertOnly: false,
  isInAll: true,
  isInInsertOnly: false,
  filtered: false,
  narrowed: false,
};

function found(version: number, slotWalLimit: number, full: boolean): readonly string[] {
  const facts = { version } as ServerFacts;
  const settings = { slotWalLimit } as ServerSettings;
  const tables = [
    { ...TABLE, full },
    { ...TABLE, name: 'b', full: false },
  ];
  return [...checkRepack(facts, settings, tables)].map(({ message }) => message);
}

test('REPACK (CONCURRENTLY) is spoken of where it is, and where it and capture meet', () => {
  assert.deepEqual(found(180_006, 64, true), []);
  const [refused = '', cost = '', ...rest] = found(190_000, 64, true);
  assert.deepEqual(rest, []);
  assert.match(
    refused,
    /refuses tables with REPLICA IDENTITY FULL, which undo needs: public\.a\. /,
  );
  assert.match(cost, /can cost a slot.*64 MB; above three times the largest table/);
});

test('so it is where neither a bound is set nor a table is FULL: doctor advises both', () => {
  const [refused = '', cost = '', ...rest] = found(190_000, -1, false);
  assert.deepEqual(rest, []);
  assert.match(
    refused,
    /refuses tables with REPLICA IDENTITY FULL, which undo needs; none has it\. /,
  );
  assert.match(cost, /a bound has to be above three times the largest table that you repack\./);
  assert.deepEqual(found(190_001, 0, true)[0], found(190_001, -1, true)[0]);
  assert.match(found(190_001, 0, false)[1] ?? '', /may hold back 0 MB; above three times/);
});

test('the figures of the guide are those of doctor', () => {
  const guide = readFileSync(
    new URL('../../../../docs/guide/postgresql.md', import.meta.url),
    'utf8',
  );
  const [, cost = ''] = found(190_000, -1, false);
  for (const figure of ['about twice', 'above three times']) {
    assert.ok(cost.includes(figure), cost);
    assert.match(guide, new RegExp(`REPACK.*${figure}`), figure);
  }
});

test('a publication for all tables, or for all sequences, is refused with what it was made for', () => {
  const publication: Publication = {
    name: 'tidings_main',
    allTables: false,
    allSequences: false,
    owned: true,
    correct: true,
    lacking: [],
    lackingSince: [],
    schemas: [],
  };
  const refusal = (made: Partial<Publication>): string => {
    try {
      publicationsSql('main', { all: { ...publication, ...made }, insertOnly: null }, 190_000);
    } catch (error) {
      assert.ok(isTidingsError(error, 'PUBLICATION_UNSUITABLE'));
      assert.match(error.hint, /`DROP PUBLICATION "tidings_main";`/);
      return error.message;
    }
    return assert.fail('it was not refused');
  };
  assert.match(refusal({ allSequences: true }), /FOR ALL SEQUENCES; it takes no single tables/);
  assert.match(refusal({ allTables: true }), /FOR ALL TABLES; that would make updates/);
  assert.match(refusal({ allTables: true, allSequences: true }), /FOR ALL TABLES/);
});
