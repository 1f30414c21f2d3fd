import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Excerpt, MAX_ANSWER } from './excerpt.ts';
import { Hidden } from './hidden.ts';

function excerptOf(bytes: Buffer, at: readonly number[] = [], hidden: readonly string[] = []) {
  const excerpt = new Excerpt(new Hidden(hidden));
  let from = 0;
  for (const to of [...at, bytes.length]) {
    excerpt.add(bytes.subarray(from, to));
    from = to;
  }
  return excerpt;
}

test('whatever comes, it is well-formed, short, and controls no terminal', () => {
  const bytes = fc.uint8Array({ maxLength: 6_000 }).map((array) => Buffer.from(array));
  const text = fc.string({ unit: 'binary', maxLength: 3_000 }).map((one) => Buffer.from(one));
  fc.assert(
    fc.property(fc.oneof(bytes, text), (body) => {
      const shown = excerptOf(body).text;
      assert.ok(shown.length <= 1_001);
      assert.ok(shown.isWellFormed());
      assert.match(shown, /^[\P{C}\n\t]*$/u);
    }),
    { numRuns: 200 },
  );
});

test('into whatever pieces it comes, it is the same', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 2_000 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(4_000), { maxLength: 5 }), (written, cuts) => {
      const body = Buffer.from(written);
      const at = cuts.filter((cut) => cut <= body.length).toSorted((left, right) => left - right);
      assert.equal(excerptOf(body, at).text, excerptOf(body).text);
    }),
    { numRuns: 200 },
  );
});

test('text stays as it is; what is no text and what controls is replaced', () => {
  const shown = (body: Buffer | string): string => excerptOf(Buffer.from(body)).text;
  assert.equal(shown('  { "a":\t"ü" }\r\nnext\n'), '{ "a":\t"ü" }\nnext');
  assert.equal(shown('\u001b[2Ja\u0007\u202eb\u0000'), '\ufffd[2Ja\ufffd\ufffdb\ufffd');
  assert.equal(shown(Buffer.from([0x61, 0xff, 0xc3, 0x62])), 'a\ufffd\ufffdb');
});

test('a character of two code units is not cut in two', () => {
  const shown = excerptOf(Buffer.from(`a${'😀'.repeat(700)}`)).text;
  assert.equal(shown, `a${'😀'.repeat(499)}…`);
});

test('what is to be hidden is hidden before anything is cut off', () => {
  const secret = 'Bearer geheim-geheim';
  const body = Buffer.from(`${'x'.repeat(990)}${secret} and geheim-geheim`);
  assert.equal(excerptOf(body, [995], [secret]).text, `${'x'.repeat(990)}… and …`);
});

test('the beginning is kept and the rest only counted', () => {
  const excerpt = excerptOf(Buffer.alloc(MAX_ANSWER, 'a'));
  assert.equal(excerpt.tooLong, false);
  excerpt.add(Buffer.from('b'));
  assert.equal(excerpt.tooLong, true);
  assert.equal(excerpt.text, `${'a'.repeat(1_000)}…`);
});
