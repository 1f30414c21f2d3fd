import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Operation } from '../change/change.ts';
import { type ChangeView, createChangeDecoder } from '../change/decode.ts';
import type { Dialect } from '../change/dialect.ts';
import { type Cell, encodeImages, type RowImages } from '../change/row-images.ts';
import type { Column, TableDefinition } from '../change/table.ts';
import { isTidingsError, type TidingsError } from '../errors/tidings-error.ts';
import { CONDITION_LIMITS } from './condition/environment.ts';
import { compileCondition } from './where.ts';

/** Wire values from their own JSON: these tests are about conditions, not about a database. */
const dialect: Dialect = {
  name: 'json',
  reader: (column) =>
    column.array || ['boolean', 'integer', 'float', 'json'].includes(column.kind)
      ? (text) => JSON.parse(text) as string
      : (text) => text,
};

const column = (name: string, kind: Column['kind'], array = false): Column => ({
  name,
  kind,
  type: kind,
  array,
});

const table: TableDefinition = {
  schema: 'public',
  name: 'accounts',
  columns: [
    column('id', 'integer'),
    column('email', 'text'),
    column('balance', 'decimal'),
    column('active', 'boolean'),
    column('created_at', 'timestamptz'),
    column('doc', 'json'),
    column('tags', 'text', true),
    column('prices', 'decimal', true),
    column('ratio', 'float'),
    column('born', 'date'),
    column('photo', 'bytes'),
    column('bio', 'text'),
  ],
  key: [0],
  identity: 'full',
  dialect: 'json',
};

type Cells = Partial<Record<string, Cell>>;

const DEFAULTS: Cells = {
  id: '"9007199254740993"',
  email: 'ann@example.com',
  balance: '100.50',
  active: 'true',
  created_at: '2026-01-01T10:00:00.123456Z',
  doc: '{"status":"new","count":5,"list":[1,2]}',
  tags: '["a","b"]',
  prices: '["1.50","2"]',
  ratio: '0.5',
  born: '1990-02-28',
  photo: 'YWJj',
  bio: null,
};

const cells = (row: Cells): Cell[] =>
  table.columns.map(({ name }) => {
    const value = name in row ? row[name] : DEFAULTS[name];
    return value;
  });

interface Parts {
  readonly operation?: Operation;
  readonly before?: Cells | 'absent' | 'key';
  readonly after?: Cells | 'absent';
  readonly context?: string | null;
}

function view({
  operation = 'update',
  before = {},
  after = {},
  context = null,
}: Parts = {}): ChangeView {
  const whole = { kind: 'old' as const };
  const images: RowImages = {
    before:
      before === 'absent'
        ? null
        : before === 'key'
          ? { kind: 'key', cells: cells({}) }
          : { ...whole, cells: cells(before) },
    after: after === 'absent' ? null : cells(after),
  };
  return createChangeDecoder('main', [dialect]).view({
    offset: 5,
    table,
    operation,
    key: operation === 'truncate' ? null : (DEFAULTS.id ?? null),
    previousKey: null,
    images: encodeImages(images),
    transaction: { first: 5, last: 5, id: '9', position: 'p', committedAt: 0, context },
  });
}

const insert = view({ operation: 'insert', before: 'absent' });
const update = view({ before: { balance: '50' } });
const remove = view({ operation: 'delete', after: 'absent' });
const truncate = view({ operation: 'truncate', before: 'absent', after: 'absent' });

const holds = (where: string, on: ChangeView = update): boolean =>
  compileCondition(where).holds(on);

function failure(where: string, on: ChangeView = update): string {
  try {
    holds(where, on);
  } catch (error) {
    assert.ok(isTidingsError(error, 'FILTER_FAILED'), String(error));
    return String(error.details['problem']);
  }
  return assert.fail(`${where} has an answer`);
}

function invalid(where: string): TidingsError<'FILTER_INVALID'> {
  try {
    compileCondition(where);
  } catch (error) {
    assert.ok(isTidingsError(error, 'FILTER_INVALID'), String(error));
    return error;
  }
  return assert.fail(`${where} is valid`);
}

