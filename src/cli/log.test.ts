import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, json, tidings } from '../../test/support/fake-application.ts';
import { CHANGES, logOf } from '../../test/support/fake-log.ts';
import type { Inspection } from '../app/inspection/inspection.ts';
import { parseWire } from '../change/wire.ts';

test('log verify: findings with their place and 1; sound and 0; gaps are listed', async () => {
  const gap = { source: 'main', offset: 5, from: 'A', to: 'B', reason: 'lost slot', at: 1.6e15 };
  const finding = { source: 'main', segment: '0.sqlite', offset: 3, message: 'checksum differs' };
  const mark = {
    source: 'main',
    schema: 'public',
    name: 'orders',
    origin: '70',
    kind: 'detached',
    partition: { id: '71', schema: 'public', name: 'orders_1' },
    offset: 8,
    since: 8,
    transaction: { id: '812', position: 'C' },
    at: 1.6e15,
  } as const;
  const found = { ...mark, kind: 'dropped', since: 2, transaction: null } as const;
  const marks = [mark, found];
  const fork = {
    source: 'main',
    offset: 7,
    abandoned: 6,
    from: 'B',
    to: 'r0001.A',
    reason: 'its timeline 2 left timeline 1 there',
    at: 1.6e15,
  };
  const [gaps, forks] = [[gap], [fork]];
  const report = { records: 1_000, segments: 2, gaps, forks, marks, findings: [finding] };
  const broken = await tidings('tidings log verify', {
    inspection: { verify: () => Promise.resolve(report) },
  });
  assert.equal(broken.code, 1);
  assert.equal(
    broken.out,
    'wrong  main  0.sqlite, offset 3: checksum differs\ngap    main  before offset 5, A … B: lost slot (2020-09-13 12:26:40.000)\nfork   main  before offset 7, B → r0001.A: offset 6 abandoned, its timeline 2 left timeline 1 there (2020-09-13 12:26:40.000)\nmark   main  before offset 8: partition public.orders_1 of public.orders was detached (transaction 812, 2020-09-13 12:26:40.000)\nmark   main  before offset 8, since 2: partition public.orders_1 of public.orders was dropped (found by comparing, 2020-09-13 12:26:40.000)\n1 finding in 1,000 records in 2 segments.\n',
  );
  const sound = { ...report, gaps: [], forks: [], marks: [], findings: [] };
  const inspection = { verify: () => Promise.resolve(sound) };
  const fine = await tidings('tidings log verify', { inspection });
  assert.equal(fine.code, 0);
  assert.equal(fine.out, 'Sound: 1,000 records in 2 segments.\n');
  assert.deepEqual(json((await tidings('tidings log verify --json', { inspection })).out), sound);
});

const none = { gaps: [], forks: [], marks: [], findings: [] };

test('log verify: interrupted, it has not verified anything', async () => {
  const { code, out } = await tidings('tidings log verify', (io) => ({
    inspection: {
      verify: () => {
        io.interrupt();
        return Promise.resolve({ records: 1, segments: 1, ...none });
      },
    },
  }));
  assert.equal(code, 130);
  assert.equal(out, '');
});

test('log trim: exactly one way to say what; what was removed', async () => {
  const requests: unknown[] = [];
  const inspection: Partial<Inspection> = {
    trim: (...request) => {
      requests.push(request.slice(0, 2));
      return Promise.resolve([
        {
          source: 'main',
          floor: 1_200,
          removedSegments: 2,
          removedBytes: 5e8,
          hold: null,
          lost: [],
        },
        { source: 'crm', floor: 0, removedSegments: 0, removedBytes: 0, hold: null, lost: [] },
      ]);
    },
  };
  const { code, out } = await tidings('tidings log trim --keep-bytes 10GB', { inspection });
  assert.equal(code, 0);
  assert.equal(
    out,
    'main: removed 2 segments (500 MB); the floor is 1,200 now.\ncrm: nothing to remove; the floor stays 0.\n',
  );
  await tidings('tidings log trim --before 7 --source main --force', { inspection });
  await tidings('tidings log trim --older-than 2026-11-21T08:00:00Z --json', { inspection });
  assert.deepEqual(requests, [
    [{ keepBytes: 1e10 }, { force: false }],
    [{ before: 7 }, { force: true, source: 'main' }],
    [{ olderThan: new Date('2026-11-21T08:00:00Z') }, { force: false }],
  ]);
  for (const line of ['tidings log trim', 'tidings log trim --before 7 --keep-bytes 1GB']) {
    const refused = await tidings(line, { inspection });
    assert.equal(refused.code, 64);
    assert.match(refused.err, /^error USAGE: Say what to remove by exactly one of /);
  }
  assert.equal(requests.length, 3);
});

test('log export: NDJSON to standard output or a file, which it does not replace unasked', async () => {
  const log = logOf(CHANGES);
  const { code, out } = await tidings('tidings log export --to 9', log);
  assert.equal(code, 0);
  assert.deepEqual(out.trimEnd().split('\n').map(parseWire), CHANGES);
  assert.deepEqual(log.queries, [{ from: 'floor', follow: false, to: 9 }]);
  const file = join(directory, 'changes.ndjson');
  const first = await tidings('tidings log export --output changes.ndjson', logOf(CHANGES));
  assert.equal(first.code, 0);
  assert.equal(first.out, '');
  assert.equal(first.err, 'Wrote 4 changes to changes.ndjson.\n');
  assert.equal(readFileSync(file, 'utf8'), out);
  const second = await tidings('tidings log export --output changes.ndjson', logOf([]));
  assert.equal(second.code, 2);
  assert.match(second.err, /^error FILE_EXISTS: /);
  assert.equal(readFileSync(file, 'utf8'), out);
  const forced = await tidings(
    'tidings log export --output changes.ndjson --force --json',
    logOf([]),
  );
  assert.deepEqual(json(forced.out), { file: 'changes.ndjson', changes: 0 });
  assert.equal(readFileSync(file, 'utf8'), '');
  const partition = { id: '71', schema: 'public', name: 'ord_1' };
  const place = { offset: 3, since: 3, at: 0, transaction: null, origin: '70', schema: 'public' };
  const mark = { ...place, name: 'ord', kind: 'dropped', partition } as const;
  const marks = [mark, { ...mark, kind: 'present' } as const];
  const inspection = { ...logOf(CHANGES).inspection, marks: () => Promise.resolve(marks) };
  const marked = await tidings('tidings log export', { inspection });
  assert.match(marked.err, /The log has 1 mark where .*`tidings log verify` lists/);
  assert.equal(marked.out.trimEnd().split('\n').length, CHANGES.length);
  const nowhere = await tidings('tidings log export --output no/such/folder', logOf([]));
  assert.equal(nowhere.code, 1);
  assert.match(
    nowhere.err,
    /^error SYSTEM_ERROR: The system refused open on .*no\/such\/folder: ENOENT/,
  );
});
