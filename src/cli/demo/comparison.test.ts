import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareDirectories, compareHearing } from './comparison.ts';
import { type MailUser, owedTo, type WrittenChange } from './mail-accounts.ts';
import type { Told } from './told.ts';

const ann: MailUser = {
  dba: 1001,
  gid: 100,
  username: 'ann',
  domain: 'example.org',
  quota_bytes: 5,
  server: 'mail-1',
};
const larger: MailUser = { ...ann, quota_bytes: 6 };
const moved: MailUser = { ...larger, server: 'mail-2' };

const written: readonly WrittenChange[] = [
  { operation: 'insert', before: null, after: ann },
  { operation: 'update', before: ann, after: larger },
  { operation: 'update', before: larger, after: moved },
  { operation: 'update', before: moved, after: { ...moved } },
  { operation: 'delete', before: moved, after: null },
];

function told(operation: Told['operation'], row: MailUser, offset: number): Told {
  return {
    at: '2026-01-01T00:00:00.000Z',
    server: row.server,
    operation,
    done: '',
    account: {
      dba: String(row.dba),
      gid: String(row.gid),
      address: `${row.username}@${row.domain}`,
      quotaBytes: String(row.quota_bytes),
    },
    change: `main:${offset}:0`,
    offset,
    afterCommitMs: 1,
  };
}

const [inserted, grown, left] = [
  told('insert', ann, 0),
  told('update', larger, 1),
  told('update', moved, 2),
] as const;

test('each server is owed the changes of accounts that are or were its own', () => {
  assert.deepEqual(compareHearing('mail-1', owedTo('mail-1', written), [inserted, grown, left]), {
    server: 'mail-1',
    owed: 3,
    told: 3,
    missed: 0,
    unasked: 0,
    outOfOrder: 0,
    repeated: 0,
  });
  const second = compareHearing('mail-2', owedTo('mail-2', written), [
    left,
    told('delete', moved, 4),
  ]);
  assert.deepEqual([second.owed, second.missed, second.unasked], [2, 0, 0]);
});

test('a change that was not told is missed, one that nobody asked for is unasked', () => {
  const report = compareHearing('mail-1', owedTo('mail-1', written), [
    inserted,
    left,
    told('delete', moved, 4),
  ]);
  assert.deepEqual([report.missed, report.unasked, report.outOfOrder], [1, 1, 0]);
});

test('a later change of the same account before an earlier one is out of order', () => {
  const report = compareHearing('mail-1', owedTo('mail-1', written), [grown, inserted, left]);
  assert.deepEqual([report.missed, report.outOfOrder, report.repeated], [0, 1, 0]);
});

test('a repetition after a crash is neither new nor out of order', () => {
  const report = compareHearing('mail-1', owedTo('mail-1', written), [
    inserted,
    grown,
    inserted,
    grown,
    left,
  ]);
  assert.deepEqual([report.told, report.repeated, report.outOfOrder, report.missed], [3, 2, 0, 0]);
});

test('directories agree with the rows, or it is said how not', () => {
  const kept = { dba: '1001', gid: '100', address: 'ann@example.org', quotaBytes: '6' };
  assert.deepEqual(compareDirectories('mail-1', [larger], [kept]), {
    server: 'mail-1',
    accounts: 1,
    agreeing: 1,
    differences: [],
  });
  assert.match(compareDirectories('mail-1', [ann], [kept]).differences[0] ?? '', /"5".*not.*"6"/);
  assert.deepEqual(compareDirectories('mail-1', [larger], []).differences, [
    'mail-1: ann@example.org is not there',
  ]);
  assert.deepEqual(compareDirectories('mail-1', [], [kept]).differences, [
    'mail-1: account 1001 has no row',
  ]);
});
