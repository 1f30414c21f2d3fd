import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { CommandLines } from './command-line.ts';
import { holdLines } from './hold-lines.ts';

const COMMANDS = new CommandLines(new Command('tidings'), {});

test('who holds a log is said with the command for each kind of holder', () => {
  assert.deepEqual(holdLines(null, COMMANDS), []);
  const kept = { records: 7, bytes: 700_000 };
  const holder = { since: null, kept: null };
  const holders = [
    { ...holder, subscription: 'crm', why: 'kept', offset: 3, kept },
    { ...holder, subscription: 'it', why: 'kept', offset: 3, kept: { records: 1, bytes: 2e9 } },
    { ...holder, subscription: 'shop', why: 'cursor', offset: 9 },
  ] as const;
  assert.deepEqual(holdLines({ wanted: 12, bytes: 900_000, holders }, COMMANDS), [
    '900 kB of the log could go, but for:',
    'crm, which has 7 records (0.7 MB) kept aside for deliveries that wait or are parked, from offset 3 on',
    'it, which has 1 record (2.00 GB) kept aside for deliveries that wait or are parked, from offset 3 on',
    'shop, which has not read on from offset 9',
    '→ tidings deliveries crm',
    '→ tidings subscriptions show shop',
  ]);
});
