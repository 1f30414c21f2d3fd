import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogLocation, testLogContract } from '../log.contract.ts';
import { testForksContract } from '../log-forks.contract.ts';
import { testMarksContract } from '../log-marks.contract.ts';
import { openSqliteLog } from './sqlite-log.ts';

for (const [name, sizes] of [
  ['sqlite', {}],
  // The smallest sizes: a segment per flush, and every transaction of a few rows is a large one.
  ['sqlite with tiny segments', { segmentBytes: 1 }],
  ['sqlite with tiny memory', { segmentBytes: 200_000, memoryBytes: 70_000 }],
] as const) {
  const locate = async (): Promise<LogLocation> => {
    const directory = await mkdtemp(join(tmpdir(), 'tidings-log-'));
    return {
      open: () => openSqliteLog({ directory, source: 'main', ...sizes }),
      [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
    };
  };
  testLogContract(name, locate);
  testMarksContract(name, locate);
  testForksContract(name, locate);
}
