/**
 * Memory and CPU of `tidings start` with nothing to do: 1 source, 10 subscriptions. Read from /proc,
 * so Linux only. The floor is a bare Node.js that waits on a timer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../src/util/sleep.ts';
import { openBenchDatabase } from './lib/database.ts';
import type { Benchmark } from './lib/report.ts';

/** Linux counts CPU time in hundredths of a second (USER_HZ), on every architecture we run on. */
const TICKS_PER_SECOND = 100;

interface Idle {
  readonly megabytes: number;
  readonly cpuPercent: number;
}

export const benchmark: Benchmark = {
  description: 'memory and CPU of `tidings start` with nothing to do; floor: bare Node.js',
  async run({ smoke }) {
    const seconds = smoke ? 2 : 60;
    await using database = await openBenchDatabase();
    await database.client.query('CREATE TABLE public.accounts (id int PRIMARY KEY)');
    const handler = join(database.directory, 'handler.mjs');
    writeFileSync(handler, 'export default { insert() {} };\n');
    const config = join(database.directory, 'tidings.config.json');
    const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
    writeFileSync(
      config,
      JSON.stringify({
        dataDir: join(database.directory, 'data'),
        sources: { main: { url: database.url, tables: ['public.*'] } },
        subscriptions: Object.fromEntries(
          names.map((name) => [
            name,
            { source: 'main', tables: ['public.accounts'], to: { handler } },
          ]),
        ),
      }),
    );
    // Once before, for the compile cache: a checkout's very first start removes types from the sources,
    // and keeps the 20 MB that this needs. The published package has no types to remove.
    await measureIdle(['bin/tidings.mjs', 'start', '--config', config], 0);
    const tidings = await measureIdle(['bin/tidings.mjs', 'start', '--config', config], seconds);
    const floor = await measureIdle(['-e', 'setInterval(() => {}, 60_000)'], seconds);
    return {
      benchmark: 'idle',
      load: `nothing for ${seconds} s; 1 source, 10 subscriptions`,
      notes: ['resident memory at the end, without the database server'],
      figures: [
        { name: 'tidings start, memory', value: tidings.megabytes, unit: 'MB' },
        { name: 'tidings start, CPU of one core', value: tidings.cpuPercent, unit: '%' },
      ],
      floor: [
        { name: 'bare Node.js, memory', value: floor.megabytes, unit: 'MB' },
        { name: 'bare Node.js, CPU of one core', value: floor.cpuPercent, unit: '%' },
      ],
      ratios: [
        {
          name: 'memory against the floor',
          value: tidings.megabytes / floor.megabytes,
          goal: 'none stated',
          reached: true,
        },
        {
          name: 'MB',
          value: tidings.megabytes,
          goal: 'under 100',
          reached: tidings.megabytes < 100,
        },
        {
          name: '% of a core',
          value: tidings.cpuPercent,
          goal: 'under 0.5',
          reached: tidings.cpuPercent < 0.5,
        },
      ],
    };
  },
};

async function measureIdle(args: readonly string[], seconds: number): Promise<Idle> {
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  // Starting is not idling: the measure begins when the process has settled.
  await sleep(5_000);
  const before = cpuTicks(child);
  await sleep(seconds * 1_000);
  const ticks = cpuTicks(child) - before;
  const megabytes = (Number(/VmRSS:\s+(\d+)/.exec(proc(child, 'status'))?.[1]) * 1024) / 1e6;
  child.kill('SIGTERM');
  await once(child, 'exit');
  return { megabytes, cpuPercent: (ticks / TICKS_PER_SECOND / seconds) * 100 };
}

/** User and system time: fields 14 and 15 of proc(5)'s stat, counted after the command's name. */
function cpuTicks(child: ChildProcess): number {
  const fields = proc(child, 'stat').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

function proc(child: ChildProcess, file: string): string {
  return readFileSync(`/proc/${String(child.pid)}/${file}`, 'utf8');
}
