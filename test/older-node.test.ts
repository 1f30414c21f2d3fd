/** What somebody with an older Node.js sees of the installed package, and the way on from there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

/** A Node.js on the path that is older than 24; undefined when there is none. */
function olderNode(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders
    .map((folder) => join(folder, 'node'))
    .filter((file) => existsSync(file))
    .find((file) => {
      const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
      return Number.parseInt(stdout.slice(1), 10) < 24;
    });
}

test('an older Node.js gets one sentence and the way on, which works', (context) => {
  const node = olderNode();
  if (node === undefined) return context.skip('every Node.js on the path is new enough');
  const modules = join(mkdtempSync(join(tmpdir(), 'tidings-older-')), 'node_modules');
  try {
    const installed = join(modules, 'tidings');
    mkdirSync(join(installed, 'bin'), { recursive: true });
    mkdirSync(join(installed, 'dist/cli'), { recursive: true });
    copyFileSync(join(root, 'bin/tidings.mjs'), join(installed, 'bin/tidings.mjs'));
    writeFileSync(join(installed, 'package.json'), '{"type": "module"}');
    writeFileSync(
      join(installed, 'dist/cli/main.js'),
      'console.log(process.version, ...process.argv.slice(2));',
    );
    const tidings = (): ReturnType<typeof spawnSync> =>
      spawnSync(node, [join(installed, 'bin/tidings.mjs'), 'doctor'], { encoding: 'utf8' });
    const refused = tidings();
    assert.equal(refused.status, 1);
    assert.match(
      String(refused.stderr),
      /^error NODE_TOO_OLD: Tidings needs Node\.js 24 or newer, and this is \d+\.\d+\.\d+\.\n→ npm install node@24 [^\n]*\n$/,
    );
    // What `npm install node@24` makes.
    symlinkSync(join(root, 'node_modules/node'), join(modules, 'node'));
    const { status, stdout, stderr } = tidings();
    assert.equal(status, 0, String(stderr));
    assert.match(String(stdout), /^v24\.\S+ doctor\n$/);
  } finally {
    rmSync(join(modules, '..'), { recursive: true });
  }
});
