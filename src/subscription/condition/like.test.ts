import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesLike } from './like.ts';

/** LIKE by its definition, taking exponential time. */
function reference(text: readonly string[], pattern: readonly string[]): boolean {
  const [token, ...rest] = pattern;
  if (token === undefined) return text.length === 0;
  if (token === '%') {
    return text.some((_, skipped) => reference(text.slice(skipped), rest)) || reference([], rest);
  }
  const [character, ...following] = text;
  if (character === undefined) return false;
  if (token === '\\') {
    const [literal, ...after] = rest;
    return character === (literal ?? '\\') && reference(following, after);
  }
  return (token === '_' || token === character) && reference(following, rest);
}

test('property: LIKE by its definition', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\\', '😀'), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (value, pattern) => {
      assert.equal(matchesLike(value, pattern), reference(Array.from(value), Array.from(pattern)));
    }),
    { numRuns: 3000 },
  );
});

test('a hostile pattern on a long text takes no exponential time', () => {
  const started = performance.now();
  assert.equal(matchesLike('a'.repeat(20_000), `${'%a'.repeat(50)}b`), false);
  assert.ok(performance.now() - started < 2000);
});
