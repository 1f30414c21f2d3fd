import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Account, MailDirectories } from '../../examples/mail-server/mail-directories.ts';

const ann: Account = { dba: '1001', gid: '100', address: 'ann@example.org', quotaBytes: '5' };

let root: string;
let directories: MailDirectories;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidings-mail-'));
  directories = new MailDirectories(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('an account is a maildir with a quota, and keeping it again loses no mail', async () => {
  assert.equal(await directories.keep(ann), 'made');
  writeFileSync(join(root, '1001', 'Maildir', 'new', 'letter'), 'Dear Ann');
  assert.equal(await directories.keep({ ...ann, quotaBytes: '6' }), 'quota set');
  assert.deepEqual(readdirSync(join(root, '1001')).sort(), ['Maildir', 'quota']);
  assert.deepEqual(readdirSync(join(root, '1001', 'Maildir')).sort(), ['cur', 'new', 'tmp']);
  assert.deepEqual(readdirSync(join(root, '1001', 'Maildir', 'new')), ['letter']);
  assert.deepEqual(JSON.parse(readFileSync(join(root, '1001', 'quota'), 'utf8')), {
    address: 'ann@example.org',
    gid: '100',
    quota_bytes: '6',
  });
});

test('removing may be repeated', async () => {
  await directories.keep(ann);
  await directories.remove('1001');
  await directories.remove('1001');
  assert.deepEqual(readdirSync(root), []);
});

test('all accounts are removed at once', async () => {
  await directories.keep(ann);
  await directories.keep({ ...ann, dba: '1002' });
  await directories.removeAll();
  await directories.removeAll();
  assert.equal(existsSync(root), false);
});

test('an account that gets another number keeps its mail, also when that is repeated', async () => {
  await directories.keep(ann);
  writeFileSync(join(root, '1001', 'Maildir', 'new', 'letter'), 'Dear Ann');
  await directories.renumber('1001', '1002');
  await directories.renumber('1001', '1002');
  assert.deepEqual(readdirSync(root), ['1002']);
  assert.deepEqual(readdirSync(join(root, '1002', 'Maildir', 'new')), ['letter']);
});

test('a number that is a path leads nowhere', async () => {
  await assert.rejects(directories.remove('..'), /no account number/);
  await assert.rejects(directories.keep({ ...ann, dba: '../1001' }), /no account number/);
});
