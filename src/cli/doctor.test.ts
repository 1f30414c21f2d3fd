import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, json, tidings, URL } from '../../test/fake-application.ts';
import { nodeCheck } from './doctor.ts';

test('doctor: what is wrong with the statement that mends it, and 1 when something failed', async () => {
  const cwd = mkdtempSync(join(directory, 'doctor-'));
  writeFileSync(join(cwd, 'tidings.config.json'), '{"sources": {"main": {}}}');
  const subjects = [
    {
      subject: 'source main',
      checks: [
        {
          name: 'wal_level',
          status: 'failed',
          message: 'It is replica.',
          fix: "ALTER SYSTEM SET wal_level = 'logical';\n-- restart",
        },
        { name: 'slots', status: 'warning', message: 'One is free.' },
      ],
    },
  ] as const;
  const inspection = { check: () => Promise.resolve(subjects) };
  const failed = await tidings('tidings doctor', { inspection }, { cwd });
  assert.equal(failed.code, 1);
  assert.equal(
    failed.out,
    `configuration
  ok    configuration  Read from tidings.config.json: 1 source and 0 subscriptions.
  ok    DATABASE_URL   Set in the environment.
  ok    Node.js        Node.js ${process.versions.node}.

source main
  FAIL  wal_level  It is replica.
        ALTER SYSTEM SET wal_level = 'logical';
        -- restart
  warn  slots      One is free.

1 of 5 checks failed, 1 warning.
`,
  );
  const asJson = await tidings('tidings doctor --json', { inspection }, { cwd });
  assert.equal(asJson.code, 1);
  const document = json(asJson.out) as { subjects: unknown[] };
  assert.deepEqual(
    { ...document, subjects: document.subjects.slice(1) },
    { failed: 1, warnings: 1, subjects },
  );
  const fine = await tidings('tidings doctor', {
    inspection: { check: () => Promise.resolve([]) },
  });
  assert.equal(fine.code, 0);
  assert.match(fine.out, /Read from no file: 1 source and 0 subscriptions\.\n/);
  assert.match(fine.out, /Ready: 3 checks\. Next: tidings start\n$/);
});

test('doctor: says where DATABASE_URL is from, and never what it says', async () => {
  const cwd = mkdtempSync(join(directory, 'doctor-'));
  writeFileSync(join(cwd, '.env'), `DATABASE_URL=${URL}\n`);
  const inspection = { check: () => Promise.resolve([]) };
  const said = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const { out } = await tidings('tidings doctor', { inspection }, { cwd, env });
    assert.doesNotMatch(out, /postgresql:/);
    return /DATABASE_URL +(.*)/.exec(out)?.[1] ?? '';
  };
  assert.equal(await said({}), 'Set in .env.');
  assert.equal(await said({ DATABASE_URL: URL }), 'Set in the environment.');
  assert.equal(
    await said({ DATABASE_URL: 'postgresql://other/shop' }),
    'Set in the environment, which wins over another one in .env.',
  );
});

test('doctor: an older Node.js', () => {
  assert.equal(nodeCheck('24.0.0').status, 'ok');
  assert.equal(nodeCheck('22.19.0').status, 'failed');
});

test('a command reports a bad configuration like any other error', async () => {
  const cwd = mkdtempSync(join(directory, 'bad-'));
  writeFileSync(join(cwd, 'tidings.config.json'), '{"sorces": {}}');
  const { code, err } = await tidings('tidings doctor --json', {}, { cwd });
  assert.equal(code, 64);
  assert.deepEqual(JSON.parse(err), {
    error: {
      code: 'CONFIG_UNKNOWN_KEY',
      message: 'tidings.config.json: there is no option sorces.',
      hint: 'Did you mean sources? All options: docs/reference/configuration.md.',
    },
  });
});
