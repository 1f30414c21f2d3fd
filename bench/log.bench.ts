import { spawn } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CapturedChange } from '../src/change/captured.ts';
import type { TableDefinition } from '../src/change/table.ts';
import { openSqliteLog, type SqliteLog } from '../src/log/sqlite/sqlite-log.ts';
import type { Benchmark, Figure, Report } from './lib/report.ts';

/** Bytes of images of one record. */
const ROW_BYTES = 200;
/** Records of one flush, which is one sync. */
const BATCH = 5000;
/** Records of one transaction. */
const TRANSACTION = 100;

const TABLE: TableDefinition = {
  schema: 'bench',
  name: 'accounts',
  columns: [{ name: 'id', type: 'bigint', kind: 'integer', array: false }],
  key: [0],
  identity: 'full',
  dialect: 'postgres',
};

const position = (number: number): string => number.toString(16).padStart(16, '0');

/** The change under this number; `next` decides its key. */
function changes(
  table: number,
  next: (number: number) => string,
): (number: number) => CapturedChange {
  const images = Buffer.alloc(ROW_BYTES, 'x');
  return (number) => {
    images.writeUInt32BE(number, 50);
    return { table, operation: 'update', key: next(number), previousKey: null, images };
  };
}

const inOrder = (number: number): string => String(number);
/** Every key lands anywhere in the index: what updates of random rows do. */
const atRandom = (number: number): string =>
  String((Math.imul(number, 0x9e3779b1) >>> 0) % 10_000_000);

interface Measured {
  readonly seconds: number;
  /** CPU seconds of this process. */
  readonly cpu: number;
  readonly longest: number;
}

async function measure(run: (lap: () => void) => Promise<void>): Promise<Measured> {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  let last = started;
  let longest = 0;
  await run(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds, cpu: (user + system) / 1_000_000, longest };
}

