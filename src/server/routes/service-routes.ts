import { z } from 'zod';
import { HEALTHY } from '../health.ts';
import { serversOf } from '../openapi.ts';
import { readiness, type Readiness } from '../readiness.ts';
import { described } from '../../option/described.ts';
import { answer } from '../schemas/documented.ts';
import { problems, problemsOfAnybody } from '../schemas/problem.ts';
import { READINESS_QUERY } from '../schemas/requests.ts';
import { CAPTURE_STATE, STATUS } from '../schemas/status.ts';
import { type Api, makePage, type RouteContext } from './route.ts';

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const HEALTH = answer<typeof HEALTHY>()(
  'Health',
  'The process is up.',
  z.object({ status: z.literal('ok') }),
);

const REASON = {
  source: z.string(),
  state: CAPTURE_STATE,
  code: described(z.string().nullable(), 'Of its error; GET /v1/status says more.'),
};

const READINESS = answer<Readiness>()(
  'Readiness',
  'Whether changes are captured without delay, and which sources keep it from that.',
  z.object({
    ready: z.boolean(),
    sources: z.array(z.object({ ...REASON, ready: z.boolean() })),
    reasons: described(z.array(z.object(REASON)), 'Those of the sources that are not ready.'),
  }),
);

const tags = ['Service'];

/** How the service is, and what its API takes. */
export function serviceRoutes(app: Api, context: RouteContext): void {
  probeRoutes(app, context);
  observingRoutes(app, context);
}

function probeRoutes(app: Api, { service }: RouteContext): void {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { right: null },
    schema: {
      operationId: 'getHealth',
      summary: 'Whether the process is up',
      tags,
      security: [],
      response: { ...problemsOfAnybody(), 200: HEALTH },
    },
    handler: () => Promise.resolve(HEALTHY),
  });
  app.route({
    method: 'GET',
    url: '/readyz',
    config: { right: null },
    schema: {
      operationId: 'getReadiness',
      summary: 'Whether every source streams, or the one that is asked for',
      tags,
      security: [],
      querystring: READINESS_QUERY,
      response: { ...problemsOfAnybody(404), 200: READINESS, 503: READINESS },
    },
    handler: async ({ query }, reply) => {
      const answer = readiness(await service.status(), query.source);
      return await reply.code(answer.ready ? 200 : 503).send(answer);
    },
  });
}

function observingRoutes(app: Api, context: RouteContext): void {
  const { service } = context;
  app.route({
    method: 'GET',
    url: '/metrics',
    config: { right: 'read' },
    schema: {
      operationId: 'getMetrics',
      summary: 'Metrics in the text format of Prometheus',
      tags,
      response: {
        200: {
          description: 'docs/reference/metrics.md explains each.',
          content: { 'text/plain': { schema: z.string() } },
        },
        ...problems(),
      },
    },
    handler: async (_request, reply) =>
      await reply.type(METRICS_TYPE).send(await makePage(context, reply, () => service.metrics())),
  });
  app.route({
    method: 'GET',
    url: '/v1/status',
    config: { right: 'read' },
    schema: {
      operationId: 'getStatus',
      summary: 'How the service, its sources and its subscriptions are',
      tags,
      response: { 200: STATUS, ...problems() },
    },
    handler: (_request, reply) => makePage(context, reply, () => service.status()),
  });
  app.route({
    method: 'GET',
    url: '/openapi.json',
    config: { right: 'read' },
    schema: {
      operationId: 'getOpenApi',
      summary: 'This description, as OpenAPI 3.1',
      tags,
      response: { 200: described(z.record(z.string(), z.unknown()), 'OpenAPI 3.1'), ...problems() },
    },
    handler: () => Promise.resolve({ ...app.swagger(), servers: serversOf(service.url) }),
  });
}
