import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { recordedIo, type RecordedIo, type RecordedIoOptions } from '../../test/recorded-io.ts';
import type { ChangeQuery, Inspection } from '../app/inspection.ts';
import type { Status } from '../app/status.ts';
import type { Tidings } from '../app/tidings.ts';
import type { Change } from '../change/change.ts';
import { parseWire } from '../change/wire.ts';
import { loadConfig } from '../config/load-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { nodeCheck } from './doctor.ts';
import { run } from './run.ts';
import type { Services } from './services.ts';

const root = mkdtempSync(join(tmpdir(), 'tidings-cli-'));
after(() => rmSync(root, { recursive: true }));
const URL = 'postgresql://ann:geheim@db.example/shop';

/** What a command wrote and how it ended. */
interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly io: RecordedIo;
}

/** The parts of an application that a command needs. */
interface Parts {
  readonly inspection?: Partial<Inspection>;
  readonly app?: Partial<Tidings>;
  /** Told what is done to the own PostgreSQL, and with what the application is created. */
  readonly calls?: string[];
}

/** Runs a command on an application of which only these parts are there. */
async function tidings(
  line: string,
  parts: Parts | ((io: RecordedIo) => Parts) = {},
  options: RecordedIoOptions = {},
): Promise<Ended> {
  const io = recordedIo({ env: { DATABASE_URL: URL }, cwd: root, ...options });
  const { inspection, app, calls = [] } = typeof parts === 'function' ? parts(io) : parts;
  const disposable = (name: string): AsyncDisposable => ({
    [Symbol.asyncDispose]: () => {
      calls.push(`close ${name}`);
      return Promise.resolve();
    },
  });
  const services: Services = {
    loadConfig,
    openInspection: () =>
      Promise.resolve({ ...disposable('inspection'), ...inspection } as Inspection),
    createTidings: (_config, { acceptGaps }) => {
      calls.push(`create ${acceptGaps.join()}`);
      return Promise.resolve({ ...disposable('app'), ...app } as Tidings);
    },
    startEmbedded: () => {
      calls.push('start own');
      return Promise.resolve({ ...disposable('own'), url: 'postgresql://own@localhost/db' });
    },
    removeEmbedded: () => {
      calls.push('remove own');
      return Promise.resolve();
    },
  };
  const code = await run(line.split(' ').slice(1), io, services);
  return { code, ...io.written, io };
}

function json(text: string): unknown {
  assert.match(text, /^[^\n]+\n$/, 'one document on one line');
  return JSON.parse(text);
}

const STATUS: Status = {
  service: {
    pid: 4711,
    version: '0.1.0',
    startedAt: '2020-11-21T08:00:00.000Z',
    at: '2020-11-21T10:05:00.000Z',
    dataDir: '/srv/shop/.tidings',
  },
  sources: [
    {
      name: 'main',
      url: 'postgresql://ann:***@db.example/shop',
      state: 'reconnecting',
      error: { code: 'SOURCE_UNREACHABLE', message: 'No answer.', hint: 'Look there.' },
      position: '00000000016B3748',
      lagBytes: 1_500,
      retainedBytes: 16e6,
      safeBytes: 1e6,
      log: { head: 123_456, floor: 1_000, horizon: 123_456, bytes: 12e6, segments: 2, gaps: 1 },
      captured: { changes: 5, transactions: 2, reconnects: 1 },
    },
  ],
  subscriptions: [
    {
      name: 'crm',
      source: 'main',
      state: 'live',
      reason: null,
      cursor: 123_450,
      lag: 6,
      inFlight: 1,
      retrying: 2,
      blocked: 0,
      parked: 1,
      stuck: 0,
      stuckSince: null,
      delivered: 99_999,
      rate: 1_204.3,
      lastError: {
        code: 'HANDLER_FAILED',
        message: 'no\u001b[2J route',
        at: '2026-11-20T08:00:00.000Z',
      },
    },
  ],
};

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
    '  crm: HANDLER_FAILED: no\\u001b[2J route (2026-11-20 08:00:00.000)',
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

