import { readdirSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Benchmark, machine, printReport } from './lib/report.ts';

/**
 * `npm run bench -- NAME [--smoke] [--json]`. Without a name: lists what there is.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .sort();

if (positionals.length === 0) {
  writeSync(1, 'Benchmarks (npm run bench -- NAME [--smoke] [--json]):\n');
  for (const name of names) {
    writeSync(1, `  ${name.padEnd(16)} ${(await load(name)).description}\n`);
  }
}
for (const name of positionals[0] === 'all' ? names : positionals) {
  if (!names.includes(name)) {
    writeSync(2, `There is no benchmark ${name}. There are: ${names.join(', ')}\n`);
    process.exitCode = 64;
    break;
  }
  const report = await (await load(name)).run({ smoke: values.smoke });
  if (values.json) writeSync(1, `${JSON.stringify({ machine: machine(), ...report })}\n`);
  else printReport(report);
}

async function load(name: string): Promise<Benchmark> {
  const module = (await import(`./${name}.bench.ts`)) as { readonly benchmark: Benchmark };
  return module.benchmark;
}
