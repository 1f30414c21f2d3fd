import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TidingsError } from '../errors/tidings-error.ts';
import { type ConfigInput, defineConfig } from './define-config.ts';
import { resolveConfig } from './resolve-config.ts';

const URL = 'postgresql://ann:geheim@db.example/shop';
const SUBSCRIPTION = { tables: ['public.accounts'], to: { handler: './crm.ts' } };

/** The coded error that a configuration gets, as `CODE: message → hint`. */
function complaint(input: unknown): string {
  try {
    resolveConfig(input, { name: 'tidings.config.ts', directory: '/srv/shop' });
  } catch (error) {
    assert.ok(error instanceof TidingsError, String(error));
    assert.equal(error.exit, 64);
    assert.ok(!error.message.includes('geheim'), 'the password is not shown');
    return `${error.code}: ${error.message} → ${error.hint}`;
  }
  return 'accepted';
}

const source = (options: object): object => ({ sources: { main: { url: URL, ...options } } });
const subscription = (options: object): object => ({
  ...source({}),
  subscriptions: { crm: { ...SUBSCRIPTION, ...options } },
});
const url = (written: unknown): object => ({ sources: { main: { url: written } } });

const ALL = 'All options: docs/reference/configuration.md.';
const DURATION = `and has to be a duration: '250ms', '30s', '5m', '2h', '7d' or milliseconds`;
const ADDRESS = 'postgresql://user:password@host:5432/database';

