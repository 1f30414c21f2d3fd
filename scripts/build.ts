import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/** Emits the JavaScript of the published package: `npm run build`, also before `npm pack`. */
rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
