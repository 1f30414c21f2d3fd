import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonSchema } from './json-schema-arbitrary.ts';

/** An operation of an OpenAPI document, with what a test wants to know of it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With `{name}` for its parameters. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly required: boolean; readonly schema: JsonSchema } | null;
  /** By status and media type; null where an answer has no body. */
  readonly answers: ReadonlyMap<number, ReadonlyMap<string, ValidateFunction> | null>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly schema: JsonSchema;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

interface DocumentOperation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

/** RFC 3339 with what it leaves open decided: capital letters, and a zone. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Reads a document; `valid` says whether a value is what a request's schema wants. */
export function readOpenApi(document: unknown): {
  readonly operations: readonly Operation[];
  readonly valid: (schema: JsonSchema, value: unknown) => boolean;
} {
  const { paths, components } = closed(document) as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addFormat('date-time', DATE_TIME).addFormat('uri', (text) => URL.canParse(text));
  const compile = (schema: JsonSchema): ValidateFunction => ajv.compile({ ...schema, components });
  const compiled = new Map<JsonSchema, ValidateFunction>();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Operation => {
      const { operationId: id, parameters = [], requestBody, responses } = operation;
      const schema = requestBody?.content['application/json']?.schema;
      assert.equal(schema === undefined, requestBody === undefined, id);
      return {
        id,
        method: method.toUpperCase(),
        path,
        parameters,
        body: schema === undefined ? null : { required: requestBody?.required === true, schema },
        answers: new Map(
          Object.entries(responses).map(([status, { content }]) => [
            Number(status),
            content === undefined
              ? null
              : new Map(
                  Object.entries(content).map(([type, { schema }]) => [type, compile(schema)]),
                ),
          ]),
        ),
      };
    }),
  );
  const valid = (schema: JsonSchema, value: unknown): boolean => {
    const validate = compiled.get(schema) ?? compile(schema);
    compiled.set(schema, validate);
    return validate(value);
  };
  return { operations, valid };
}

/**
 * The document with objects that take no other members than those it names. It leaves answers open,
 * so that members can be added; but what is answered today, it has to name.
 */
function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed);
  if (typeof part !== 'object' || part === null) return part;
  const members = Object.entries(part).map(([name, value]) => [name, closed(value)]);
  const copy = Object.fromEntries(members) as Record<string, unknown>;
  const isObject = copy['type'] === 'object' && copy['properties'] !== undefined;
  if (isObject) copy['additionalProperties'] ??= false;
  return copy;
}
