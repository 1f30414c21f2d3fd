import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/**
 * Emits the JavaScript of the published package: `npm run build`, also before `npm pack`. The
 * examples come along because `tidings demo` runs one of them.
 */
rmSync('dist', { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.examples.json']) {
  const { status } = spawnSync('tsc', ['-p', project], { stdio: 'inherit' });
  if (status !== 0) {
    process.exitCode = status ?? 1;
    break;
  }
}
