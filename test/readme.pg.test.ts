/**
 * The README's way back from a DELETE without its WHERE, as a new user repeats it: every command is
 * typed as it stands there, and has to answer what stands there.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { start } from './support/tidings-process.ts';
import { until } from './support/until.ts';

const ROOT = join(import.meta.dirname, '..');
const SECTION = '## The 13:45 DELETE';
const run = promisify(execFile);

interface Step {
  readonly command: string;
  readonly answer: readonly string[];
}

/** The commands of a section, each with the lines that follow it in its block. */
function steps(section: string): Step[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, rest = ''] = readme.split(`${section}\n`);
  const [text = ''] = rest.split('\n## ');
  return [...text.matchAll(/^```\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...lines] = step.trimEnd().split('\n');
        return { command, answer: lines.filter((line) => line.trim() !== '') };
      }),
  );
}

/** A line without what differs between two runs: times, durations, numbers, who is logged in. */
function shape(line: string): string {
  return line
    .replaceAll(/\d\d:\d\d:\d\d\.\d+/g, 'TIME')
    .replaceAll(/[\d.]+ m?s\b/g, 'DURATION')
    .replaceAll(/\bby \S+/g, 'by WHOM')
    .replaceAll(/ {2}\+ .*/g, '  + ROW')
    .replaceAll(/\d+/g, 'N')
    .replaceAll(/\s+/g, ' ');
}

/** Whether the lines are there, in this order; `…` at the end of one stands for its rest. */
function answers(output: string, expected: readonly string[]): boolean {
  const lines = output.split('\n').map(shape);
  let at = 0;
  return expected.every((line) => {
    const wanted = shape(line);
    if (wanted.startsWith('…')) return true;
    const found = lines.findIndex(
      (each, index) =>
        index >= at &&
        (wanted.endsWith('…') ? each.startsWith(wanted.slice(0, -1)) : each === wanted),
    );
    at = found + 1;
    return found !== -1;
  });
}

/** Types a command into a shell; `npx tidings` is the one of this checkout. */
async function typed(command: string, cwd: string): Promise<string> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const PATH = `${join(cwd, 'bin')}:${env['PATH'] ?? ''}`;
  const { stdout } = await run('sh', ['-c', `{ ${command}\n} 2>&1`], {
    cwd,
    env: { ...env, PATH },
  });
  return stdout;
}

test('the 13:45 DELETE, as in the README', { timeout: 120_000 }, async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'tidings-readme-'));
  // What npx does in a checkout, without its second of looking around.
  mkdirSync(join(cwd, 'bin'));
  const main = join(ROOT, 'src/cli/main.ts');
  writeFileSync(
    join(cwd, 'bin', 'npx'),
    `#!/bin/sh\nshift\nnpm_config_user_agent=npm/11 exec '${process.execPath}' '${main}' "$@"\n`,
  );
  chmodSync(join(cwd, 'bin', 'npx'), 0o755);
  const demo = start(['demo', '--keep'], { cwd });
  // Killed it would leave its database running.
  t.after(async () => {
    const ended = demo.exitCode === null ? once(demo, 'exit') : null;
    demo.kill('SIGINT');
    await ended;
    rmSync(cwd, { recursive: true });
  });
  let told = '';
  demo.stdout?.on('data', (chunk) => (told += String(chunk)));
  await until(() => told.includes('stays up') || demo.exitCode !== null, 30_000);
  assert.equal(demo.exitCode, null, told);

  const all = steps(SECTION);
  assert.ok(all.length >= 9, 'the section has its commands');
  const [written = ''] = all.flatMap(({ answer }) =>
    answer.flatMap((line) => /undo --transaction (\d+)/.exec(line)?.[1] ?? []),
  );
  let transaction = written;
  for (const { command, answer } of all) {
    const asked = command.replaceAll(written, transaction);
    let output = '';
    // The mail servers hear of a statement a moment after it.
    await until(
      async () => {
        output = await typed(asked, cwd);
        return !asked.startsWith('ls') || output === `${answer.join('\n')}\n`;
      },
      20_000,
      asked,
    );
    assert.ok(answers(output, answer), `${asked}\n${output}\nis not\n${answer.join('\n')}`);
    // Whoever reads along copies the transaction that `find` printed.
    if (asked.includes(' find ')) {
      transaction = / undo --transaction (\d+)/.exec(output)?.[1] ?? '';
    }
  }
  assert.match(told, /mail-\d +insert +\S+@\S+ .* made/, 'the mail servers were told of the undo');
});
