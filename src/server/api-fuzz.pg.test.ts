import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Answered,
  type Asked,
  type ServedApi,
  serveApi,
} from '../../test/support/api-fixture.ts';
import { breaking, conforming, type JsonSchema } from '../../test/support/json-schema-arbitrary.ts';
import { type Operation, type Parameter, readOpenApi } from '../../test/support/openapi.ts';
import { freshDatabase } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';
import { CATALOGUE } from '../errors/catalogue.ts';

/** For each operation of the description. */
const REQUESTS = 40;

/** A request, and whether the description allows it. */
interface Request {
  readonly method: string;
  readonly path: string;
  readonly asked: Asked;
  readonly allowed: boolean;
}

type Known = Readonly<Record<string, readonly unknown[]>>;

/** Names and texts that lead somewhere, besides those that are made up. */
const KNOWN: Known = {
  name: ['failing', 'calm', 'crm', 'nobody', '..', 'a/b'],
  subscription: ['failing', 'nobody'],
  source: ['main', 'other'],
  tables: [['public.accounts'], ['public.*', '!public.accounts'], ['*']],
  where: ['after.balance > 100', 'before == null', 'after.'],
  // One that waits a minute would tell no more than one that hardly does.
  wait: ['1ms', '0', '20'],
  state: [['parked'], ['retrying', 'discarded']],
};

