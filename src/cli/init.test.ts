import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, json, tidings, URL } from '../../test/support/fake-application.ts';
import { loadConfig } from '../config/load-config.ts';

test('init: a file that loads as it stands, and the next step', async () => {
  const cwd = mkdtempSync(join(directory, 'init-'));
  const { code, out } = await tidings(
    'tidings init --tables shop.* --tables !shop.audit',
    {},
    { cwd, env: {} },
  );
  assert.equal(code, 0);
  assert.equal(
    out,
    'Wrote tidings.config.ts. Next:\n  export DATABASE_URL=postgresql://user:password@host:5432/database\n  tidings doctor\n  tidings start\n',
  );
  const text = readFileSync(join(cwd, 'tidings.config.ts'), 'utf8');
  assert.match(
    text,
    /main: \{ url: process\.env\.DATABASE_URL, tables: \['shop\.\*', '!shop\.audit'\] \}/,
  );
  const again = await tidings('tidings init', {}, { cwd });
  assert.equal(again.code, 2);
  assert.match(again.err, /^error FILE_EXISTS: There is already a file tidings\.config\.ts\./);
  assert.equal((await tidings('tidings init --force', {}, { cwd })).code, 0);
});

test('init: an address in the file is for its owner only, and is not shown', async () => {
  const cwd = mkdtempSync(join(directory, 'init-'));
  const { out } = await tidings(
    `tidings init --config conf/t.json --url ${URL} --json`,
    {},
    { cwd },
  );
  const file = join(cwd, 'conf/t.json');
  assert.deepEqual(json(out), {
    file,
    url: 'postgresql://ann:***@db.example/shop',
    tables: ['public.*'],
  });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { config } = await loadConfig({ cwd, env: {}, path: file });
  assert.equal(config.sources['main']?.url, URL);
});

test('init: asks on a terminal, and refuses what would not work', async () => {
  const cwd = mkdtempSync(join(directory, 'init-'));
  const answers = [URL, 'public.*, !public.audit'];
  const asked = await tidings('tidings init --config a.json', {}, { cwd, terminal: true, answers });
  assert.equal(asked.code, 0);
  const written = JSON.parse(readFileSync(join(cwd, 'a.json'), 'utf8')) as { $schema: string };
  assert.equal(written.$schema, './node_modules/tidings/docs/reference/config.schema.json');
  const { config } = await loadConfig({ cwd, env: {}, path: 'a.json' });
  assert.deepEqual(config.sources['main'], {
    url: URL,
    capture: 'wal',
    tables: ['public.*', '!public.audit'],
  });
  const badUrl = await tidings('tidings init --config b.json --url http://x', {}, { cwd });
  assert.equal(badUrl.code, 64);
  assert.match(badUrl.err, /^error CONFIG_INVALID: --url: sources\.main\.url begins with http:/);
  const badTable = await tidings('tidings init --config b.json --tables orders', {}, { cwd });
  assert.equal(badTable.code, 64);
  assert.match(badTable.err, /^error TABLE_PATTERN_INVALID: /);
  assert.ok(!existsSync(join(cwd, 'b.json')));
});

test('init: what it writes loads, by every ending, in the package that `npm init -y` makes', async () => {
  for (const ending of ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json']) {
    const cwd = mkdtempSync(join(directory, 'init-'));
    writeFileSync(join(cwd, 'package.json'), '{"name": "shop", "type": "commonjs"}');
    const path = `tidings.config.${ending}`;
    assert.equal((await tidings(`tidings init --config ${path}`, {}, { cwd })).code, 0);
    const { config, file } = await loadConfig({ cwd, env: { DATABASE_URL: URL } });
    assert.equal(file, join(cwd, path));
    assert.deepEqual(config.sources['main']?.tables, ['public.*'], ending);
  }
});
