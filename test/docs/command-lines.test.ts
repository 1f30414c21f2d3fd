/** Every `tidings …` that a page tells people to type is there, with its options and arguments. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { complaintOf } from '../support/typed-command.ts';
import { shellWords, tidingsLines } from './command-lines.ts';
import { blocks, inlineCodes, ROOT, steps } from './pages.ts';

test('words are those that a shell hands over', () => {
  assert.deepEqual(shellWords(`tidings undo --where 'a > "b"' --by "an\\"n" # why`), [
    'tidings',
    'undo',
    '--where',
    'a > "b"',
    '--by',
    'an"n',
  ]);
  assert.deepEqual(shellWords('tidings status --json | jq .x'), ['tidings', 'status', '--json']);
  assert.deepEqual(tidingsLines('TIDINGS_TOKEN=x npx tidings find \\\n  --all\nls tidings'), [
    ['tidings', 'find', '--all'],
  ]);
});

test('the commands of a terminal end where a shell would run them', () => {
  assert.deepEqual(steps("$ curl -d '{\n}' x\n{}\n\n$ a \\\n  b\n"), [
    { command: "curl -d '{\n}' x", answer: '{}' },
    { command: 'a \\\n  b', answer: '' },
  ]);
});

test('commands of the pages, as they stand in blocks', () => {
  const typed = blocks('', 'sh', 'console').flatMap(({ place, text }) =>
    tidingsLines(text).map((words) => [place, words] as const),
  );
  assert.ok(typed.length > 50, String(typed.length));
  const wrong = typed.flatMap(([place, words]) => {
    const complaint = complaintOf(words, true);
    return complaint === null ? [] : [`${place} ${words.join(' ')}: ${complaint}`];
  });
  assert.deepEqual(wrong, []);
});

test('commands of the pages, as they stand in a sentence', () => {
  const named = inlineCodes().flatMap(([page, code]) =>
    tidingsLines(code).map((words) => [page, words] as const),
  );
  assert.ok(named.length > 60, String(named.length));
  const wrong = named.flatMap(([page, words]) => {
    const complaint = complaintOf(words);
    return complaint === null ? [] : [`${page} ${words.join(' ')}: ${complaint}`];
  });
  assert.deepEqual(wrong, []);
});

test('examples of the help texts', () => {
  const reference = readFileSync(join(ROOT, 'docs/reference/cli.md'), 'utf8');
  const examples = [...reference.matchAll(/^Examples:\n((?: {2}.+\n)+)/gm)].flatMap(
    ([, lines = '']) =>
      // What it does stands behind at least two spaces.
      lines.split('\n').map((line) => line.trim().replace(/ {2,}.*$/, '')),
  );
  const typed = examples.flatMap((example) => tidingsLines(example));
  assert.ok(typed.length > 60, String(typed.length));
  const wrong = typed.flatMap((words) => {
    const complaint = complaintOf(words, true);
    return complaint === null ? [] : [`${words.join(' ')}: ${complaint}`];
  });
  assert.deepEqual(wrong, []);
});