test('values compare as people expect, and exactly', () => {
  for (const where of [
    'after.balance > 100',
    'after.balance == 100.5',
    'after.balance == 100.50',
    '100 < after.balance',
    'after.balance != 100',
    'after.balance == decimal("100.500")',
    'after.balance < 100.50000000001',
    'after.balance in [99, 100.5]',
    '!(after.balance in [99, 101])',
    'after.balance + 0.1 == 100.6',
    'after.balance * 3 - 1 == 300.5',
    '-after.balance == -100.5',
    'before.balance != after.balance',
    'after.id == 9007199254740993',
    'after.id != 9007199254740992',
    'after.id > 9007199254740992',
    'after.id in [9007199254740993]',
    'key.id == 9007199254740993',
    'after.ratio == 0.5 && after.ratio < 1',
    'after.email == "ann@example.com"',
    'after.email.endsWith("@example.com")',
    'after.email.like("a__@%.com") && after.email.ilike("ANN%")',
    'after.active && after.active == true',
    'after.created_at > timestamp("2026-01-01T00:00:00Z")',
    'after.created_at > timestamp("2026-01-01T10:00:00.123455Z")',
    'after.created_at == timestamp("2026-01-01T11:00:00.123456+01:00")',
    'after.created_at < timestamp("2026-01-01T00:00:00Z") + duration("10h1s")',
    'after.created_at - timestamp("2026-01-01T00:00:00Z") > duration("10h")',
    'after.created_at.getFullYear() == 2026 && after.created_at.getHours() == 10',
    'after.created_at in [timestamp("2026-01-01T10:00:00.123456Z")]',
    'string(after.created_at) == "2026-01-01T10:00:00.123456Z"',
    'after.born >= "1990-01-01" && after.born < "1991-01-01"',
    'after.doc.status == "new" && after.doc.count == 5 && after.doc.list[1] == 2',
    'after.doc.list.exists(n, n > 1)',
    '"a" in after.tags && after.tags.all(tag, size(tag) == 1)',
    '1.5 in after.prices && 2 in after.prices && after.prices.exists(p, p > 1.9)',
    'after.photo == b"abc"',
    'after["email"] == after.email',
  ]) {
    assert.equal(holds(where), true, where);
  }
});

test('what is not a column: operation, table, schema, changed, context', () => {
  assert.equal(holds('operation == "update" && schema == "public" && table == "accounts"'), true);
  assert.equal(holds('operation in ["insert", "delete"]', remove), true);
  assert.equal(holds('"balance" in changed'), true);
  assert.equal(holds('"email" in changed'), false);
  for (const other of [insert, remove, truncate])
    assert.equal(holds('size(changed) == 0', other), true);
  const withContext = view({ context: '{"actor":"ann","big":9007199254740993}' });
  assert.equal(holds('context.actor == "ann"', withContext), true);
  assert.equal(holds('context.actor == "ann"'), false, 'nothing was attached');
  assert.equal(holds('!has(context.actor)'), true);
});

test('a row that cannot be there is null, and so are its columns', () => {
  assert.equal(holds('before == null && null == before', insert), true);
  assert.equal(holds('after == null', remove), true);
  assert.equal(holds('after != null', insert), true);
  assert.equal(holds('before == null && after == null && key == null', truncate), true);
  assert.equal(holds('after.balance > 100', remove), false);
  assert.equal(holds('before.balance != after.balance', insert), true);
  assert.equal(holds('has(before.email)', insert), false);
  for (const nested of [
    'after.doc.status == "new"',
    'after.tags.exists(tag, true)',
    '"a" in after.tags',
    'after.created_at + duration("1h") > timestamp("2020-01-01T00:00:00Z")',
    'after.created_at.getHours() == 10',
    'size(after.tags) > 0',
    'after.active',
    '!after.active',
    'after.active && true',
  ]) {
    assert.equal(holds(nested, remove), false, nested);
  }
});

