#!/usr/bin/env node
/**
 * Runs one of the project's tasks: `node scripts/run.mjs TASK [arguments]`.
 *
 * Plain JavaScript without dependencies, because it is what runs first on a fresh machine, on
 * whatever Node.js from 20 on is there. It installs what is missing and then hands over to the
 * Node.js that the project pins. (An npm script of two commands would not do: the shell remembers
 * where it found `node` the first time.)
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const pinned = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

/** What each task runs on the pinned Node.js. */
const TASKS = {
  demo: ['bin/tidings.mjs', 'demo'],
  start: ['bin/tidings.mjs', 'start'],
  test: ['scripts/test.ts'],
  bench: ['bench/run.ts'],
  verify: ['scripts/verify.ts'],
  docs: ['scripts/docs.ts'],
  format: ['scripts/format.ts'],
  build: ['scripts/build.ts'],
};

/**
 * Whether what npm wrote down at the end of its last installation is what the lock file wants. That
 * is so after any `npm ci` or `npm install`, also one that somebody ran by hand.
 */
function isInstalled(folder) {
  const installed = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const there = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  const fits = (allowed, mine) => allowed === undefined || allowed.includes(mine);
  return Object.entries(wanted).every(
    ([path, { version, os, cpu, libc, link }]) =>
      path === '' ||
      link === true ||
      libc !== undefined ||
      !fits(os, process.platform) ||
      !fits(cpu, process.arch) ||
      there[path]?.version === version,
  );
}

/** Installs a folder's packages when they are missing or their lock file has changed. */
async function install(folder, what) {
  if (isInstalled(folder)) return;
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  process.stderr.write(`Installing ${what} …`);
  const ticker = process.stderr.isTTY
    ? setInterval(() => process.stderr.write(`\rInstalling ${what} … ${seconds()}`), 1000)
    : setInterval(() => process.stderr.write('.'), 5000);
  const { code, output } = await npm(folder);
  clearInterval(ticker);
  if (code !== 0) {
    process.stderr.write(
      ` failed\n${output}\nSet-up failed: \`npm ci\` in ${folder} ended with code ${code}.\n`,
    );
    process.exit(1);
  }
  process.stderr.write(
    `${process.stderr.isTTY ? `\rInstalling ${what} … ` : ' '}done in ${seconds()}\n`,
  );
}

function npm(folder) {
  const command = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const child = spawn(command, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
    // Settings of the npm that started us (such as --omit or a prefix) are not meant for this one.
    env: Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_(?!config_(registry|cache|userconfig))/i.test(name),
      ),
    ),
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 1, output: String(error) }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

function checkPinned() {
  const { status } = spawnSync(pinned, ['--version'], { stdio: 'ignore' });
  if (status === 0) return;
  process.stderr.write(
    `The pinned Node.js (${pinned}) does not run. Remove node_modules and try again; if npm blocks install scripts, allow the one of the package "node".\n`,
  );
  process.exit(1);
}

function run(task, args) {
  const child = spawn(pinned, [...TASKS[task], ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
  });
  // Ctrl-C in a terminal reaches the child by itself; we only have to outlive it. A signal sent to
  // us alone is passed on.
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
}

const [task = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(TASKS, task)) {
  process.stderr.write(`Usage: node scripts/run.mjs ${Object.keys(TASKS).join('|')} [arguments]\n`);
  process.exitCode = 64;
} else {
  await install(root, 'dependencies');
  checkPinned();
  // Only the tests need older servers: the demo is not kept waiting for them.
  if (task === 'test') {
    await install(join(root, 'test', 'servers'), 'PostgreSQL 14 to 17 for the tests');
    await install(join(root, 'test', 'package-managers'), 'pnpm and Yarn for the tests');
  }
  // Job queues for comparison; without them, or in a short run, the benchmark leaves them out.
  const compares = args.includes('webhook') || args.includes('all');
  if (task === 'bench' && compares && !args.includes('--smoke'))
    await install(join(root, 'bench', 'peers'), 'pg-boss and graphile-worker for comparison');
  run(task, args);
}
