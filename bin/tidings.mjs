#!/usr/bin/env node
// The `tidings` command. In a checkout it runs the sources on the pinned Node.js, in the published
// package the emitted JavaScript on the Node.js that runs this file.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'src', 'cli', 'main.ts');
const main = existsSync(sources) ? sources : join(root, 'dist', 'cli', 'main.js');
const pinned = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

if (Number.parseInt(process.versions.node, 10) >= 24) {
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else if (existsSync(pinned)) {
  const { status, signal } = spawnSync(pinned, [main, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? (signal === 'SIGINT' ? 130 : 1);
} else {
  process.stderr.write(
    `error NODE_TOO_OLD: Tidings needs Node.js 24 or newer; this is ${process.versions.node}.\n→ Install a newer one from https://nodejs.org, or run it with: npx -p node@24 -p tidings tidings\n`,
  );
  process.exitCode = 1;
}
