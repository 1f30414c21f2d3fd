import { spawnSync } from 'node:child_process';

/** Everything that can be checked without a server: `npm run verify`. */
const CHECKS: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['format', 'oxfmt', ['--check', '.']],
  ['lint', 'oxlint', ['--type-aware', 'src', 'test', 'bench', 'examples', 'scripts', 'bin']],
  ['types', 'tsc', ['-p', '.']],
  ['architecture', process.execPath, ['--test', 'test/architecture.test.ts']],
  ['generated docs', process.execPath, ['scripts/docs.ts', '--check']],
];

let failed = 0;
for (const [name, command, args] of CHECKS) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds} s\n`);
  if (status === 0) continue;
  failed += 1;
  process.stdout.write(`${stdout}${stderr}\n`);
}
process.stdout.write(`${CHECKS.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
