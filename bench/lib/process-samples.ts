import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../src/util/sleep.ts';

/** What a process was seen to use, from outside; Linux only. */
export interface ProcessSample {
  /** Seconds since the first sample. */
  readonly at: number;
  /** Anonymous memory: the process's own, without files that are mapped. Megabytes (10^6). */
  readonly anonymous: number;
  readonly descriptors: number;
  /** Of the folder that was named, megabytes (10^6). */
  readonly folder: number;
}

/** Looks at a process every second until the signal aborts. */
export async function sampleProcess(
  pid: number,
  folder: string,
  signal: AbortSignal,
): Promise<readonly ProcessSample[]> {
  const started = performance.now();
  const samples: ProcessSample[] = [];
  while (!signal.aborted) {
    samples.push({
      at: (performance.now() - started) / 1_000,
      anonymous: anonymousMegabytes(pid),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      folder: bytesIn(folder) / 1e6,
    });
    await sleep(1_000, signal);
  }
  return samples;
}

export function anonymousMegabytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = /^Anonymous:\s+(\d+) kB/m.exec(text)?.[1];
  return (Number(kilobytes) * 1_024) / 1e6;
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // Segments come and go meanwhile.
    const found = statSync(join(folder, entry), { throwIfNoEntry: false });
    if (found?.isFile() === true) bytes += found.size;
  }
  return bytes;
}

/** The slope of the line that fits the values best, per second. */
export function slope(
  samples: readonly ProcessSample[],
  value: (sample: ProcessSample) => number,
): number {
  const mean = (of: (sample: ProcessSample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const at = mean((sample) => sample.at);
  const level = mean(value);
  let above = 0;
  let below = 0;
  for (const sample of samples) {
    above += (sample.at - at) * (value(sample) - level);
    below += (sample.at - at) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
