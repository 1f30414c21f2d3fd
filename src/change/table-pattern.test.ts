import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compileTablePatterns,
  matchesTable,
  parseTablePattern,
  TablePatternError,
  toLikePatterns,
} from './table-pattern.ts';

const wants = (patterns: string[], schema: string, table: string): boolean =>
  matchesTable(compileTablePatterns(patterns), schema, table);

test('a pattern names schema and table, with * for any characters of one part', () => {
  assert.equal(wants(['public.accounts'], 'public', 'accounts'), true);
  assert.equal(wants(['public.accounts'], 'public', 'accounts2'), false);
  assert.equal(wants(['public.*'], 'public', 'anything'), true);
  assert.equal(wants(['public.*'], 'sales', 'anything'), false);
  assert.equal(wants(['*.orders'], 'sales', 'orders'), true);
  assert.equal(wants(['sales_*.o*r*s'], 'sales_eu', 'orders'), true);
  assert.equal(wants(['public.a*b'], 'public', 'ab'), true);
  assert.equal(wants(['public.ab*ba'], 'public', 'aba'), false, 'pieces must not overlap');
});

test('case matters, because catalogues tell names apart by it', () => {
  assert.equal(wants(['public.Accounts'], 'public', 'accounts'), false);
});

test('! leaves tables out, wherever it stands in the list', () => {
  const patterns = ['!public.audit_*', 'public.*', '!*.tmp'];
  assert.equal(wants(patterns, 'public', 'accounts'), true);
  assert.equal(wants(patterns, 'public', 'audit_2026'), false);
  assert.equal(wants(patterns, 'public', 'tmp'), false);
});

test('quotes take a part literally', () => {
  assert.equal(wants(['"odd.schema"."a*b"'], 'odd.schema', 'a*b'), true);
  assert.equal(wants(['"odd.schema"."a*b"'], 'odd.schema', 'axb'), false);
  assert.equal(wants(['public."say ""hi"""'], 'public', 'say "hi"'), true);
  assert.equal(wants(['"!".x'], '!', 'x'), true);
});

test('no patterns mean no tables', () => {
  assert.equal(wants([], 'public', 'accounts'), false);
});

test('what does not parse is refused with a pattern that was probably meant', () => {
  const refused: [string[], string][] = [
    [['accounts'], 'public.accounts'],
    [['!accounts'], '!public.accounts'],
    [[''], 'public.*'],
    [['!'], 'public.*'],
    [['public.'], 'public.*'],
    [['.accounts'], 'public.*'],
    [['public..accounts'], 'public.*'],
    [['db.public.accounts'], '"odd.schema".orders'],
    [['public.my table'], 'public."my table"'],
    [['"public.accounts'], '"odd name".orders'],
    [['"".accounts'], '"odd name".orders'],
    [['"public"x.accounts'], '"odd name".orders'],
    [['Billing and Invoices.*'], '"Billing and Invoices".*'],
    [['sales.order lines'], 'sales."order lines"'],
    [['order lines'], 'public."order lines"'],
    [['order l*'], 'public."odd name"'],
    [['!public.audit'], 'public.*'],
  ];
  for (const [patterns, suggestion] of refused) {
    assert.throws(
      () => compileTablePatterns(patterns),
      (error) => error instanceof TablePatternError && error.suggestion === suggestion,
      patterns.join(),
    );
    if (!suggestion.startsWith('!')) assert.doesNotThrow(() => compileTablePatterns([suggestion]));
  }
});

const nameWithStars = fc.string({
  unit: fc.constantFrom('a', 'b', '_', '%', '\\', '*'),
  minLength: 1,
});
const name = fc.string({ unit: fc.constantFrom('a', 'b', '_', '%', '\\', '.') });

function toRegExp(pattern: string): RegExp {
  const pieces = pattern.split('*').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pieces.join('.*')}$`, 's');
}

/** What PostgreSQL's LIKE does, read off its manual (9.7.1). */
function likeToRegExp(like: string): RegExp {
  const source = like.replace(/\\(.)|%|_|[\s\S]/g, (token, escaped?: string) => {
    if (escaped !== undefined) return escaped.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    if (token === '%') return '.*';
    return token === '_' ? '.' : token.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}

test('property: matching equals a regular expression, and LIKE means the same', () => {
  fc.assert(
    fc.property(nameWithStars, nameWithStars, name, name, (schemaPattern, tablePattern, s, t) => {
      const patterns = compileTablePatterns([`${schemaPattern}.${tablePattern}`]);
      const expected = toRegExp(schemaPattern).test(s) && toRegExp(tablePattern).test(t);
      assert.equal(patterns.matches(s, t), expected);
      const [like] = toLikePatterns(patterns).include;
      assert.ok(like);
      assert.equal(likeToRegExp(like.schema).test(s) && likeToRegExp(like.table).test(t), expected);
    }),
    { numRuns: 2000 },
  );
});

test('property: parsing ends for any text, with a pattern or a TablePatternError', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '.', '"', '*', '!', ' ') }), (text) => {
      try {
        parseTablePattern(text);
      } catch (error) {
        assert.ok(error instanceof TablePatternError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a pattern of many wildcards takes no exponential time', () => {
  const pattern = `public.${'a*'.repeat(200)}b`;
  const started = performance.now();
  assert.equal(wants([pattern], 'public', 'a'.repeat(20_000)), false);
  assert.ok(performance.now() - started < 500);
});

test('LIKE patterns keep includes and excludes apart', () => {
  const patterns = compileTablePatterns(['public.a_b*', '!public.a_b_c']);
  assert.deepEqual(toLikePatterns(patterns), {
    include: [{ schema: 'public', table: 'a\\_b%' }],
    exclude: [{ schema: 'public', table: 'a\\_b\\_c' }],
  });
});
