import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FindQuery, Looking } from '../src/app/looking/looking.ts';
import { openLooking } from '../src/app/looking/open-looking.ts';
import { makeBusyLog } from './lib/busy-log.ts';
import type { Benchmark, Figure, Report } from './lib/report.ts';

/** The log is on disk and nobody connects. */
const SOURCES = { main: { url: 'postgresql://nobody@localhost/none', tables: ['public.*'] } };

/** Searches that an index answers: each has to take less than a second. */
const SELECTIVE: readonly (readonly [name: string, query: FindQuery])[] = [
  ['find --min-rows 100', { minChanges: 100 }],
  ['find --actor', { actor: 'ann' }],
  ['find --table, hardly used', { tables: ['rare'] }],
  ['find --table --key', { tables: ['account'], key: '7' }],
  ['find, the newest 20', {}],
];

/** Searches that have to read. */
const READING: readonly (readonly [name: string, query: FindQuery])[] = [
  ['find --operation, all read', { operations: ['delete'] }],
  ['find --before, all read', { before: ['email=user123456@example.com'], limit: 1000 }],
];

/** Looking things up in a large log, each time from the start: opening it is part of the answer. */
export const benchmark: Benchmark = {
  description: 'Finding transactions and rows in a large log',
  async run({ smoke }) {
    const changes = smoke ? 30_000 : 5_000_000;
    const dataDir = mkdtempSync(join(tmpdir(), 'tidings-bench-looking-'));
    try {
      const directory = join(dataDir, 'log', 'main');
      await makeBusyLog(directory, changes);
      const floor = await seconds(() => Promise.resolve(readAll(directory)));
      const selective: Figure[] = [];
      for (const [name, query] of SELECTIVE) selective.push(await time(dataDir, name, find(query)));
      selective.push(await time(dataDir, 'history', history));
      const reading: Figure[] = [];
      for (const [name, query] of READING) reading.push(await time(dataDir, name, find(query)));
      return report({ changes, selective, reading, floor });
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};

interface Measured {
  readonly changes: number;
  readonly selective: readonly Figure[];
  readonly reading: readonly Figure[];
  readonly floor: number;
}

function report({ changes, selective, reading, floor }: Measured): Report {
  const slowest = Math.max(...selective.map(({ value }) => value)) / 1000;
  return {
    benchmark: 'looking',
    load: `${changes.toLocaleString('en-GB')} updates with both images, 1 to 3 per transaction; among them a delete of 159 rows`,
    notes: [
      'the files are in the system’s cache, as they are after they were written',
      'the floor reads the log’s files once and looks at nothing',
    ],
    figures: [...selective, ...reading],
    floor: [{ name: 'reading all files', value: floor * 1000, unit: 'ms' }],
    ratios: [
      {
        name: 'slowest search by index, seconds',
        value: slowest,
        goal: '≤ 1',
        reached: slowest <= 1,
      },
    ],
  };
}

type Question = (looking: Looking, signal: AbortSignal) => Promise<void>;

function find(query: FindQuery): Question {
  return async (looking, signal) => {
    const { found } = await looking.find(query, signal);
    for await (const { matching } of found) if (matching === 0) throw new Error('found nothing');
  };
}

const history: Question = async (looking, signal) => {
  const { versions } = await looking.history({ table: 'account', key: '7' }, signal);
  for await (const { schema } of versions) if (schema === '') throw new Error('no change');
};

async function time(dataDir: string, name: string, ask: Question): Promise<Figure> {
  const value = await seconds(async () => {
    await using looking = await openLooking({ dataDir, sources: SOURCES });
    await ask(looking, new AbortController().signal);
  });
  return { name, value: value * 1000, unit: 'ms' };
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

function readAll(directory: string): number {
  return readdirSync(directory).reduce(
    (sum, file) => sum + readFileSync(join(directory, file)).length,
    0,
  );
}