const CHANGE: Change = {
  id: 'main:00000000016B3748:0',
  source: 'main',
  offset: 123,
  operation: 'update',
  schema: 'public',
  table: 'accounts',
  key: { id: 7 },
  before: { id: 7, email: 'ann@example.com', note: null },
  after: { id: 7, email: 'a b@example.com', note: 'x\ny' },
  changed: ['email', 'note'],
  transaction: {
    id: '7712',
    position: '00000000016B3748',
    index: 0,
    last: true,
    committedAt: '2020-01-02T03:04:05.678901Z',
    context: null,
  },
};

const CHANGES: readonly Change[] = [
  CHANGE,
  { ...CHANGE, operation: 'insert', before: null, changed: null },
  { ...CHANGE, operation: 'delete', before: { id: 7 }, after: null, changed: null },
  { ...CHANGE, operation: 'truncate', key: null, before: null, after: null, changed: null },
];

/** An application whose log has these changes; keeps the queries. */
function logOf(changes: readonly Change[]): {
  readonly inspection: Partial<Inspection>;
  readonly queries: ChangeQuery[];
} {
  const queries: ChangeQuery[] = [];
  return {
    queries,
    inspection: {
      async *changes(query) {
        queries.push(query);
        yield* changes;
      },
    },
  };
}

test('tail: one line per change', async () => {
  const { code, out } = await tidings('tidings tail', logOf(CHANGES));
  assert.equal(code, 0);
  assert.deepEqual(out.split('\n'), [
    '2020-01-02 03:04:05.678     123  update    public.accounts  id=7  email: ann@example.com → "a b@example.com"  note: null → "x\\ny"',
    '2020-01-02 03:04:05.678     123  insert    public.accounts  id=7  email="a b@example.com" note="x\\ny"',
    '2020-01-02 03:04:05.678     123  delete    public.accounts  id=7',
    '2020-01-02 03:04:05.678     123  truncate  public.accounts',
    '',
  ]);
});

test('tail: a line fits the terminal', async () => {
  const options = { terminal: true, colour: false, columns: 90 };
  const { out } = await tidings('tidings tail', logOf([CHANGE]), options);
  const [line = ''] = out.split('\n');
  assert.equal(line.length, 90);
  assert.ok(line.endsWith('…'));
});

test('tail --json: CloudEvents, one per line', async () => {
  const { out } = await tidings('tidings tail --json', logOf(CHANGES));
  const lines = out.trimEnd().split('\n');
  assert.deepEqual(lines.map(parseWire), CHANGES);
});

test('tail: what it asks the log for', async () => {
  const asked = async (line: string): Promise<ChangeQuery | undefined> => {
    const log = logOf([]);
    assert.equal((await tidings(line, log)).code, 0);
    return log.queries[0];
  };
  assert.deepEqual(await asked('tidings tail'), { from: 'head', follow: true });
  assert.deepEqual(
    await asked(
      'tidings tail --from 120 --no-follow --limit 5 --source main --table a.* --table !a.b',
    ),
    { from: 120, follow: false, limit: 5, source: 'main', tables: ['a.*', '!a.b'] },
  );
  assert.deepEqual(await asked('tidings tail --from 2026-11-21T08:00:00Z'), {
    from: new Date('2026-11-21T08:00:00Z'),
    follow: true,
  });
  const ago = await asked('tidings tail --from 10m');
  assert.ok(ago?.from instanceof Date);
  assert.ok(Math.abs(Date.now() - 600_000 - ago.from.getTime()) < 10_000);
});

test('tail: Ctrl-C is how one leaves it', async () => {
  const { code, out, err } = await tidings('tidings tail', (io) => ({
    inspection: {
      async *changes(_query, signal) {
        yield CHANGE;
        io.interrupt();
        signal.throwIfAborted();
      },
    },
  }));
  assert.equal(code, 0);
  assert.notEqual(out, '');
  assert.equal(err, '');
});

test('doctor: what is wrong with the statement that mends it, and 1 when something failed', async () => {
  const cwd = mkdtempSync(join(root, 'doctor-'));
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
  ok    Node.js        Node.js ${process.versions.node}.

source main
  FAIL  wal_level  It is replica.
        ALTER SYSTEM SET wal_level = 'logical';
        -- restart
  warn  slots      One is free.

1 of 4 checks failed, 1 warning.
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
  assert.match(fine.out, /Ready: 2 checks\. Next: tidings start\n$/);
});