test('null is neither above nor below anything, as in SQL', () => {
  const nulls = view({ after: { balance: null, email: null, active: null, doc: null } });
  for (const unknown of [
    'after.balance > 100',
    'after.balance <= 100',
    '!(after.balance > 100)',
    'after.balance + 1 > 0',
    'after.email.startsWith("a")',
    'after.email.lowerAscii() < "b"',
    'after.active',
    '!after.active',
    'after.doc.status == "new"',
  ]) {
    assert.equal(holds(unknown, nulls), false, unknown);
    assert.equal(holds(`${unknown} || true`, nulls), true, 'the other side decides');
    assert.equal(holds(`${unknown} && false`, nulls), false);
  }
  assert.equal(holds('after.email == null && after.balance == null', nulls), true);
  assert.equal(holds('after.email != null', nulls), false);
  assert.equal(holds('after.email != "x"', nulls), true, 'null differs from every value');
  assert.equal(holds('has(after.email)', nulls), true, 'null is a known value');
});

test('a JSON member that is not there decides nothing', () => {
  assert.equal(holds('after.doc.missing == 1'), false);
  assert.equal(holds('!(after.doc.missing == 1)'), false);
  assert.equal(holds('has(after.doc.missing)'), false);
  assert.equal(holds('after.doc.?missing.orValue("none") == "none"'), true);
});

test('an element that a list does not have decides nothing', () => {
  assert.equal(holds('after.tags[1] == "b"'), true);
  assert.equal(holds('after.tags[5] == "b"'), false);
  assert.equal(holds('after.doc.list[7] == 1'), false);
  assert.equal(holds('after.tags[0] == "a"', view({ after: { tags: null } })), false);
});

test('a member of a value that has none is a slip', () => {
  for (const where of [
    'after.email.length == 3',
    'after.tags.length == 2',
    'after.balance.x == 1',
  ]) {
    assert.match(failure(where), /no such key/, where);
    assert.match(
      failure(where, view({ after: { email: null, tags: null, balance: null } })),
      /key/,
    );
  }
});

test('what might be anything has no answer: it stops, and says what to do', () => {
  assert.match(failure('after.mail == "x"'), /no column mail/);
  assert.match(failure('before.email == "x"', view({ before: 'key' })), /REPLICA IDENTITY FULL/);
  assert.match(failure('before.email == "x"', view({ before: 'absent' })), /REPLICA IDENTITY FULL/);
  assert.match(failure('"email" in changed', view({ before: 'absent' })), /REPLICA IDENTITY FULL/);
  // No statement from names that are not quoted, and not only for one of a table's partitions.
  for (const condition of ['before.email == "x"', '"email" in changed']) {
    const text = failure(condition, view({ before: 'absent' }));
    assert.match(text, /`tidings doctor` prints the statement/);
    assert.doesNotMatch(text, /ALTER/);
  }
  const unchanged = view({ before: 'absent', after: { bio: undefined } });
  assert.match(failure('after.bio == "x"', unchanged), /does not report after.bio/);
  assert.equal(holds('has(after.bio)', unchanged), false);
  assert.equal(holds('has(after.mail) && after.mail == "x"'), false);
  assert.equal(holds('after.?mail.orValue("none") == "none"'), true);
  assert.equal(holds('"mail" in after || "email" in after'), true);
  assert.match(failure('key.email == "x"'), /no column of the key/);
  assert.match(failure('after.born < "2000"', view({ after: { born: '0044-03-15 BC' } })), /years/);
  assert.equal(holds('after.born > "2000"', view({ after: { born: 'infinity' } })), true);
});

