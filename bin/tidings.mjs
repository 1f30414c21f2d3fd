#!/usr/bin/env node
// The `tidings` command. In a checkout it runs the sources on the pinned Node.js, in the published
// package the emitted JavaScript on the Node.js that runs this file.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
// As a whole: older versions have no `enableCompileCache`, and are told so below.
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'src', 'cli', 'main.ts');
const main = existsSync(sources) ? sources : join(root, 'dist', 'cli', 'main.js');

/** A Node.js that npm installed: the pinned one of a checkout, or the project's own. */
function installedNode() {
  const executable = join('bin', process.platform === 'win32' ? 'node.exe' : 'node');
  return [join(root, 'node_modules', 'node'), join(dirname(root), 'node')]
    .filter((folder) => existsSync(join(folder, executable)))
    .filter((folder) => isNewEnough(readVersion(folder)))
    .map((folder) => join(folder, executable))[0];
}

function readVersion(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
}

function isNewEnough(version) {
  return Number.parseInt(version, 10) >= 24;
}

const installed = isNewEnough(process.versions.node) ? undefined : installedNode();

if (isNewEnough(process.versions.node)) {
  // Before anything else is loaded: what is in the cache needs no compiler, and sources no removal
  // of their types, which would keep another 20 MB for as long as the service runs.
  module.enableCompileCache();
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else if (installed !== undefined) {
  const child = spawn(installed, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C in a terminal reaches the child by itself; a signal sent to us alone is passed on.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('error', (error) => {
    process.stderr.write(`${error}\n`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1);
  });
} else {
  process.stderr.write(
    `error NODE_TOO_OLD: Tidings needs Node.js 24 or newer, and this is ${process.versions.node}.\n→ npm install node@24 gives this project one of its own, which npx tidings then runs on; or install a newer one from https://nodejs.org.\n`,
  );
  process.exitCode = 1;
}
