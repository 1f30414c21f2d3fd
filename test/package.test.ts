/** The packed package, installed elsewhere: the command and the library work from it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** npm, and nothing of the npm that may have started the tests. */
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('npm_package')),
  ),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
};

test('npx tidings in the checkout', { timeout: 60_000 }, async () => {
  const { stdout } = await run('npx', ['tidings', '--version'], { cwd: root, env });
  assert.match(stdout, /^\d+\.\d+\.\d+/);
});

test('the tarball, installed elsewhere', { timeout: 180_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-package-'));
  const { stdout: packed } = await run('npm', ['pack', '--pack-destination', directory, '--json'], {
    cwd: root,
    env,
  });
  const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ];
  const paths = files.map(({ path }) => path);
  assert.ok(
    paths.includes('bin/tidings.mjs') &&
      paths.includes('dist/index.js') &&
      paths.includes('dist/index.d.ts'),
  );
  assert.deepEqual(
    paths.filter((path) => /\.test\.|\.contract\.|\.bench\./.test(path)),
    [],
    'tests are not published',
  );

  writeFileSync(join(directory, 'package.json'), '{"name":"user","private":true,"type":"module"}');
  await run('npm', ['install', '--omit=optional', '--no-audit', '--no-fund', `./${filename}`], {
    cwd: directory,
    env,
  });
  const { stdout: version } = await run('npx', ['tidings', '--version'], { cwd: directory, env });
  assert.match(version, /^\d+\.\d+\.\d+/);
  const { stdout: help } = await run('npx', ['tidings', 'start', '--help'], {
    cwd: directory,
    env,
  });
  assert.match(help, /tidings start/);

  writeFileSync(
    join(directory, 'use.mjs'),
    `import { createTidings, defineConfig } from 'tidings';
     console.log(typeof createTidings, typeof defineConfig);`,
  );
  const { stdout: used } = await run(process.execPath, ['use.mjs'], { cwd: directory, env });
  assert.equal(used.trim(), 'function function');
  rmSync(directory, { recursive: true });
});
