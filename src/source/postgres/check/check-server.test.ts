import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEWEST } from '../../../../test/support/postgres.ts';
import { checkServer, checkTls, NEWEST_TESTED } from './check-server.ts';
import type { ServerSettings } from './check-settings.ts';
import { requireServer, type ServerFacts } from './server-facts.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';

const SETTINGS: ServerSettings = {
  maxSlots: 10,
  usedSlots: 0,
  maxSenders: 10,
  usedSenders: 0,
  slotWalLimit: 1024,
  senderTimeout: 60_000,
  tls: null,
};

const FACTS: ServerFacts = {
  version: 180_004,
  walLevel: 'logical',
  standby: false,
  role: 'tidings',
  database: 'shop',
  encoding: 'UTF8',
  databaseOid: 16_384,
  superuser: false,
  replication: true,
  mayCreate: true,
};

test('rows in the clear are a warning only where they cross a network', () => {
  const status = (host: string, tls: string | null): string =>
    checkTls(`postgresql://u@${host}/d`, { ...SETTINGS, tls }).status;
  assert.equal(status('127.0.0.1', null), 'ok');
  assert.equal(status('db.example', 'TLSv1.3'), 'ok');
  assert.equal(status('db.example', null), 'warning');
});

test('the newest version that counts as tested is the newest of the matrix', () => {
  assert.equal(NEWEST_TESTED, NEWEST);
});

test('versions: too old, tested, newer than tested', () => {
  const status = (version: number): string | undefined =>
    [...checkServer({ ...FACTS, version })].find((check) => check.name === 'version')?.status;
  assert.deepEqual([130_014, 140_000, 180_004, 190_000].map(status), [
    'failed',
    'ok',
    'ok',
    'warning',
  ]);
});

test('a standby cannot be captured', () => {
  const failed = [...checkServer({ ...FACTS, standby: true })].filter(
    (check) => check.status === 'failed',
  );
  assert.deepEqual(
    failed.map((check) => check.name),
    ['primary'],
  );
});

/** What is found about `wal_level`: by doctor, and at the start; null when it is enough. */
function walLevel(version: number, level: string): { fix: string | null; hint: string | null } {
  const facts = { ...FACTS, version, walLevel: level };
  const found = [...checkServer(facts)].find((check) => check.name === 'wal_level');
  assert.equal(found?.status, found?.sql === undefined ? 'ok' : 'failed');
  const fix = found?.sql ?? null;
  try {
    requireServer('main', facts);
    return { fix, hint: null };
  } catch (error) {
    assert.ok(isTidingsError(error, 'WAL_LEVEL'));
    assert.match(error.message, new RegExp(`wal_level = ${level}; capture needs`));
    return { fix, hint: error.hint };
  }
}

test('wal_level: logical before PostgreSQL 19, all but minimal since', () => {
  const asks = (version: number, level: string): readonly (string | undefined)[] => {
    const { fix, hint } = walLevel(version, level);
    return [fix, hint].map((text) => /SET wal_level = (\w+)/.exec(text ?? '')?.[1]);
  };
  const enough = [undefined, undefined];
  for (const version of [140_000, 180_006, 189_999]) {
    assert.deepEqual(asks(version, 'logical'), enough);
    assert.deepEqual(asks(version, 'replica'), ['logical', 'logical']);
    assert.deepEqual(asks(version, 'minimal'), ['logical', 'logical']);
  }
  for (const version of [190_000, 190_004, 200_001]) {
    assert.deepEqual(asks(version, 'logical'), enough);
    assert.deepEqual(asks(version, 'replica'), enough);
    assert.deepEqual(asks(version, 'minimal'), ['replica', 'replica']);
  }
});