test(
  'whatever is asked, the answer is one that the description has',
  { timeout: 120_000 },
  async () => {
    await using database = await freshDatabase();
    await using api = await populatedApi(database);
    const document = (await api.ask('GET', '/openapi.json')).json();
    const { operations, valid } = readOpenApi(document);
    const made = await api.ask('POST', '/v1/undo/plans', {
      body: JSON.stringify({ tables: ['public.accounts'], since: 0 }),
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(made.status, 201, made.text);
    const known = { ...KNOWN, id: [made.json<{ id: string }>().id, 'none'] };
    assert.ok(operations.length >= 20);
    for (const operation of operations) {
      await fc.assert(
        fc.asyncProperty(requests(operation, valid, known), async (request) => {
          const { method, path, asked } = request;
          assertDescribed(operation, request, await api.ask(method, path, asked));
        }),
        { numRuns: REQUESTS },
      );
    }
    assert.deepEqual(
      api.lines.filter((line) => line.includes('defect')),
      [],
    );
  },
);

/** A table with rows, a subscriber that fails and one that does not. */
async function populatedApi(
  database: Awaited<ReturnType<typeof freshDatabase>>,
): Promise<ServedApi> {
  await database.client.query(
    'CREATE TABLE accounts (id int PRIMARY KEY, email text, balance numeric)',
  );
  const api = await serveApi(
    { sources: { main: { url: database.url, tables: ['public.accounts'] } } },
    (tidings) => {
      const fail = (): Promise<void> => Promise.reject(new Error('not today'));
      tidings.register('failing', 'public.accounts', { insert: fail, maxAttempts: 1 });
      tidings.register('calm', 'public.accounts', { insert: () => undefined });
    },
  );
  await api.tidings.createSubscription('crm', {
    tables: ['public.accounts'],
    to: { webhook: { url: 'https://192.168.0.1', secret: `whsec_${'A'.repeat(43)}=` } },
  });
  await database.client.query(
    "INSERT INTO accounts SELECT n, 'a@b.example', n * 100 FROM generate_series(1, 10) n",
  );
  await until(async () => (await api.tidings.subscription('failing')).parked === 10);
  return api;
}

function requests(
  operation: Operation,
  valid: (schema: JsonSchema, value: unknown) => boolean,
  known: Known,
): fc.Arbitrary<Request> {
  const { method, path, parameters, body } = operation;
  return fc
    .record({
      values: fc.tuple(...parameters.map((parameter) => parameterValue(parameter, known))),
      body: body === null ? fc.constant(undefined) : bodyValue(body.schema),
      token: fc.oneof(
        { weight: 15, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(null, 'wrong', '') },
      ),
      type: fc.oneof(
        { weight: 15, arbitrary: fc.constant('application/json') },
        { weight: 1, arbitrary: fc.constantFrom('text/plain', 'application/json; charset=utf-8') },
      ),
    })
    .map(({ values, body: sent, token, type }): Request => {
      const allowed = parameters.every(({ schema, required }, at) =>
        values[at] === undefined ? !required : valid(schema, read(schema, written(values[at]))),
      );
      const bodyAllowed =
        body === null || (sent === undefined ? !body.required : valid(body.schema, sent));
      return {
        method,
        path: address(path, parameters, values),
        allowed:
          allowed && bodyAllowed && (sent === undefined || type.startsWith('application/json')),
        asked: {
          ...(token === undefined ? {} : { token }),
          ...(sent === undefined
            ? {}
            : { body: JSON.stringify(sent), headers: { 'content-type': type } }),
        },
      };
    });
}

/** A value of the parameter; undefined leaves it out. */
function parameterValue(
  { name, in: place, schema }: Parameter,
  names: Known,
): fc.Arbitrary<unknown> {
  const known = fc.constantFrom(...(names[name] ?? [1, 5, 10]));
  if (name === 'wait') return fc.oneof(known, fc.constant(undefined), fc.string());
  const conforms = conforming(schema);
  const breaks = fc.string({ unit: 'binary' });
  const given = fc.oneof(
    { weight: 5, arbitrary: known },
    { weight: 3, arbitrary: conforms },
    breaks,
  );
  return place === 'path' ? given : fc.option(given, { nil: undefined, freq: 2 });
}

function bodyValue(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.option(fc.oneof(conforming(schema), breaking(schema)), { nil: undefined, freq: 15 });
}

function address(path: string, parameters: readonly Parameter[], values: unknown[]): string {
  const query: string[] = [];
  let address = path;
  parameters.forEach(({ name, in: place }, at) => {
    if (values[at] === undefined) return;
    const text = written(values[at]).map(encodeURIComponent).join(',');
    if (place === 'path') address = address.replace(`{${name}}`, () => text);
    else query.push(`${name}=${text}`);
  });
  return query.length === 0 ? address : `${address}?${query.join('&')}`;
}

/** What is between the commas of a parameter. */
function written(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(written);
  return [typeof value === 'string' ? value : JSON.stringify(value)];
}

/** What a parameter of this schema means to who reads it. */
function read(schema: JsonSchema, parts: readonly string[]): unknown {
  const text = parts.join(',');
  if (schema.type === 'array') return text.split(',');
  return schema.type === 'integer' && /^(?!-0)-?\d+$/.test(text) ? Number(text) : text;
}

function assertDescribed(operation: Operation, request: Request, answered: Answered): void {
  const { status, headers, text } = answered;
  const shown = `${request.method} ${request.path} ${JSON.stringify(request.asked)} → ${status} ${text}`;
  assert.ok(status < 500, shown);
  const answers = operation.answers.get(status);
  assert.ok(answers !== undefined, `not described: ${shown}`);
  if (answers === null) {
    assert.equal(text, '', shown);
    return;
  }
  const type = String(headers['content-type']).replace(/;.*$/, '');
  const validate = answers.get(type);
  assert.ok(validate !== undefined, `not described as ${type}: ${shown}`);
  const body: unknown = type.endsWith('json') ? answered.json() : text;
  assert.ok(validate(body), `${JSON.stringify(validate.errors)}: ${shown}`);
  const code = type === 'application/problem+json' ? answered.json<{ code: string }>().code : null;
  if (code !== null) assert.ok(Object.hasOwn(CATALOGUE, code), shown);
  if (request.allowed) assert.notEqual(code, 'REQUEST_INVALID', `allowed: ${shown}`);
  else assert.ok(status >= 400, `not allowed: ${shown}`);
}
