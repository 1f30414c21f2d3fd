/** What an interrupted or killed test run must not leave behind. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findTestFiles } from '../scripts/lib/test-files.ts';
import { isProcessAlive } from '../src/app/status/process-alive.ts';
import { ENDS, until } from './support/until.ts';

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** Starts a script and waits for the process ids that it writes. */
async function startScript(source: string): Promise<{ child: ChildProcess; pids: number[] }> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, pids: String(text).trim().split(' ').map(Number) };
}

const LASTS = 'setInterval(() => undefined, 1000)';

test('a service that is to be killed ends with the test that started it', ENDS, async () => {
  const service = `
    const { endWithParent } = await import(${url('./crash/end-with-parent.ts')});
    endWithParent();
    process.stdout.write('up');
    ${LASTS}`;
  const { child, pids } = await startScript(`
    import { spawn } from 'node:child_process';
    const args = ['--input-type=module', '-e', ${JSON.stringify(service)}];
    const service = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    service.stdout.once('data', () => process.stdout.write(String(service.pid)));
    ${LASTS}`);
  const [pid = 0] = pids;
  assert.equal(isProcessAlive(pid), true);
  child.kill('SIGKILL');
  await until(() => !isProcessAlive(pid));
});

test('an interrupted run ends all that it started, and what that has started', ENDS, async () => {
  const stubborn = `process.on('SIGINT', () => undefined); process.stdout.write('up'); ${LASTS}`;
  const runner = `
    import { spawn } from 'node:child_process';
    const options = { stdio: ['ignore', 'pipe', 'inherit'] };
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], options);
    child.stdout.once('data', () => process.stdout.write(process.pid + ' ' + child.pid));
    process.on('SIGINT', () => process.exit(7));
    ${LASTS}`;
  const { child, pids } = await startScript(`
    import { runInGroup } from ${url('../scripts/lib/process-group.ts')};
    const stop = new AbortController();
    process.on('SIGTERM', () => stop.abort('SIGINT'));
    const command = [process.execPath, '--input-type=module', '-e', ${JSON.stringify(runner)}] as const;
    process.exitCode = await runInGroup(command, { env: process.env, signal: stop.signal }) ?? 1;`);
  assert.equal(pids.length, 2);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [7, null]);
  await until(() => pids.every((pid) => !isProcessAlive(pid)));
});

test('test files of installed packages are none of ours', (context) => {
  const root = mkdtempSync(join(tmpdir(), 'tidings-files-'));
  context.after(() => rmSync(root, { recursive: true }));
  const own = ['bench/lib/own.test.ts', 'src/a/b.test.ts', 'test/c.test.ts'];
  const foreign = ['bench/peers/node_modules/queue/q.test.ts', 'src/node_modules/x/x.test.ts'];
  for (const file of [...own, ...foreign, 'scripts/d.test.ts', 'src/a/b.ts']) {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  assert.deepEqual(findTestFiles(root, []), own);
  assert.deepEqual(findTestFiles(root, ['src/a', './test/c.test.ts']), [
    'src/a/b.test.ts',
    'test/c.test.ts',
  ]);
});
