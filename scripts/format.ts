import { spawnSync } from 'node:child_process';

/** Formats the whole tree: `npm run format`. */
const { status } = spawnSync('oxfmt', ['.'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
