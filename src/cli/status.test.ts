import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, STATUS, tidings } from '../../test/support/fake-application.ts';
import type { Status } from '../app/status/status.ts';

test('status: a table each for sources and subscriptions, errors below them', async () => {
  const inspection = { status: () => Promise.resolve(STATUS) };
  const { code, out } = await tidings('tidings status', { inspection });
  assert.equal(code, 0);
  const lines = out.replace(/figures are .* old/, 'figures are old').split('\n');
  assert.deepEqual(lines, [
    'running  for 2h 5m, process 4711, Tidings 0.1.0, data in /srv/shop/.tidings  figures are old',
    '',
    'SOURCE  STATE             LAG               WAL KEPT  LOG (FLOOR … HEAD)     SIZE  POSITION',
    'main    reconnecting  1.50 kB  16.0 MB, 1.00 MB left     1,000 … 123,456  12.0 MB  00000000016B3748',
    '  main: SOURCE_UNREACHABLE: No answer.',
    '  → Look there.',
    '  main: 1 gap in the log; tidings log verify lists them',
    '',
    'SUBSCRIPTION  SOURCE  STATE  LAG  DELIVERED  PER S  IN FLIGHT  RETRYING  BLOCKED  PARKED  STUCK',
    'crm           main    live     6     99,999  1,204          1         2        0       1      0',
    '  crm: 6 records behind and some 2,000,000 still in the WAL: caught up in about 27m 41s',
    '  crm: HANDLER_FAILED: no\\u001b[2J route (2026-11-20 08:00:00.000)',
    '  → tidings deliveries crm',
    '',
  ]);
});

test('status: --json prints it whole; colour on a terminal only', async () => {
  const inspection = { status: () => Promise.resolve(STATUS) };
  assert.deepEqual(json((await tidings('tidings status --json', { inspection })).out), STATUS);
  const coloured = await tidings('tidings status', { inspection }, { terminal: true });
  assert.ok(coloured.out.includes('\u001b['));
  const plain = await tidings('tidings status', { inspection }, { terminal: true, colour: false });
  assert.ok(!plain.out.includes('\u001b['));
});

test('status: a service that does not run, and one without subscriptions', async () => {
  const status: Status = { service: null, sources: [], subscriptions: [] };
  const { code, out } = await tidings('tidings status', {
    inspection: { status: () => Promise.resolve(status) },
  });
  assert.equal(code, 0);
  assert.match(out, /^not running {2}start it with: tidings start\n/);
});

test('status --watch: again and again until interrupted, then 0', async () => {
  const { code, out } = await tidings('tidings status --watch --json', (io) => {
    let asked = 0;
    return {
      inspection: {
        status: () => {
          asked += 1;
          if (asked === 2) io.interrupt();
          return Promise.resolve(STATUS);
        },
      },
    };
  });
  assert.equal(code, 0);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [STATUS, STATUS],
  );
});
