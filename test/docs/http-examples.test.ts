/** The requests and answers that docs/guide/http-api.md shows are those of the OpenAPI document. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readOpenApi } from '../support/openapi.ts';
import { shellWords } from './command-lines.ts';
import { parseElided } from './elided-json.ts';
import { blocks, inlineCodes, readPage, ROOT, type Step, steps } from './pages.ts';
import { complaintsOf, type Schema, type Schemas } from './shown-answer.ts';

const PAGE = 'docs/guide/http-api.md';

type Answers = Readonly<
  Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
>;

const document = JSON.parse(readFileSync(join(ROOT, 'docs/reference/openapi.json'), 'utf8')) as {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Answers }>>>
  >;
  readonly components: { readonly schemas: Schemas };
};
const { operations, valid } = readOpenApi(document);

/** A request as curl makes it. */
interface Request {
  readonly method: string;
  readonly url: URL;
  readonly body: string | undefined;
}

const variables = new Map([['api', 'http://127.0.0.1:7070']]);

function readCurl(command: string): Request {
  const filled = command.replaceAll(/\$(\w+)/g, (_, name: string) => variables.get(name) ?? name);
  const words = shellWords(filled).slice(1);
  const after = (...flags: string[]): string | undefined =>
    words.find((_, at) => flags.includes(words[at - 1] ?? ''));
  const body = after('-d', '--data');
  const url = words.find((word) => word.startsWith('http')) ?? assert.fail(command);
  return { method: after('-X') ?? (body === undefined ? 'GET' : 'POST'), url: new URL(url), body };
}

function matches(path: string, url: URL): boolean {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(url.pathname);
}

function check({ command, answer }: Step): void {
  const { method, url, body } = readCurl(command);
  const operation =
    operations.find((each) => each.method === method && matches(each.path, url)) ??
    assert.fail(`no ${method} ${url.pathname}`);
  const parameters = operation.parameters.filter((each) => each.in === 'query');
  for (const name of url.searchParams.keys()) {
    assert.ok(
      parameters.some((each) => each.name === name),
      `${command}: no ${name}`,
    );
  }
  if (body !== undefined) {
    const schema = operation.body?.schema ?? assert.fail(command);
    assert.ok(valid(schema, JSON.parse(body)), command);
  }
  const json = /^\{[^]*\}$/m.exec(answer)?.[0];
  if (json === undefined) return;
  const shown = parseElided(json) as { readonly status?: unknown };
  const problem = typeof shown.status === 'number' ? shown.status : undefined;
  const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? String(problem ?? success(operation));
  const responses = document.paths[operation.path]?.[method.toLowerCase()]?.responses ?? {};
  const [content] = Object.values(responses[status]?.content ?? {});
  assert.ok(content, `${command}: ${status} is not described`);
  assert.deepEqual(complaintsOf(shown, content.schema, document.components.schemas), [], command);
}

function success({ answers }: (typeof operations)[number]): number {
  return [...answers.keys()].find((status) => status < 300) ?? assert.fail('no success');
}

test('an example that is not an answer is found', () => {
  const schemas: Schemas = {};
  const schema: Schema = {
    type: 'object',
    required: ['a', 'b'],
    properties: { a: { type: 'string' }, b: { type: 'array', items: { type: 'integer' } } },
  };
  const say = (text: string): string[] => complaintsOf(parseElided(text), schema, schemas);
  assert.deepEqual(say('{"a": "x, …", "b": [1, …]}'), []);
  assert.deepEqual(say('{"a": "x", …}'), []);
  assert.deepEqual(say('{…, "b": []}'), []);
  assert.deepEqual(say('{"a": "x"}'), ['.b is left out in silence']);
  assert.deepEqual(say('{"a": 1, "c": 2, …\n "b": [""]}'), [
    '.a is no number',
    '.c is not there',
    '.b[0] is no string',
  ]);
});

const shown = blocks('console').flatMap(({ text }) => steps(text));

test('there are requests', () => assert.ok(shown.length > 15, String(shown.length)));

for (const step of shown) {
  const [, name, value] = /^(\w+)=(\S+|".*")$/.exec(step.command) ?? [];
  if (name !== undefined) variables.set(name, value ?? '');
  else test(step.command.split('\n')[0] ?? '', () => check(step));
}

test('addresses in the text are there', () => {
  const named = inlineCodes().flatMap(([page, code]) => {
    const path =
      /^(?:GET |POST |PUT |DELETE )?(\/(?:v1|healthz|readyz|metrics|openapi)[^?\s]*)/.exec(code);
    return path === null ? [] : [[page, path[1] ?? ''] as const];
  });
  assert.ok(named.length > 8);
  const wrong = named.filter(
    ([, path]) => !operations.some((each) => matches(each.path, new URL(path, 'http://a'))),
  );
  assert.deepEqual(wrong, []);
  const steps = [...readPage(PAGE).matchAll(/`(?:POST )?…(\/\w+)`/g)].map(([, end = '']) => end);
  assert.ok(steps.length > 5);
  const strange = steps.filter((end) => !operations.some(({ path }) => path.endsWith(end)));
  assert.deepEqual(strange, []);
});