async function withLog<Result>(
  run: (log: SqliteLog, directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-bench-'));
  try {
    await using log = await openSqliteLog({ directory, source: 'bench' });
    return await run(log, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function appendAll(
  log: SqliteLog,
  records: number,
  options: { readonly perTransaction: number; readonly key: (number: number) => string },
): Promise<Measured> {
  const { writer } = log;
  const changeAt = changes(writer.defineTable(TABLE), options.key);
  return measure(async (lap) => {
    for (let number = 0; number < records; number++) {
      if (number % options.perTransaction === 0) {
        writer.begin({ id: String(number), position: position(number + 1) });
      }
      writer.append(changeAt(number));
      if ((number + 1) % options.perTransaction === 0) {
        writer.commit({ committedAt: number, context: null });
      }
      if ((number + 1) % BATCH === 0) {
        lap();
        await writer.flush();
        lap();
      }
    }
    await writer.flush();
  });
}

async function readAll(log: SqliteLog): Promise<Measured> {
  return measure(async (lap) => {
    for (let from = 0; from < log.head;) {
      lap();
      from = (await log.read({ from })).next;
      lap();
    }
  });
}

/** The floor: the same bytes in the same batches, written one after the other and synced. */
async function writePlainly(records: number): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-bench-'));
  const file = openSync(join(directory, 'plain'), 'w');
  const batch = Buffer.alloc(ROW_BYTES * BATCH, 'x');
  try {
    return await measure(async (lap) => {
      for (let number = 0; number < records; number += BATCH) {
        batch.writeUInt32BE(number, 50);
        lap();
        writeSync(file, batch);
        fdatasyncSync(file);
        lap();
        await Promise.resolve();
      }
    });
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Commit to durable of single small transactions; milliseconds, sorted. */
async function flushTimes(log: SqliteLog, flushes: number): Promise<number[]> {
  const { writer } = log;
  const changeAt = changes(writer.defineTable(TABLE), inOrder);
  const times: number[] = [];
  for (let number = 1; number <= flushes; number++) {
    writer.begin({ id: String(number), position: position(number) });
    writer.append(changeAt(number));
    writer.commit({ committedAt: number, context: null });
    const started = performance.now();
    await writer.flush();
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b);
}

interface LargeTransaction {
  readonly seconds: number;
  readonly cpu: number;
  /** Peak of resident memory above what it was before the first record. */
  readonly peakBytes: number;
  readonly longest: number;
}

/** In a process of its own, so that its memory is its own. */
async function largeTransaction(records: number): Promise<LargeTransaction> {
  const child = spawn(process.execPath, [import.meta.filename, 'large', String(records)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  return JSON.parse(output) as LargeTransaction;
}

async function appendLarge(records: number): Promise<LargeTransaction> {
  return withLog(async (log) => {
    const { writer } = log;
    const changeAt = changes(writer.defineTable(TABLE), inOrder);
    const before = process.memoryUsage.rss();
    let peak = before;
    const { seconds, cpu, longest } = await measure(async (lap) => {
      writer.begin({ id: '1', position: position(1) });
      for (let number = 0; number < records; number++) {
        lap();
        writer.append(changeAt(number));
        lap();
        if (number % 10_000 === 0) peak = Math.max(peak, process.memoryUsage.rss());
      }
      writer.commit({ committedAt: 1, context: null });
      await writer.flush();
      lap();
    });
    return { seconds, cpu, longest, peakBytes: peak - before };
  });
}

const perMillion = (measured: Measured, records: number): number =>
  (measured.cpu * 1_000_000) / records;

async function run({ smoke }: { readonly smoke: boolean }): Promise<Report> {
  const records = smoke ? 20_000 : 2_000_000;
  const floor = await writePlainly(records);
  const inBatches = { perTransaction: TRANSACTION, key: inOrder };
  const [append, read] = await withLog(async (log) => [
    await appendAll(log, records, inBatches),
    await readAll(log),
  ]);
  const random = await withLog((log) => appendAll(log, records, { ...inBatches, key: atRandom }));
  const single = await withLog((log) =>
    appendAll(log, records, { perTransaction: 1, key: inOrder }),
  );
  const flushes = await withLog((log) => flushTimes(log, smoke ? 100 : 5000));
  const large = await largeTransaction(smoke ? 100_000 : 5_000_000);
  const rate = records / append.seconds;
  const floorRate = records / floor.seconds;
  const at = (share: number): number => flushes[Math.floor((flushes.length - 1) * share)] ?? 0;
  const figures: Figure[] = [
    { name: 'append, keys in order', value: rate, unit: 'records/s' },
    {
      name: 'append, keys in order: CPU',
      value: perMillion(append, records),
      unit: 's per million',
    },
    { name: 'append, random keys', value: records / random.seconds, unit: 'records/s' },
    { name: 'append, random keys: CPU', value: perMillion(random, records), unit: 's per million' },
    {
      name: 'append, a record per transaction',
      value: records / single.seconds,
      unit: 'records/s',
    },
    {
      name: 'append, a record per transaction: CPU',
      value: perMillion(single, records),
      unit: 's per million',
    },
    { name: 'longest pause while appending', value: append.longest, unit: 'ms' },
    { name: 'read', value: records / read.seconds, unit: 'records/s' },
    { name: 'read: CPU', value: perMillion(read, records), unit: 's per million' },
    { name: 'flush of one record, p50', value: at(0.5), unit: 'ms' },
    { name: 'flush of one record, p99', value: at(0.99), unit: 'ms' },
    { name: 'flush of one record, longest', value: at(1), unit: 'ms' },
    {
      name: 'large transaction',
      value: (smoke ? 100_000 : 5_000_000) / large.seconds,
      unit: 'records/s',
    },
    { name: 'large transaction: memory above the start', value: large.peakBytes / 1e6, unit: 'MB' },
    { name: 'large transaction: longest pause', value: large.longest, unit: 'ms' },
  ];
  return {
    benchmark: 'log',
    load: `${records.toLocaleString('en-GB')} records of ${ROW_BYTES} bytes, ${TRANSACTION} per transaction, a sync per ${BATCH.toLocaleString('en-GB')}; the large transaction has ${(smoke ? 100_000 : 5_000_000).toLocaleString('en-GB')}`,
    notes: [
      'No source and no decoding: the images are ready. Key index and checksums are included.',
      "The floor's bytes are the images alone, without keys, transactions and index.",
    ],
    figures,
    floor: [
      { name: 'write and fdatasync of the same bytes', value: floorRate, unit: 'records/s' },
      {
        name: 'write and fdatasync: CPU',
        value: perMillion(floor, records),
        unit: 's per million',
      },
    ],
    ratios: [
      {
        name: 'append / floor',
        value: rate / floorRate,
        goal: '>= 0.1',
        reached: rate / floorRate >= 0.1,
      },
      {
        name: 'append / 300,000 records/s',
        value: rate / 300_000,
        goal: '>= 1',
        reached: rate >= 300_000,
      },
      {
        name: 'CPU per million / 2.2 s',
        value: perMillion(append, records) / 2.2,
        goal: '<= 1',
        reached: perMillion(append, records) <= 2.2,
      },
    ],
  };
}

export const benchmark: Benchmark = {
  description: 'appending to the log and reading it, against writing the same bytes plainly',
  run,
};

if (process.argv[2] === 'large') {
  process.stdout.write(JSON.stringify(await appendLarge(Number(process.argv[3]))));
}