/** What is wrong with one value, the key it is under, and the problem that is told. */
const INVALID: readonly (readonly [input: unknown, key: string, problem: string])[] = [
  [5, 'the whole of it', 'is a number, and has to be an object'],
  [null, 'the whole of it', 'is null, and has to be an object'],
  [[], 'the whole of it', 'is a list, and has to be an object'],
  [{ dataDir: '' }, 'dataDir', 'is empty'],
  [{ dataDir: 7 }, 'dataDir', 'is a number, not text'],
  [
    { logLevel: 'inof' },
    'logLevel',
    'is "inof" (did you mean info?), and has to be trace, debug, info, warn, error or silent',
  ],
  [{ sources: [] }, 'sources', 'is a list, and has to be an object'],
  [{ sources: { main: URL } }, 'sources.main', 'is text, and has to be an object'],
  [
    { sources: { Main: { url: URL } } },
    'sources.Main',
    'is not a name: a lower-case letter, then letters, digits, - or _, at most 40 in all',
  ],
  [
    { sources: { 'a.b': { url: URL } } },
    'sources."a.b"',
    'is not a name: a lower-case letter, then letters, digits, - or _, at most 40 in all',
  ],
  [
    { sources: { 'my-shop': { url: URL }, my_shop: { url: URL } } },
    'sources.my_shop',
    'differs from sources.my-shop only in - and _, which are the same in a database',
  ],
  [url(7), 'sources.main.url', `is not text; write ${ADDRESS}`],
  [url('localhost:5432/shop'), 'sources.main.url', `is not an address; write ${ADDRESS}`],
  [
    url('http://ann:geheim@db/shop'),
    'sources.main.url',
    'begins with http://, and has to begin with postgresql://',
  ],
  [
    url('postgresql://ann:geheim#1@db/shop'),
    'sources.main.url',
    `is not an address of the form ${ADDRESS}; in a user name or password write # as %23, / as %2F, ? as %3F, @ as %40`,
  ],
  [
    url('postgresql://ann:geheim%zz@db/shop'),
    'sources.main.url',
    'has a % that two hexadecimal digits should follow; write % as %25',
  ],
  ...[
    'postgresql://ann:geheim@a,b/shop',
    'postgresql://ann:geheim@a:5432,b:5433/shop?target_session_attrs=primary',
    'postgresql:///shop?host=a,b',
    'postgresql://ann:ge,heim@a/shop?sslmode=require&host=%2Frun%2Fa%2C%2Frun%2Fb',
  ].map(
    (several) =>
      [
        url(several),
        'sources.main.url',
        `names several hosts, and Tidings connects to one: name the primary, or a name that leads to whatever is the primary; write ${ADDRESS}`,
      ] as const,
  ),
  ...['ann:geheim@/shop?host=/run', 'ann@/shop', 'ann@:5433/shop?host=/run'].map(
    (socket) =>
      [
        url(`postgresql://${socket}`),
        'sources.main.url',
        'has a user and no host; for a socket write its folder as the host, with / as %2F: postgresql://user:password@%2Fvar%2Frun%2Fpostgresql/database',
      ] as const,
  ),
  [
    source({ capture: 'wall' }),
    'sources.main.capture',
    'is "wall" (did you mean wal?), and has to be wal',
  ],
  [source({ tables: 'public.*' }), 'sources.main.tables', "is text, and has to be a list: ['…']"],
  [source({ tables: [] }), 'sources.main.tables', 'is an empty list'],
  [source({ tables: [7] }), 'sources.main.tables', 'has 7, which is not text'],
  [
    source({ tables: ['orders'] }),
    'sources.main.tables',
    'has "orders", which names no schema; for instance: public.orders',
  ],
  [source({ tables: ['public.a', 'public.a'] }), 'sources.main.tables', 'has "public.a" twice'],
  [
    subscription({ operations: ['insert', 'updates'] }),
    'subscriptions.crm.operations',
    'is "updates" (did you mean update?), and has to be insert, update, delete or truncate',
  ],
  [subscription({ columns: [] }), 'subscriptions.crm.columns', 'is an empty list'],
  [subscription({ columns: ['email', 'email'] }), 'subscriptions.crm.columns', 'has "email" twice'],
  [subscription({ where: '' }), 'subscriptions.crm.where', 'is empty'],
  [subscription({ to: './crm.ts' }), 'subscriptions.crm.to', 'is text, and has to be an object'],
  [subscription({ to: {} }), 'subscriptions.crm.to.handler', 'is missing'],
  [
    subscription({ from: 'yesterday' }),
    'subscriptions.crm.from',
    'is "yesterday", and has to be head, floor, an offset, or a time with its zone such as 2026-11-21T08:00:00Z',
  ],
  [
    subscription({ from: '2026-02-30T08:00:00Z' }),
    'subscriptions.crm.from',
    'is "2026-02-30T08:00:00Z", and has to be head, floor, an offset, or a time with its zone such as 2026-11-21T08:00:00Z',
  ],
  [
    subscription({ delivery: { timeout: '30 s' } }),
    'subscriptions.crm.delivery.timeout',
    `is "30 s", ${DURATION}`,
  ],
  [
    subscription({ delivery: { timeout: '0s' } }),
    'subscriptions.crm.delivery.timeout',
    'is "0s", and has to be from 1ms to 24d',
  ],
  [
    subscription({ delivery: { timeout: '25d' } }),
    'subscriptions.crm.delivery.timeout',
    'is "25d", and has to be from 1ms to 24d',
  ],
  [
    subscription({ delivery: { backoff: { max: 'five minutes' } } }),
    'subscriptions.crm.delivery.backoff.max',
    `is "five minutes", ${DURATION}`,
  ],
  [
    subscription({ delivery: { maxConcurrency: 0 } }),
    'subscriptions.crm.delivery.maxConcurrency',
    'is 0, and has to be a whole number from 1 to 1000',
  ],
  [
    subscription({ delivery: { maxAttempts: 1.5 } }),
    'subscriptions.crm.delivery.maxAttempts',
    'is 1.5, and has to be a whole number from 1 to 1000',
  ],
  [
    subscription({ delivery: { backoff: { jitter: 2 } } }),
    'subscriptions.crm.delivery.backoff.jitter',
    'is 2, and has to be a number from 0 to 1',
  ],
  [
    { log: { segmentBytes: '5 GB' } },
    'log.segmentBytes',
    `is "5 GB", and has to be a size: '256MB', '1GiB' or a number of bytes`,
  ],
  [
    { log: { segmentBytes: '1kB' } },
    'log.segmentBytes',
    'is "1kB", and has to be at least 1000000 bytes',
  ],
  [
    { log: { retention: { maxAge: 'for ever' } } },
    'log.retention.maxAge',
    `is "for ever", ${DURATION}`,
  ],
  [
    { log: { retention: { hard: 'yes' } } },
    'log.retention.hard',
    'is "yes", and has to be true or false',
  ],
  [
    { sources: { a: { url: URL }, b: { url: URL } }, subscriptions: { crm: SUBSCRIPTION } },
    'subscriptions.crm.source',
    'is missing; it may be one of a, b',
  ],
];

