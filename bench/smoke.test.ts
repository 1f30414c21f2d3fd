import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Report } from './lib/report.ts';

const run = promisify(execFile);

/** A benchmark that nobody runs rots: each runs here on a small load, and must bring its floor. */
for (const name of [
  'capture',
  'transaction',
  'latency',
  'backlog',
  'subscriptions',
  'webhook',
  'endpoints',
  'idle',
  'log',
  'decode',
  'soak',
  'undo',
  'undo-update',
  'looking',
]) {
  test(`benchmark ${name} runs and measures its floor`, { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, ['bench/run.ts', name, '--smoke', '--json']);
    const report = JSON.parse(stdout) as Report & { readonly machine: string };
    assert.equal(report.benchmark, name);
    assert.ok(report.machine.length > 0);
    for (const figure of [...report.figures, ...report.floor]) {
      assert.ok(Number.isFinite(figure.value), `${figure.name} is a number`);
    }
    assert.ok(report.floor.length > 0, 'has a floor');
    assert.ok(report.ratios.length > 0, 'has a ratio');
  });
}
