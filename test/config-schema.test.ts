/** The schema that editors check `tidings.config.json` with agrees with what Tidings takes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { optionEntries } from '../src/config/option-table.ts';
import { resolveConfig } from '../src/config/resolve-config.ts';

const file = join(import.meta.dirname, '../docs/reference/config.schema.json');
const validate = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(readFileSync(file, 'utf8')) as object,
);

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const SOURCES = { main: { url: 'postgresql://ann@db/shop' } };

function subscription(members: object): object {
  const to = { webhook: { url: 'https://crm.example/in', secret: SECRET } };
  return { sources: SOURCES, subscriptions: { crm: { tables: ['public.a'], to, ...members } } };
}

/** True when Tidings takes it. */
function resolves(config: object): boolean {
  try {
    resolveConfig(config);
    return true;
  } catch {
    return false;
  }
}

const CONFIGS: readonly object[] = [
  {},
  { sources: { main: {} } },
  { sources: { main: { url: 'postgresql://ann@db/shop', capture: 'wal', tables: ['public.*'] } } },
  { sources: { Main: {} } },
  { source: {} },
  { sources: { main: { tabels: [] } } },
  { sources: { main: { capture: 'poll' } } },
  { sources: { main: { tables: [] } } },
  { sources: { main: { tables: 'public.*' } } },
  { logLevel: 'loud' },
  { dataDir: '' },
  { log: { segmentBytes: '1GiB', retention: { maxAge: null, maxBytes: 'none', hard: true } } },
  { log: { retention: { maxAge: '30 days' } } },
  { log: { minFreeBytes: '1.5 parsecs' } },
  { http: { host: '127.0.0.1', port: 0, token: 'x'.repeat(20), cors: [] } },
  { http: { port: 70_000 } },
  { http: { tokens: { ops: { token: 'x'.repeat(20), rights: ['all'] } } } },
  { webhooks: { allowAddresses: ['127.0.0.0/8'] } },
  subscription({}),
  subscription({ tables: undefined }),
  subscription({ to: undefined }),
  subscription({ to: {} }),
  subscription({ to: { handler: './a.ts' } }),
  subscription({ to: { handler: './a.ts', webhook: { url: 'https://x.y', secret: SECRET } } }),
  subscription({ to: { webhook: { url: 'https://x.y', secret: 'geheim' } } }),
  subscription({ to: { webhook: { url: 'https://x.y', secret: [SECRET], headers: { a: 'b' } } } }),
  subscription({ operations: ['insert', 'upsert'] }),
  subscription({ columns: ['a'], where: 'after.a == 1', from: 12 }),
  subscription({ from: 'floor', delivery: { rate: 0.5, timeout: '30s', backoff: { jitter: 0 } } }),
  subscription({ delivery: { timeout: '30 seconds' } }),
];

for (const config of CONFIGS) {
  test(`both say the same of ${JSON.stringify(config)}`, () => {
    const written = JSON.parse(JSON.stringify(config)) as object;
    assert.equal(validate(written), resolves(written), JSON.stringify(validate.errors));
  });
}

test('limits are those that Tidings checks, and every default is valid', () => {
  for (const [path, { limits, default: value }] of optionEntries()) {
    const parts = path.split('.').map((part) => (part === '*' ? 'crm' : part));
    if (parts.includes('tokens')) continue;
    const both = (written: unknown): boolean => {
      const config = at(parts, written);
      const valid = validate(config);
      assert.equal(valid, resolves(config), `${path}: ${JSON.stringify(written)}`);
      return valid;
    };
    if (value !== undefined) assert.ok(both(value), path);
    if (limits === undefined) continue;
    const [min, max] = limits;
    assert.deepEqual([min, max, min - 1, max + 1].map(both), [true, true, false, false], path);
  }
});

/** A configuration with this one value, and what has to be there besides. */
function at(parts: readonly string[], value: unknown): object {
  const [first = '', ...rest] = parts;
  const base: Readonly<Record<string, unknown>> =
    first === 'subscriptions' ? (subscription({}) as Readonly<Record<string, unknown>>) : {};
  return setIn(base, [first, ...rest], value) as object;
}

function setIn(target: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const inner = typeof target === 'object' && target !== null ? target : {};
  return { ...inner, [key]: setIn(Reflect.get(inner, key), rest, value) };
}
