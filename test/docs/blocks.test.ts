/** Blocks that are neither TypeScript nor commands of ours: each is what its language takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compileCondition } from '../../src/subscription/where.ts';
import { problemsOf } from '../deploy/promql.ts';
import { blocks, inlineCode } from './pages.ts';

test('every block has a language that is checked somewhere', () => {
  const known = ['ts', 'js', 'sh', 'console', 'yaml', 'json', 'sql', 'cel', ''];
  // The request of the guide has a test beside the sink; nginx is not at hand.
  const rest = ['http', 'python', 'nginx'];
  const strange = blocks().filter(({ language }) => ![...known, ...rest].includes(language));
  assert.deepEqual(strange, []);
});

test('scripts are parsed by a shell', () => {
  for (const { place, text } of blocks('sh')) {
    const { status, stderr } = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, ''], place);
  }
});

test('JSON is JSON', () => {
  for (const { place, text } of blocks('json')) {
    assert.doesNotThrow(() => JSON.parse(text) as unknown, place);
  }
});

test('YAML is YAML, and its alerts ask for metrics that there are', () => {
  const rules = blocks('yaml').flatMap(({ text }): unknown[] => {
    const parsed: unknown = parse(text);
    return Array.isArray(parsed) ? parsed : [];
  }) as { alert: string; expr: string }[];
  assert.ok(rules.length > 1);
  for (const { alert, expr } of rules) assert.deepEqual(problemsOf(expr), [], alert);
});

test('conditions are conditions', () => {
  const [block = assert.fail('no block')] = blocks('cel');
  const lines = block.text.trim().split('\n');
  const inline = inlineCode('docs/guide/filters.md').filter(
    (code) => /\b(?:before|after)[.[]/.test(code) && !code.endsWith(','),
  );
  assert.ok(lines.length > 8 && inline.length > 8);
  for (const condition of [...lines, ...inline]) {
    assert.doesNotThrow(() => compileCondition(condition), condition);
  }
});
