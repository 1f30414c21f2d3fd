import { readdirSync, readFileSync } from 'node:fs';
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** How often the event loop's delay is sampled, milliseconds; by the runtime, without JavaScript. */
const RESOLUTION = 100;

interface Counting {
  for(labels: object): { inc(by: number): void };
}
interface Measuring {
  for(labels: object): { set(value: number): void };
}

/** The metrics of the process, by their keys in the catalogue. */
export interface ProcessMetrics {
  readonly processCpu: Counting;
  readonly processMemory: Measuring;
  readonly processStart: Measuring;
  readonly processHeapUsed: Measuring;
  readonly processHeapTotal: Measuring;
  readonly processExternal: Measuring;
  readonly eventLoopDelay: Measuring;
  readonly eventLoopBusy: Measuring;
  readonly processDescriptors: Measuring;
  readonly processMaxDescriptors: Measuring;
}

/**
 * Begins to measure the process; what is returned sets its figures. Ours instead of prom-client's
 * defaults: those watch the event loop a hundred times a second.
 */
export function processMeasures(metrics: ProcessMetrics): () => void {
  const started = performance.timeOrigin / 1_000;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  let cpuTold = 0;
  let sampling = false;
  return () => {
    const { user, system } = process.cpuUsage();
    const cpu = (user + system) / 1e6;
    metrics.processCpu.for({}).inc(cpu - cpuTold);
    cpuTold = cpu;
    const { rss, heapUsed, heapTotal, external, arrayBuffers: _part } = process.memoryUsage();
    metrics.processMemory.for({}).set(rss);
    metrics.processHeapUsed.for({}).set(heapUsed);
    metrics.processHeapTotal.for({}).set(heapTotal);
    metrics.processExternal.for({}).set(external);
    metrics.processStart.for({}).set(started);
    // Nobody asks, nothing is sampled: an idle service that is not watched is not woken.
    if (!sampling) delay.enable();
    sampling = true;
    const longest = delay.count === 0 ? 0 : delay.max / 1e9 - RESOLUTION / 1_000;
    metrics.eventLoopDelay.for({}).set(Math.max(0, longest));
    delay.reset();
    const now = performance.eventLoopUtilization();
    metrics.eventLoopBusy.for({}).set(performance.eventLoopUtilization(now, before).utilization);
    before = now;
    metrics.processDescriptors.for({}).set(openDescriptors());
    metrics.processMaxDescriptors.for({}).set(maxDescriptors());
  };
}

/** Of this process; NaN where the system does not tell. */
export function openDescriptors(): number {
  try {
    // One of them is the look itself.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return Number.NaN;
  }
}

function maxDescriptors(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Number.NaN : Number(limit);
  } catch {
    return Number.NaN;
  }
}