test('comparing different types is a slip and is said, also inside lists', () => {
  for (const where of [
    'after.id == "9007199254740993"',
    '"100.50" == after.balance',
    'after.balance != "100.50"',
    'after.email == 5',
    'after.active == "true"',
    'after.active == 1',
    'after.created_at == "2026-01-01T10:00:00.123456Z"',
    'after.tags == "a"',
    'after.id in ["9007199254740993"]',
    'after.email in [1, 2]',
    'after.email > 5',
    'after.created_at > "2026-01-01"',
    'after.balance / 2 > 1',
  ]) {
    assert.notEqual(failure(where), '', where);
  }
  assert.match(failure('after.id == "7"'), /type int is compared with one of type string/);
});

test('a failure names condition, change and table, and keeps the cause', () => {
  assert.throws(
    () => holds('after.mail == 1'),
    (error) =>
      isTidingsError(error, 'FILTER_FAILED') &&
      error.message ===
        'The condition `after.mail == 1` has no answer for change main:p:0 of public.accounts: the table has no column mail.' &&
      error.cause instanceof Error,
  );
});

test('a condition that is not valid is refused with its place', () => {
  const error = invalid('after.email != null &&\n  foo == 1');
  assert.deepEqual([error.details['line'], error.details['column']], [2, 3]);
  assert.equal(error.details['excerpt'], '    foo == 1\n    ^');
  assert.match(error.message, /Unknown variable: foo/);
  for (const [where, problem] of [
    ['', /./],
    ['after.balance >', /EOF/],
    ['after.balance > 100 100', /./],
    ['after', /has to be true or false/],
    ['1', /has to be true or false/],
    ['after > 5', /no such overload/],
    ['nope(after.id)', /nope/],
    ['after.email.matches("(a+)+$")', /matches\(\) is not offered/],
    ['b"{}".json().a == 1', /json\(\) is not offered/],
    ['after.balance > 0.1000000000000000055511', /decimal\("0.1000000000000000055511"\)/],
    [`after.email == "${'x'.repeat(CONDITION_LIMITS.length)}"`, /longer than/],
    [Array.from({ length: 300 }, () => 'after.id == 1').join(' || '), /./],
    [`${'('.repeat(100)}true${')'.repeat(100)}`, /./],
    ['after.tags.all(a, after.tags.all(b, after.tags.all(c, true)))', /too deep/],
  ] as const) {
    assert.match(invalid(where).message, problem, where.slice(0, 60));
  }
});

test('a condition reaches nothing but the change', () => {
  const change = view({ after: { doc: '{"__proto__":{"own":1},"constructor":2}' } });
  for (const where of [
    'after.constructor == null',
    'after.__proto__ == null',
    'after["constructor"] == null',
    'after.size == 1',
    'key.toString == null',
  ]) {
    assert.match(failure(where, change), /column/, where);
  }
  for (const where of [
    'after.doc.toString == null',
    'after.doc.status.constructor == null',
    'after.tags.length == 2',
    'after.balance.constructor == null',
    'after.created_at.micros > 0',
    'after.created_at.__proto__ == null',
    'context.constructor == null',
    'duration("1s").constructor == null',
    'cel.constructor == null',
    'timestamp("2026-01-01T00:00:00Z").constructor == null',
  ]) {
    let answer = false;
    try {
      answer = holds(where, change);
    } catch (error) {
      assert.ok(isTidingsError(error), where);
    }
    assert.equal(answer, false, where);
  }
  assert.equal(holds('after.doc.constructor == 2', change), true, 'own members are data');
  for (const where of ['process == null', 'globalThis == null', 'this == null', 'require("fs")']) {
    invalid(where);
  }
  assert.equal(Object.hasOwn(Object.prototype, 'own'), false);
});

test('one condition serves many changes in turn', () => {
  const condition = compileCondition('after.balance > 100 && operation != "delete"');
  assert.deepEqual(
    [insert, remove, update, view({ after: { balance: '99' } }), insert].map((on) =>
      condition.holds(on),
    ),
    [true, false, true, false, true],
  );
});

interface ReferenceRow {
  readonly balance: string | null;
  readonly email: string | null;
  readonly active: boolean | null;
}

