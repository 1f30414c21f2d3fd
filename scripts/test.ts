import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { NEWEST, sharedServerVariable, startTestServer } from '../test/postgres.ts';

/**
 * `npm test [-- PATH…]`: all tests, or those of the named files and folders, on one PostgreSQL that
 * is started here and shared. Older majors are started by the few files that need them.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { concurrency: { type: 'string', default: '2' }, only: { type: 'string' } },
});

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'])
  .filter((file) => positionals.length === 0 || positionals.some((path) => file.startsWith(path)))
  .sort();
if (files.length === 0) {
  process.stderr.write(`No test file under ${positionals.join(', ')}\n`);
  process.exitCode = 64;
} else {
  process.exitCode = await runTests();
}

async function runTests(): Promise<number> {
  await using server = await startTestServer();
  const child = spawn(
    process.execPath,
    [
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${values.concurrency}`,
      ...(values.only === undefined ? [] : [`--test-name-pattern=${values.only}`]),
      ...files,
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, [sharedServerVariable(NEWEST)]: server.url },
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
