import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { DemoDirectory, runningDemoUrl } from './demo-directory.ts';

let parent: string;
let path: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'tidings-demo-directory-'));
  path = join(parent, 'demo');
});
afterEach(() => rmSync(parent, { recursive: true }));

test('a directory with files that no demo made is refused and left alone', () => {
  writeFileSync(join(parent, 'thesis.txt'), 'precious');
  assert.throws(
    () => DemoDirectory.open(parent),
    (error) => isTidingsError(error, 'DEMO_DIRECTORY_TAKEN'),
  );
  assert.deepEqual(readdirSync(parent), ['thesis.txt']);
});

test('another program’s demo.json is no sign of a demo', () => {
  writeFileSync(join(parent, 'demo.json'), 'not json');
  assert.throws(
    () => DemoDirectory.open(parent),
    (error) => isTidingsError(error, 'DEMO_DIRECTORY_TAKEN'),
  );
});

test('two demos do not share a directory', () => {
  using _first = DemoDirectory.open(path);
  assert.throws(
    () => DemoDirectory.open(path),
    (error) => isTidingsError(error, 'DATA_LOCKED'),
  );
});

test('what an earlier demo left is removed before the next one begins', async () => {
  {
    using first = DemoDirectory.open(path);
    writeFileSync(join(first.path, 'left'), '');
  }
  using second = DemoDirectory.open(path);
  await second.clear();
  assert.equal(existsSync(join(second.path, 'left')), false);
});

test('the address of a running demo is found by its directory, and only while it runs', () => {
  const notRunning = (error: unknown): boolean => isTidingsError(error, 'DEMO_NOT_RUNNING');
  assert.throws(() => runningDemoUrl(path), notRunning);
  {
    using demo = DemoDirectory.open(path);
    assert.throws(() => runningDemoUrl(path), notRunning);
    demo.announce('postgresql://demo');
    assert.equal(runningDemoUrl(path), 'postgresql://demo');
  }
  assert.throws(() => runningDemoUrl(path), notRunning);
});

test('removing it also removes an empty .tidings above it, and nothing else', async () => {
  const inTidings = join(parent, '.tidings', 'demo');
  await DemoDirectory.open(inTidings).remove();
  assert.deepEqual(readdirSync(parent), []);
  using _demo = DemoDirectory.open(inTidings);
  writeFileSync(join(parent, '.tidings', 'log'), '');
  await DemoDirectory.open(join(parent, '.tidings', 'other')).remove();
  assert.deepEqual(readdirSync(join(parent, '.tidings')), ['demo', 'log']);
});
