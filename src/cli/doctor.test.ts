import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, json, tidings, URL } from '../../test/support/fake-application.ts';
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
          sql: "ALTER SYSTEM SET wal_level = 'logical';\n-- restart",
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

test('doctor: long SQL only when it is asked for, then all of it and nothing else', async () => {
  const long = Array.from({ length: 100 }, (_, n) => `SELECT ${n};`).join('\n');
  const checks = [
    { name: 'tables', status: 'warning', message: 'Of "a\nb".', fix: 'As a superuser:', sql: long },
    { name: 'slots', status: 'failed', message: 'None.', fix: 'Drop one.' },
    { name: 'bound', status: 'warning', message: 'None.', sql: 'SELECT 1;' },
  ] as const;
  const inspection = { check: () => Promise.resolve([{ subject: 'source main', checks }]) };
  const { out } = await tidings('tidings doctor', { inspection });
  assert.match(
    out,
    / {8}As a superuser:\n {8}tidings doctor --sql {3}# prints its 100 lines of SQL\n/,
  );
  assert.match(out, /None\.\n {8}SELECT 1;\n/);
  assert.doesNotMatch(out, /SELECT 50/);
  const sql = await tidings('tidings doctor --sql', { inspection });
  assert.equal(sql.code, 1);
  assert.equal(
    sql.out,
    `-- source main, tables: Of "a\n-- b".\n${long}\n\n-- source main, bound: None.\nSELECT 1;\n`,
  );
  const none = await tidings('tidings doctor --sql', {
    inspection: { check: () => Promise.resolve([]) },
  });
  assert.equal(none.out, '-- There is nothing that SQL would mend.\n');
});

test('doctor: an API that others reach without a token, which `start` refuses', async () => {
  const cwd = mkdtempSync(join(directory, 'exposed-'));
  const file = join(cwd, 'tidings.config.json');
  const inspection = { check: () => Promise.resolve([]) };
  writeFileSync(file, '{"http": {"host": "0.0.0.0"}}');
  const open = await tidings('tidings doctor', { inspection }, { cwd });
  assert.equal(open.code, 1);
  assert.match(open.out, /FAIL {2}HTTP API +The HTTP API is to listen on 0\.0\.0\.0/);
  writeFileSync(file, '{"http": {"host": "0.0.0.0", "token": "sixteen-letters-at-least"}}');
  const closed = await tidings('tidings doctor', { inspection }, { cwd });
  assert.equal(closed.code, 0);
  assert.match(closed.out, /ok {4}HTTP API +Listens on 0\.0\.0\.0, for whoever has a token\./);
  writeFileSync(file, '{"http": {"tokens": {"ops": {}}}}');
  const unset = await tidings('tidings doctor', { inspection }, { cwd });
  assert.equal(unset.code, 1);
  assert.match(
    unset.out,
    /FAIL {2}HTTP API +The configuration has no value for http\.tokens\.ops\.token\./,
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
      message: 'tidings.config.json, line 1: there is no option sorces.',
      hint: `Did you mean sources? All options: ${join(import.meta.dirname, '../../docs/reference/configuration.md')}.`,
    },
  });
});

test('doctor: a page that a fix names is one that can be opened', async () => {
  const check = {
    name: 'crm',
    status: 'failed',
    message: 'The condition is not valid.',
    fix: 'docs/guide/filters.md has the whole language.',
  } as const;
  const inspection = { check: () => Promise.resolve([{ subject: 'a', checks: [check] }]) };
  const page = join(import.meta.dirname, '../../docs/guide/filters.md');
  const { out } = await tidings('tidings doctor', { inspection });
  assert.ok(out.includes(`        ${page} has the whole language.\n`), out);
});
