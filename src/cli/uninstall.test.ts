import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, json, serviceThat, tidings, URL } from '../../test/support/fake-application.ts';
import type { Inspection } from '../app/inspection/inspection.ts';
import { TidingsError } from '../errors/tidings-error.ts';

test('uninstall: removes nothing that nobody confirmed', async () => {
  const removals: unknown[] = [];
  const inspection: Partial<Inspection> = {
    uninstallPlan: () => ['main: slot tidings_main'],
    uninstallCosts: () => Promise.resolve([]),
    uninstall: (options) => {
      removals.push(options);
      return Promise.resolve([
        { source: 'main', removed: ['dropped slot tidings_main'] },
        { source: 'crm', removed: [] },
      ]);
    },
  };
  const alone = await tidings('tidings uninstall', { inspection });
  assert.equal(alone.code, 2);
  assert.equal(
    alone.err,
    'error NOT_CONFIRMED: Nothing was removed: nobody confirmed it.\n→ Answer yes, or say so at once: `tidings uninstall --yes`.\n',
  );
  const no = await tidings('tidings uninstall --data', { inspection }, { answers: ['no'] });
  assert.equal(no.code, 2);
  assert.match(
    no.err,
    /^This will be removed:\n {2}main: slot tidings_main\n {2}\/.*\.tidings with the log\n/,
  );
  assert.deepEqual(no.io.questions, ['Remove it? There is no way back to the log. Type yes: ']);
  assert.equal(removals.length, 0);
  const yes = await tidings('tidings uninstall', { inspection }, { answers: ['yes'] });
  assert.equal(yes.code, 0);
  assert.equal(yes.out, 'main: dropped slot tidings_main\ncrm: there was nothing to remove.\n');
  const asJson = await tidings('tidings uninstall --data --yes --json', { inspection });
  const { sources, dataDir } = json(asJson.out) as { sources: unknown[]; dataDir: string };
  assert.equal(sources.length, 2);
  assert.equal(dataDir, join(directory, '.tidings'));
  assert.deepEqual(removals, [{ data: false }, { data: true }]);
});

test('uninstall: what it costs others is said first, also where nobody is asked', async () => {
  const inspection: Partial<Inspection> = {
    uninstallPlan: () => ['main: slot tidings_main'],
    uninstallCosts: () => Promise.resolve(['tidings_main is the last logical slot.']),
    uninstall: () => Promise.resolve([]),
  };
  const asked = await tidings('tidings uninstall', { inspection }, { answers: ['no'] });
  assert.match(
    asked.err,
    /^warning: tidings_main is the last logical slot\.\nThis will be removed/,
  );
  const { code, err } = await tidings('tidings uninstall --yes --json', { inspection });
  assert.equal(code, 0);
  assert.equal(err, 'warning: tidings_main is the last logical slot.\n');
});

test('uninstall with an own database: refused while the service runs, which keeps its database', async () => {
  const options = { cwd: mkdtempSync(join(directory, 'own-')), env: {} };
  await tidings('tidings start', serviceThat(Promise.resolve()), options);
  const calls: string[] = [];
  const locked = new TidingsError('DATA_LOCKED', { pid: 1, path: '.tidings' });
  const running = { uninstall: () => Promise.reject(locked) };
  const refused = await tidings(
    'tidings uninstall --data --yes',
    { inspection: running, calls },
    options,
  );
  assert.equal(refused.code, 2);
  assert.deepEqual(calls, ['close inspection']);
  const stopped: Partial<Inspection> = {
    uninstall: ({ data }) => {
      calls.push(`uninstall ${data}`);
      return Promise.resolve([]);
    },
  };
  calls.length = 0;
  const done = await tidings(
    'tidings uninstall --data --yes',
    { inspection: stopped, calls },
    options,
  );
  assert.equal(done.code, 0);
  assert.deepEqual(
    calls.filter((call) => call !== 'close inspection'),
    ['uninstall false', 'start own', 'close own', 'uninstall true', 'remove own'],
  );
});

test('uninstall: what the configuration no longer lists stays, and is named with its command', async () => {
  const asked: string[] = [];
  const inspection: Partial<Inspection> = {
    unconfigured: () => Promise.resolve(['old']),
    uninstallPlan: () => ['main: slot tidings_main'],
    uninstallCosts: () => Promise.resolve([]),
    uninstall: () => Promise.resolve([{ source: 'old', removed: [] }]),
  };
  const told = await tidings('tidings uninstall --yes --data-dir x', { inspection });
  assert.equal(
    told.err,
    'warning: What was made for source old stays: the configuration does not list it.\n→ tidings uninstall --source old --url URL --data-dir x\n',
  );
  const one = await tidings(`tidings uninstall --source old --url ${URL} --yes`, (io) => ({
    inspection: { ...inspection, uninstallCosts: () => (asked.push(io.cwd), Promise.resolve([])) },
  }));
  assert.deepEqual([one.code, one.err], [0, '']);
  assert.equal(asked.length, 1);
  for (const [line, problem] of [
    ['--source old --yes', /Source old is not configured: say with --url where/],
    [`--url ${URL} --yes`, /--url is the address of the source that --source names/],
    ['--source main --data --yes', /--data goes without --source/],
  ] as const) {
    const { code, err } = await tidings(`tidings uninstall ${line}`, { inspection });
    assert.equal(code, 64, err);
    assert.match(err, problem);
  }
});