test('doctor: an older Node.js', () => {
  assert.equal(nodeCheck('24.0.0').status, 'ok');
  assert.equal(nodeCheck('22.19.0').status, 'failed');
});

test('log verify: findings with their place and 1; sound and 0; gaps are listed', async () => {
  const gap = { source: 'main', offset: 5, from: 'A', to: 'B', reason: 'lost slot', at: 1.6e15 };
  const finding = { source: 'main', segment: '0.sqlite', offset: 3, message: 'checksum differs' };
  const report = { records: 1_000, segments: 2, gaps: [gap], findings: [finding] };
  const broken = await tidings('tidings log verify', {
    inspection: { verify: () => Promise.resolve(report) },
  });
  assert.equal(broken.code, 1);
  assert.equal(
    broken.out,
    'wrong  main  0.sqlite, offset 3: checksum differs\ngap    main  before offset 5, A … B: lost slot (2020-09-13 12:26:40.000)\n1 finding in 1,000 records in 2 segments.\n',
  );
  const sound = { ...report, gaps: [], findings: [] };
  const inspection = { verify: () => Promise.resolve(sound) };
  const fine = await tidings('tidings log verify', { inspection });
  assert.equal(fine.code, 0);
  assert.equal(fine.out, 'Sound: 1,000 records in 2 segments.\n');
  assert.deepEqual(json((await tidings('tidings log verify --json', { inspection })).out), sound);
});

