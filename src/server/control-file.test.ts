import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import {
  controlFile,
  readControlFile,
  removeControlFile,
  writeControlFile,
} from './control-file.ts';

const CONTROL = { url: 'http://127.0.0.1:7070', token: 'secret', pid: 17 };

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-control-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('its owner alone can read it, and nothing else is left', () => {
  writeControlFile(directory, CONTROL);
  assert.equal(statSync(controlFile(directory)).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(directory), ['control.json']);
  assert.deepEqual(readControlFile(directory), CONTROL);
  removeControlFile(directory);
  removeControlFile(directory);
  assert.equal(readControlFile(directory), null);
});

test('one that a killed service left is replaced, with its rights', () => {
  writeFileSync(controlFile(directory), JSON.stringify({ ...CONTROL, token: 'stale' }));
  chmodSync(controlFile(directory), 0o644);
  writeControlFile(directory, CONTROL);
  assert.equal(statSync(controlFile(directory)).mode & 0o777, 0o600);
  assert.equal(readControlFile(directory)?.token, 'secret');
});

test('what is no control file is as good as none', () => {
  for (const text of ['', '{', '[]', 'null', '{"url":"x"}', '{"url":1,"token":"a","pid":1}']) {
    writeFileSync(controlFile(directory), text);
    assert.equal(readControlFile(directory), null, text);
  }
});

test('a directory that is not there is an error with a code', () => {
  assert.throws(
    () => writeControlFile(join(directory, 'none'), CONTROL),
    (error) => isTidingsError(error, 'CONTROL_FILE_FAILED') && !/secret/.test(error.message),
  );
});