for (const [input, key, problem] of INVALID) {
  test(`refused: ${key} ${problem}`.replaceAll('geheim', '…'), () => {
    const hint = `Correct ${key} there. ${ALL}`;
    const expected = `CONFIG_INVALID: tidings.config.ts: ${key} ${problem}. → ${hint}`;
    assert.equal(complaint(input), expected);
  });
}

const UNKNOWN: readonly (readonly [input: object, key: string, advice: string])[] = [
  [{ source: {} }, 'source', 'Did you mean sources?'],
  [{ retention: {} }, 'retention', 'Did you mean log.retention?'],
  [
    { storage: {} },
    'storage',
    'Possible here: dataDir, logLevel, sources, subscriptions, webhooks, http, log.',
  ],
  [
    subscription({ operatons: ['insert'] }),
    'subscriptions.crm.operatons',
    'Did you mean subscriptions.crm.operations?',
  ],
  [
    subscription({ to: { handlr: './crm.ts' } }),
    'subscriptions.crm.to.handlr',
    'Did you mean subscriptions.crm.to.handler?',
  ],
  [
    subscription({ timeout: '5s' }),
    'subscriptions.crm.timeout',
    'Did you mean subscriptions.*.delivery.timeout?',
  ],
];

for (const [input, key, advice] of UNKNOWN) {
  test(`unknown key: ${key}`, () => {
    const expected = `CONFIG_UNKNOWN_KEY: tidings.config.ts: there is no option ${key}. → ${advice} ${ALL}`;
    assert.equal(complaint(input), expected);
  });
}

const NOT_YET: readonly (readonly [input: object, what: string])[] = [
  [source({ capture: 'trigger' }), 'sources.main.capture asks for "trigger"'],
  [source({ capture: 'binlog' }), 'sources.main.capture asks for "binlog"'],
  [url('mysql://ann:geheim@db/shop'), 'sources.main.url asks for a MySQL or MariaDB source'],
];

for (const [input, what] of NOT_YET) {
  test(`not yet: ${what}`, () => {
    const message = `tidings.config.ts: ${what}, which this version of Tidings does not have yet.`;
    const hint = 'Leave it out. docs/reference/configuration.md lists what there is.';
    assert.equal(complaint(input), `CONFIG_NOT_YET: ${message} → ${hint}`);
  });
}

test('a subscription may only name a source that is configured', () => {
  assert.equal(
    complaint(subscription({ source: 'mian' })),
    'CONFIG_SOURCE_UNKNOWN: tidings.config.ts: subscriptions.crm.source names a source mian that is not configured. → Did you mean main?',
  );
  assert.equal(
    complaint(subscription({ source: 'warehouse' })),
    'CONFIG_SOURCE_UNKNOWN: tidings.config.ts: subscriptions.crm.source names a source warehouse that is not configured. → Configured: main.',
  );
  assert.equal(
    complaint({ subscriptions: { crm: { ...SUBSCRIPTION, source: 'main' } } }),
    'accepted',
  );
});

