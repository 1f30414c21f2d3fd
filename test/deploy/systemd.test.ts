import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { needs } from '../support/needs.ts';
import { ROOT } from './dockerfile.ts';

const unit = readFileSync(join(ROOT, 'deploy/tidings.service'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'tidings-unit-'));
after(() => rmSync(directory, { recursive: true }));

/** From 250 on it reads %d and compares units without a running systemd. */
function hasAnalyze(context: TestContext): boolean {
  const { stdout } = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
  const version = Number(/^systemd (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
  return needs(context, version >= 250, 'systemd-analyze 250', 'apt-get install systemd');
}

function analyze(args: readonly string[], text: string) {
  const file = join(directory, 'tidings.service');
  writeFileSync(file, text);
  return spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
}

test('systemd-analyze verify finds nothing, and it would', (context) => {
  if (!hasAnalyze(context)) return;
  // It asks whether the program is there, and here it is another one.
  const here = unit.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`);
  const { status, stderr } = analyze(['verify', '--man=no'], here);
  assert.deepEqual([status, stderr], [0, '']);
  const wrong = analyze(['verify', '--man=no'], here.replace('ProtectHome=yes', 'ProtectHome=si'));
  assert.match(wrong.stderr, /protect home/);
});

test('its exposure is low', (context) => {
  if (!hasAnalyze(context)) return;
  // In tenths, out of 100: the network, sockets and the compiler of Node.js are what is left.
  const { status, stdout } = analyze(['security', '--offline=true', '--threshold=15'], unit);
  assert.equal(status, 0, stdout);
});

test('it gives the service the time that draining takes', () => {
  const service = readFileSync(join(ROOT, 'src/app/tidings-service.ts'), 'utf8');
  const listener = readFileSync(join(ROOT, 'src/server/listener.ts'), 'utf8');
  const longest = [service, listener].map((source) => {
    const written = /DRAIN_DEADLINE = ([\d_]+);/.exec(source)?.[1] ?? '';
    return Number(written.replaceAll('_', '')) / 1000;
  });
  const given = Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1]);
  assert.ok(given > longest.reduce((sum, seconds) => sum + seconds, 0), String(longest));
  const compose = readFileSync(join(ROOT, 'deploy/compose.yaml'), 'utf8');
  assert.ok(compose.includes(`stop_grace_period: ${given}s`), 'as in the Compose file');
});
