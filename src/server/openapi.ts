import swagger from '@fastify/swagger';
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from 'fastify-type-provider-zod';
import { readVersion } from '../app/version.ts';
import type { Api } from './routes/route.ts';
import { DOCUMENTATION } from './schemas/documented.ts';

const DESCRIPTION = `What can be asked of a running Tidings and done to it. docs/guide/http-api.md introduces it; the service gives out each page under the name that this description and answers call it by, \`GET /docs/guide/http-api.md\`.

Times are ISO 8601 in UTC. Errors are problem details (RFC 9457) with a \`code\` out of docs/reference/errors.md. Between versions members are only added: pass over what you do not know.`;

const TAGS = [
  { name: 'Service', description: 'How the service is.' },
  { name: 'Subscriptions', description: 'Who is told of which changes.' },
  { name: 'Deliveries', description: 'What waits for another attempt, or was given up.' },
  { name: 'Changes', description: 'The log itself.' },
  { name: 'Undo', description: 'Taking changes back.' },
];

const DEFAULT_SERVER = {
  url: 'http://127.0.0.1:7070',
  description: 'Where it listens by default.',
};

/**
 * The servers that a running service's document names. The second is relative to the place that the
 * document was fetched from (OpenAPI 3.1, "Server Object"): only the client knows which proxy, and
 * which path of it, it came through.
 */
export function serversOf(listening: string | null): readonly object[] {
  return [
    ...(listening === null ? [] : [{ url: listening, description: 'Where it listens.' }]),
    { url: '.', description: 'Where this document was fetched, also behind a proxy.' },
  ];
}

/** Makes the description of all routes that are registered afterwards: `app.swagger()` is it. */
export async function documentRoutes(app: Api): Promise<void> {
  const schemas = {
    schemaRegistry: DOCUMENTATION,
    zodToJsonConfig: { override: openAnswers },
  };
  const transformObject = createJsonSchemaTransformObject(schemas);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.1',
      info: {
        title: 'Tidings',
        version: readVersion(),
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
      },
      servers: [DEFAULT_SERVER],
      tags: TAGS,
      security: [{ token: [] }],
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'Not needed on a loopback address while no token is configured.',
          },
        },
      },
    },
    transform: createJsonSchemaTransform(schemas),
    transformObject: (document) => finish(transformObject(document)),
  });
}

/**
 * Answers may get more members in a later version, so their schemas do not forbid them, which is what
 * zod makes of objects that it hands out.
 */
function openAnswers({
  zodSchema,
  jsonSchema,
}: {
  readonly zodSchema: { readonly _zod: { readonly def: { readonly type: string } } };
  readonly jsonSchema: { additionalProperties?: unknown };
}): void {
  const { def } = zodSchema._zod;
  if (def.type === 'object' && !('catchall' in def && def.catchall !== undefined)) {
    delete jsonSchema.additionalProperties;
  }
}

type Document = ReturnType<ReturnType<typeof createJsonSchemaTransformObject>>;

/** As much of a document as is worked on here. */
interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { description?: string }>> };
}

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { required: boolean };
  readonly responses: Readonly<Record<string, Answer>>;
}

interface Answer {
  description: string;
  headers?: object;
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>;
}

/** What the plugins have no setting for. */
function finish(document: Document): Document {
  const whole = document as unknown as OpenApi;
  for (const operation of Object.values(whole.paths).flatMap((path) => Object.values(path))) {
    finishOperation(operation, whole.components.schemas);
  }
  return { ...document, components: { ...whole.components, schemas: used(whole) } } as Document;
}

/** The plugin takes every body for required. */
const OPTIONAL_BODIES = new Set(['pauseSubscription', 'applyUndo']);

const header = (description: string): object => ({ description, schema: { type: 'string' } });
const HEADERS: Readonly<Record<string, object>> = {
  201: { Location: header('Where it is from now on.') },
  401: { 'WWW-Authenticate': header('Asks for a bearer token (RFC 6750).') },
  503: { 'Retry-After': header('When to ask again, seconds.') },
};

function finishOperation(
  { operationId, requestBody, responses }: Operation,
  schemas: OpenApi['components']['schemas'],
): void {
  if (requestBody !== undefined) requestBody.required = !OPTIONAL_BODIES.has(operationId);
  for (const [status, answer] of Object.entries(responses)) {
    const [media] = Object.values(answer.content ?? {});
    const name = media?.schema.$ref?.split('/').at(-1) ?? '';
    // A description beside a reference is lost on the way.
    if (answer.description === 'Default Response') {
      answer.description = schemas[name]?.description ?? 'Done.';
    }
    const headers = status === '503' && name !== 'Problem' ? undefined : HEADERS[status];
    if (headers !== undefined) answer.headers = headers;
  }
}

/** The schemas that something refers to: each was made for requests as well as for answers. */
function used({ paths, components }: OpenApi): Readonly<Record<string, unknown>> {
  const names = new Set<string>();
  const visit = (part: unknown): void => {
    const references = JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name = ''] of references) {
      if (names.has(name)) continue;
      names.add(name);
      visit(components.schemas[name]);
    }
  };
  visit(paths);
  return Object.fromEntries(
    Object.entries(components.schemas)
      .filter(([name]) => names.has(name))
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}