test('all problems are told at once', () => {
  const input = {
    ...url(7),
    subscriptions: { crm: { ...SUBSCRIPTION, operatons: [], delivery: { timeout: 'x' } } },
  };
  assert.equal(
    complaint(input),
    `CONFIG_PROBLEMS: tidings.config.ts has 3 problems:
  - sources.main.url is not text; write ${ADDRESS}.
  - subscriptions.crm.delivery.timeout is "x", ${DURATION}.
  - there is no option subscriptions.crm.operatons. Did you mean subscriptions.crm.operations? → Correct them there. ${ALL}`,
  );
});

const FULL: ConfigInput = defineConfig({
  dataDir: 'data',
  logLevel: 'warn',
  sources: { main: { url: URL, capture: 'wal', tables: ['public.*', '!public.audit'] } },
  subscriptions: {
    crm: {
      source: 'main',
      tables: ['public.accounts'],
      operations: ['insert', 'update'],
      columns: ['email'],
      where: 'after.balance > 100',
      to: { handler: './crm.ts' },
      from: '2026-11-21T08:00:00+02:00',
      delivery: {
        maxConcurrency: 4,
        timeout: '1.5s',
        maxAttempts: 3,
        backoff: { first: 100, factor: 3, max: '1m', jitter: 0 },
      },
    },
  },
  log: {
    segmentBytes: '64MiB',
    minFreeBytes: '1GB',
    retention: { maxAge: '90d', maxBytes: '10GB', hard: true },
  },
});

test('every option arrives with its meaning: milliseconds, bytes, absolute paths, times', () => {
  assert.deepEqual(resolveConfig(FULL, { directory: '/srv/shop' }), {
    dataDir: '/srv/shop/data',
    logLevel: 'warn',
    sources: { main: { url: URL, capture: 'wal', tables: ['public.*', '!public.audit'] } },
    subscriptions: {
      crm: {
        source: 'main',
        tables: ['public.accounts'],
        operations: ['insert', 'update'],
        columns: ['email'],
        where: 'after.balance > 100',
        to: { handler: '/srv/shop/crm.ts' },
        from: new Date('2026-11-21T06:00:00Z'),
        delivery: {
          maxConcurrency: 4,
          timeout: 1_500,
          maxAttempts: 3,
          backoff: { first: 100, factor: 3, max: 60_000, jitter: 0 },
        },
      },
    },
    webhooks: { allowAddresses: [] },
    log: {
      segmentBytes: 64 * 2 ** 20,
      minFreeBytes: 1e9,
      retention: { maxAge: 90 * 86_400_000, maxBytes: 1e10, hard: true },
    },
  });
});

test('a resolved configuration resolves to itself', () => {
  const once = resolveConfig(FULL, { directory: '/srv/shop' });
  assert.deepEqual(resolveConfig(once, { directory: '/elsewhere' }), once);
  const defaults = resolveConfig({}, { directory: '/srv/shop' });
  assert.deepEqual(resolveConfig(defaults, { directory: '/elsewhere' }), defaults);
});

test('the defaults', () => {
  const config = resolveConfig(
    {
      sources: { shop: { url: URL } },
      subscriptions: { crm: { ...SUBSCRIPTION, columns: undefined } },
    },
    { directory: '/srv/shop' },
  );
  assert.equal(config.dataDir, '/srv/shop/.tidings');
  assert.equal(config.logLevel, 'info');
  assert.deepEqual(config.sources['shop'], { url: URL, capture: 'wal', tables: ['public.*'] });
  assert.deepEqual(config.subscriptions['crm'], {
    source: 'shop',
    tables: ['public.accounts'],
    to: { handler: '/srv/shop/crm.ts' },
    from: 'head',
    delivery: {
      maxConcurrency: 16,
      timeout: 30_000,
      maxAttempts: 10,
      backoff: { first: 1_000, factor: 2, max: 300_000, jitter: 0.3 },
    },
  });
  assert.deepEqual(config.log, {
    segmentBytes: 256e6,
    minFreeBytes: 256e6,
    retention: { maxAge: 30 * 86_400_000, maxBytes: null, hard: false },
  });
});
