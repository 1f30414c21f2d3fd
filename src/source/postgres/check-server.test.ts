import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkServer, checkTls } from './check-server.ts';
import type { ServerSettings } from './check-settings.ts';
import type { ServerFacts } from './server-facts.ts';

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
