import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Change, OPERATIONS, type Row } from './change.ts';
import { formatMicros } from './time.ts';
import { parseWire, toWire, WireFormatError } from './wire.ts';

const update: Change = {
  id: 'main:000000000A1B2C3D:0',
  source: 'main',
  offset: 123,
  operation: 'update',
  schema: 'public',
  table: 'accounts',
  key: { id: 7 },
  before: { id: 7, email: 'old@example.com', balance: '100.50', big: '9007199254740993' },
  after: { id: 7, email: 'new@example.com', balance: '100.50', big: '9007199254740993' },
  changed: ['email'],
  transaction: {
    id: '7712',
    position: '000000000A1B2C3D',
    index: 0,
    last: true,
    committedAt: '2026-11-18T11:06:40.123456Z',
    context: { actor: 'ann' },
  },
};

const truncate: Change = {
  ...update,
  operation: 'truncate',
  key: null,
  before: null,
  after: null,
  changed: null,
  transaction: { ...update.transaction, context: null },
};

/** What receivers were promised: it changes only together with the type's version. */
const golden = readFileSync(join(import.meta.dirname, 'wire.golden.ndjson'), 'utf8');

test('the wire form is, to the byte, what the golden file says', () => {
  const lines = [update, truncate].map((change) => `${JSON.stringify(toWire(change))}\n`);
  assert.equal(lines.join(''), golden);
});

test('the reference has an example that can be: its position is written as the log writes it', () => {
  const path = join(import.meta.dirname, '../../docs/reference/wire-format.md');
  const [, example = ''] = /```json\n(.*?)```/s.exec(readFileSync(path, 'utf8')) ?? [];
  const change = parseWire(example);
  assert.deepEqual(toWire(change), JSON.parse(example));
  assert.match(change.transaction.position, /^[0-9A-F]{16}$/);
  assert.equal(change.id, `main:${change.transaction.position}:${change.transaction.index}`);
});

test('the golden file is read back', () => {
  const changes = golden.trimEnd().split('\n').map(parseWire);
  assert.deepEqual(changes, [update, truncate]);
});

/** What the CloudEvents 1.0 JSON schema demands of the attributes that are used here. */
test('the envelope is a CloudEvent', () => {
  const wire = toWire({ ...update, source: 'köln/1' });
  assert.equal(wire.specversion, '1.0');
  for (const name of ['id', 'source', 'type', 'subject', 'time', 'datacontenttype'] as const) {
    assert.ok(wire[name].length > 0, name);
  }
  assert.match(wire.source, /^\/sources\/[\w%.~-]+$/, 'a URI reference');
  assert.equal(new URL(wire.source, 'https://tidings.example').pathname, wire.source);
  assert.match(wire.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, 'RFC 3339');
  for (const name of Object.keys(wire)) assert.match(name, /^[a-z0-9]{1,20}$/);
});

const row: fc.Arbitrary<Row> = fc.dictionary(
  fc.string(),
  fc.jsonValue() as fc.Arbitrary<Row[string]>,
);
const name = fc.string({ unit: 'binary' });
const anyChange: fc.Arbitrary<Change> = fc
  .record({
    source: name,
    offset: fc.maxSafeNat(),
    operation: fc.constantFrom(...OPERATIONS),
    schema: name,
    table: name,
    key: fc.option(row),
    before: fc.option(row),
    after: fc.option(row),
    changed: fc.option(fc.array(name)),
    transaction: fc.record({
      id: fc.string(),
      position: fc.string(),
      index: fc.nat(),
      last: fc.boolean(),
      committedAt: fc.maxSafeNat().map(formatMicros),
      context: fc.jsonValue() as fc.Arbitrary<Row[string]>,
    }),
  })
  .map((change) => {
    const { position, index } = change.transaction;
    return { id: `${change.source}:${position}:${index}`, ...change };
  });

test('property: parsing the wire form gives the change back', () => {
  fc.assert(
    fc.property(anyChange, (change) => {
      const text = JSON.stringify(toWire(change));
      const wire = toWire(parseWire(text));
      assert.equal(JSON.stringify(wire), text, 'also the order of members is stable');
    }),
  );
});

test('members that a later version may add are passed over', () => {
  const wire = toWire(update);
  const later = { ...wire, traceparent: '00-0-0-00', data: { ...wire.data, note: 1 } };
  assert.deepEqual(parseWire(later), update);
});

test('what is no change is refused, with the place', () => {
  const wire = toWire(update);
  const { data } = wire;
  const refused: [unknown, string][] = [
    ['{', ''],
    ['[]', ''],
    [null, ''],
    [{ ...wire, specversion: '0.3' }, 'specversion'],
    [{ ...wire, type: 'tidings.change.v2' }, 'type'],
    [{ ...wire, id: 'main:000000000A1B2C3D:9' }, 'id'],
    [{ ...wire, id: 7 }, 'id'],
    [{ ...wire, source: 'main' }, 'source'],
    [{ ...wire, source: '/sources/%' }, 'source'],
    [{ ...wire, subject: 'public.other' }, 'subject'],
    [{ ...wire, time: 'yesterday' }, 'time'],
    [{ ...wire, data: undefined }, 'data'],
    [{ ...wire, data: { ...data, operation: 'upsert' } }, 'data.operation'],
    [{ ...wire, data: { ...data, offset: 1.5 } }, 'data.offset'],
    [{ ...wire, data: { ...data, offset: -1 } }, 'data.offset'],
    [{ ...wire, data: { ...data, offset: 2 ** 53 } }, 'data.offset'],
    [{ ...wire, data: { ...data, key: [1] } }, 'data.key'],
    [{ ...wire, data: { ...data, after: 'x' } }, 'data.after'],
    [{ ...wire, data: { ...data, after: undefined } }, 'data.after'],
    [{ ...wire, data: { ...data, changed: [1] } }, 'data.changed'],
    [{ ...wire, data: { ...data, transaction: {} } }, 'data.transaction.id'],
    [
      { ...wire, data: { ...data, transaction: { ...data.transaction, last: 'yes' } } },
      'data.transaction.last',
    ],
    [
      { ...wire, data: { ...data, transaction: { ...data.transaction, context: undefined } } },
      'data.transaction.context',
    ],
  ];
  for (const [value, path] of refused) {
    assert.throws(
      () => parseWire(value),
      (error) => error instanceof WireFormatError && error.path === path,
      path,
    );
  }
});
