import { cpus, loadavg, totalmem, type as osType } from 'node:os';
import { writeSync } from 'node:fs';

/** One line of a benchmark's result. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** A benchmark's result: what was measured, its floor, and the ratio of the two. */
export interface Report {
  readonly benchmark: string;
  readonly load: string;
  /** What the figures do not show. */
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
  /** Floor figures, measured in the same run. */
  readonly floor: readonly Figure[];
  readonly ratios: readonly {
    readonly name: string;
    readonly value: number;
    readonly goal: string;
    readonly reached: boolean;
  }[];
}

/** A benchmark as `npm run bench -- NAME` finds it: `bench/NAME.bench.ts`. */
export interface Benchmark {
  readonly description: string;
  /** `smoke` runs the same code on a load small enough for the tests. */
  run(options: { readonly smoke: boolean }): Promise<Report>;
}

/** The machine, as figures have to name it. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} cores (${model}), ${gib} GiB, ${osType()} ${process.arch}, Node.js ${process.versions.node}`;
}

/** How busy the machine has been for the last minute: figures from a busy one say little. */
export function loadAverage(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

/** Prints a report for a person. */
export function printReport(report: Report): void {
  const lines = [
    '',
    `${report.benchmark}: ${report.load}`,
    `  machine  ${machine()}`,
    ...report.figures.map((figure) => `  ${label(figure)}`),
    ...report.floor.map((figure) => `  floor: ${label(figure)}`),
    ...report.ratios.map(
      (ratio) =>
        `  ratio: ${ratio.name} = ${ratio.value.toFixed(2)}  (goal ${ratio.goal}: ${ratio.reached ? 'reached' : 'not reached'})`,
    ),
    ...report.notes.map((note) => `  note: ${note}`),
  ];
  writeSync(1, `${lines.join('\n')}\n`);
}

function label(figure: Figure): string {
  const digits = figure.value >= 100 ? 0 : figure.value >= 1 ? 2 : 3;
  const value = figure.value.toLocaleString('en-GB', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${figure.name.padEnd(44)} ${value.padStart(14)} ${figure.unit}`;
}

/** The value below which this share of the sorted values lies. */
export function percentile(sorted: readonly number[], share: number): number {
  const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1);
  return sorted[Math.max(0, index)] ?? Number.NaN;
}