const rows: fc.Arbitrary<ReferenceRow> = fc.record({
  balance: fc.option(
    fc.integer({ min: -30_000, max: 30_000 }).map((cents) => (cents / 100).toFixed(2)),
  ),
  email: fc.option(fc.constantFrom('', 'a', 'ann', 'bob')),
  active: fc.option(fc.boolean()),
});

type Truth = boolean | null;
interface Clause {
  readonly text: string;
  readonly value: (row: ReferenceRow) => Truth;
}

const cents = (text: string): number => Math.round(Number(text) * 100);

const leaf: fc.Arbitrary<Clause> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('<', '<=', '>', '>=', '==', '!='),
      fc.integer({ min: -20_000, max: 20_000 }),
    )
    .map(([operator, limit]): Clause => ({
      text: `after.balance ${operator} ${(limit / 100).toFixed(2)}`,
      value: ({ balance }) => {
        if (balance === null) return operator === '==' ? false : operator === '!=' ? true : null;
        const order = cents(balance) - limit;
        return (
          {
            '<': order < 0,
            '<=': order <= 0,
            '>': order > 0,
            '>=': order >= 0,
            '==': order === 0,
            '!=': order !== 0,
          }[operator] ?? null
        );
      },
    })),
  fc.constantFrom('a', 'an', '').map((prefix): Clause => ({
    text: `after.email.startsWith("${prefix}")`,
    value: ({ email }) => email?.startsWith(prefix) ?? null,
  })),
  fc.constant<Clause>({ text: 'after.email == null', value: ({ email }) => email === null }),
  fc.constant<Clause>({ text: 'after.active', value: ({ active }) => active }),
);

/** SQL's truth tables. */
const { clause } = fc.letrec<{ clause: Clause }>((tie) => ({
  clause: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.tuple(tie('clause'), tie('clause')).map(([a, b]): Clause => ({
      text: `(${a.text} && ${b.text})`,
      value: (row) => {
        const [left, right] = [a.value(row), b.value(row)];
        if (left === false || right === false) return false;
        return left === null || right === null ? null : true;
      },
    })),
    fc.tuple(tie('clause'), tie('clause')).map(([a, b]): Clause => ({
      text: `(${a.text} || ${b.text})`,
      value: (row) => {
        const [left, right] = [a.value(row), b.value(row)];
        if (left === true || right === true) return true;
        return left === null || right === null ? null : false;
      },
    })),
    tie('clause').map((a): Clause => ({
      text: `!(${a.text})`,
      value: (row) => {
        const value = a.value(row);
        return value === null ? null : !value;
      },
    })),
  ),
}));

test('property: conditions on random rows equal SQL’s three-valued logic', () => {
  fc.assert(
    fc.property(
      clause,
      fc.array(rows, { minLength: 1, maxLength: 5 }),
      ({ text, value }, candidates) => {
        const condition = compileCondition(text);
        for (const row of candidates) {
          const on = view({
            after: { ...row, active: row.active === null ? null : String(row.active) },
          });
          assert.equal(
            condition.holds(on),
            value(row) === true,
            `${text} on ${JSON.stringify(row)}`,
          );
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('property: any text is a condition or FILTER_INVALID, and never hangs', () => {
  const token = fc.constantFrom(
    'after',
    '.',
    'id',
    '==',
    '1',
    '(',
    ')',
    '"',
    '[',
    ']',
    '&&',
    '!',
    '?',
    ':',
    ' ',
    'has',
    ',',
    '1.5',
    'null',
    '\\',
    'in',
    '-',
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
      const where = tokens.join('');
      try {
        compileCondition(where).holds(update);
      } catch (error) {
        assert.ok(isTidingsError(error), `${where}: ${String(error)}`);
      }
    }),
    { numRuns: 2000 },
  );
});

test('the examples of the guide are valid', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/guide/filters.md'), 'utf8');
  const examples = /```cel\n([\s\S]*?)```/.exec(guide)?.[1]?.trimEnd().split('\n') ?? [];
  assert.ok(examples.length >= 10);
  for (const example of examples) assert.doesNotThrow(() => compileCondition(example), example);
});
