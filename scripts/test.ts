import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Major,
  MAJORS,
  NEWEST,
  sharedServerVariable,
  startTestServer,
} from '../test/support/postgres.ts';
import { runInGroup } from './lib/process-group.ts';
import { findTestFiles } from './lib/test-files.ts';

/**
 * Files run beside each other. Most of their time they wait: for disks, pauses and processes that
 * start. At a load of 15 on two cores the tests took 2.4 times as long as alone: two more files cost less
 * than they gain.
 */
const CONCURRENCY = 2 * availableParallelism() + 1;

/**
 * `npm test [-- PATH…]`: all tests, or those of the named files and folders, on PostgreSQL servers
 * that are started here and shared. Older majors are started only when a test file wants them.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: 'string', default: String(CONCURRENCY) },
    only: { type: 'string' },
  },
});

/** Every test file is a process, and some start dozens: each would strip and compile the same sources. */
const NODE_COMPILE_CACHE = resolve('node_modules', '.cache', 'compile');

const files = findTestFiles('.', positionals);
if (files.length === 0) {
  process.stderr.write(`No test file under ${positionals.join(', ')}\n`);
  process.exitCode = 64;
} else {
  process.exitCode = await runTests();
}

async function runTests(): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupted.abort(signal));
  }
  await using servers = new AsyncDisposableStack();
  const urls = await startServers(servers);
  if (interrupted.signal.aborted) return 130;
  const code = await runInGroup([process.execPath, ...testArguments()], {
    env: { NODE_COMPILE_CACHE, ...process.env, ...urls },
    signal: interrupted.signal,
  });
  return code ?? 1;
}

function testArguments(): string[] {
  return [
    '--test',
    '--test-reporter=spec',
    // Also for a file as a whole: one that never ends is a failure, not a wait.
    '--test-timeout=300000',
    `--test-concurrency=${values.concurrency}`,
    ...(values.only === undefined ? [] : [`--test-name-pattern=${values.only}`]),
    ...files,
  ];
}

/** Starts the servers, and returns the variables by which test files find them. */
async function startServers(servers: AsyncDisposableStack): Promise<Record<string, string>> {
  const urls: Record<string, string> = {};
  const start = async (major: Major): Promise<void> => {
    const server = servers.use(await startTestServer(major));
    urls[sharedServerVariable(major)] = server.url;
  };
  const old = files.some((file) => /\bMAJORS\b/.test(readFileSync(file, 'utf8')));
  await Promise.all((old ? MAJORS : [NEWEST]).map(start));
  return urls;
}