test('log verify: interrupted, it has not verified anything', async () => {
  const { code, out } = await tidings('tidings log verify', (io) => ({
    inspection: {
      verify: () => {
        io.interrupt();
        return Promise.resolve({ records: 1, segments: 1, gaps: [], findings: [] });
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
        { source: 'main', floor: 1_200, removedSegments: 2, removedBytes: 5e8 },
        { source: 'crm', floor: 0, removedSegments: 0, removedBytes: 0 },
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
  const file = join(root, 'changes.ndjson');
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
  const nowhere = await tidings('tidings log export --output no/such/folder', logOf([]));
  assert.equal(nowhere.code, 1);
  assert.match(
    nowhere.err,
    /^error SYSTEM_ERROR: The system refused open on .*no\/such\/folder: ENOENT/,
  );
});

test('uninstall: removes nothing that nobody confirmed', async () => {
  const removals: unknown[] = [];
  const inspection: Partial<Inspection> = {
    uninstallPlan: () => ['main: slot tidings_main'],
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
  assert.equal(dataDir, join(root, '.tidings'));
  assert.deepEqual(removals, [{ data: false }, { data: true }]);
});

test('init: a file that loads as it stands, and the next step', async () => {
  const cwd = mkdtempSync(join(root, 'init-'));
  const { code, out } = await tidings(
    'tidings init --tables shop.* --tables !shop.audit',
    {},
    { cwd, env: {} },
  );
  assert.equal(code, 0);
  assert.equal(
    out,
    'Wrote tidings.config.ts. Next:\n  export DATABASE_URL=postgresql://user:password@host:5432/database\n  tidings doctor\n  tidings start\n',
  );
  const text = readFileSync(join(cwd, 'tidings.config.ts'), 'utf8');
  assert.match(
    text,
    /main: \{ url: process\.env\.DATABASE_URL, tables: \['shop\.\*', '!shop\.audit'\] \}/,
  );
  const again = await tidings('tidings init', {}, { cwd });
  assert.equal(again.code, 2);
  assert.match(again.err, /^error FILE_EXISTS: There is already a file tidings\.config\.ts\./);
  assert.equal((await tidings('tidings init --force', {}, { cwd })).code, 0);
});

test('init: an address in the file is for its owner only, and is not shown', async () => {
  const cwd = mkdtempSync(join(root, 'init-'));
  const { out } = await tidings(
    `tidings init --config conf/t.json --url ${URL} --json`,
    {},
    { cwd },
  );
  const file = join(cwd, 'conf/t.json');
  assert.deepEqual(json(out), {
    file,
    url: 'postgresql://ann:***@db.example/shop',
    tables: ['public.*'],
  });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { config } = await loadConfig({ cwd, env: {}, path: file });
  assert.equal(config.sources['main']?.url, URL);
});

test('init: asks on a terminal, and refuses what would not work', async () => {
  const cwd = mkdtempSync(join(root, 'init-'));
  const answers = [URL, 'public.*, !public.audit'];
  const asked = await tidings('tidings init --config a.json', {}, { cwd, terminal: true, answers });
  assert.equal(asked.code, 0);
  const { config } = await loadConfig({ cwd, env: {}, path: 'a.json' });
  assert.deepEqual(config.sources['main'], {
    url: URL,
    capture: 'wal',
    tables: ['public.*', '!public.audit'],
  });
  const badUrl = await tidings('tidings init --config b.json --url http://x', {}, { cwd });
  assert.equal(badUrl.code, 64);
  assert.match(badUrl.err, /^error CONFIG_INVALID: --url: sources\.main\.url begins with http:/);
  const badTable = await tidings('tidings init --config b.json --tables orders', {}, { cwd });
  assert.equal(badTable.code, 64);
  assert.match(badTable.err, /^error TABLE_PATTERN_INVALID: /);
  assert.ok(!existsSync(join(cwd, 'b.json')));
});

/** A service that has started, and ends with this. */
function serviceThat(ends: Promise<void>, calls: string[] = []): Parts {
  const note = (call: string) => (): Promise<void> => {
    calls.push(call);
    return Promise.resolve();
  };
  const app = {
    start: note('start'),
    drain: note('drain'),
    finished: ends,
    status: () => Promise.resolve(STATUS),
  };
  return { app, calls };
}

test('start: says what it does, and drains when it is asked to end', async () => {
  const calls: string[] = [];
  const { code, out } = await tidings('tidings start --accept-gap main', (io) => {
    const parts = serviceThat(new Promise(() => undefined), calls);
    const status = (): Promise<Status> => {
      // Ctrl-C, a moment after it has started.
      setImmediate(() => io.interrupt());
      return Promise.resolve(STATUS);
    };
    return { ...parts, app: { ...parts.app, status } };
  });
  assert.equal(code, 0);
  assert.deepEqual(calls, ['create main', 'start', 'drain', 'close app']);
  assert.equal(
    out.replace(/Started in [^:]*:/, 'Started:'),
    `data          ${root}/.tidings
source        main  postgresql://ann:***@db.example/shop  public.*
Started: main reconnecting at 00000000016B3748. Ctrl-C stops.
Stopping: what is in flight finishes first. Ctrl-C again ends at once.
Stopped.
`,
  );
});

test('start --json: a line when it has started, and one when it has stopped', async () => {
  const { code, out } = await tidings('tidings start --json', serviceThat(Promise.resolve()));
  assert.equal(code, 0);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { state: 'started', status: STATUS },
      { state: 'stopped', status: STATUS },
    ],
  );
});

test('start: ends with the error when the last source failed for good', async () => {
  const lost = new TidingsError('SLOT_MISSING', { source: 'main', slot: 'tidings_main' });
  const { code, err } = await tidings('tidings start --json', serviceThat(Promise.reject(lost)));
  assert.equal(code, 2);
  assert.equal((JSON.parse(err) as { error: { code: string } }).error.code, 'SLOT_MISSING');
});

test('without any database start runs its own, and the other commands find it', async () => {
  const options = { cwd: mkdtempSync(join(root, 'own-')), env: {} };
  const early = await tidings('tidings status', {}, options);
  assert.equal(early.code, 64);
  assert.match(early.err, /^error CONFIG_NO_SOURCE: No database is configured\./);
  const calls: string[] = [];
  const started = await tidings('tidings start', serviceThat(Promise.resolve(), calls), options);
  assert.equal(started.code, 0);
  assert.deepEqual(calls, ['start own', 'create ', 'start', 'drain', 'close app', 'close own']);
  assert.match(started.out, /source +main +postgresql:\/\/own@localhost\/db/);
  const inspection = { status: () => Promise.resolve(STATUS) };
  assert.equal((await tidings('tidings status', { inspection }, options)).code, 0);
});

test('uninstall with an own database: refused while the service runs, which keeps its database', async () => {
  const options = { cwd: mkdtempSync(join(root, 'own-')), env: {} };
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

test('a command reports a bad configuration like any other error', async () => {
  const cwd = mkdtempSync(join(root, 'bad-'));
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
