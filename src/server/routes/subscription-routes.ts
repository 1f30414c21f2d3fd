import { z } from 'zod';
import { withoutUndefined } from '../../util/without-undefined.ts';
import { described } from '../../option/described.ts';
import { DEFINITION_BODY, NEW_SUBSCRIPTION_BODY } from '../schemas/definition.ts';
import { problems, problemsWithBody } from '../schemas/problem.ts';
import { PAUSE_BODY, REPLAY_BODY, REWIND_BODY, SUBSCRIPTION_PARAMS } from '../schemas/requests.ts';
import { REPLAY_REPORT, SUBSCRIPTION, TEST_REPORT } from '../schemas/subscription.ts';
import { type Api, makePage, type RouteContext, untilGone } from './route.ts';

const tags = ['Subscriptions'];
const URL = '/v1/subscriptions';

/** Who moves one is answered also while the database is not: it may be why they pause it. */
const MOVED = { warnings: false };

/** Subscriptions: what there is, and what can be done with one. */
export function subscriptionRoutes(app: Api, context: RouteContext): void {
  readingRoutes(app, context);
  definingRoutes(app, context);
  movingRoutes(app, context);
  sendingRoutes(app, context);
}

function readingRoutes(app: Api, context: RouteContext): void {
  const { service, draining } = context;
  app.route({
    method: 'GET',
    url: URL,
    config: { right: 'read' },
    schema: {
      operationId: 'listSubscriptions',
      summary: 'All subscriptions by name, also those that are only remembered',
      tags,
      response: {
        200: described(z.object({ subscriptions: z.array(SUBSCRIPTION).readonly() }), 'By name.'),
        ...problems(),
      },
    },
    handler: async (_request, reply) => ({
      subscriptions: await makePage(context, reply, () => service.subscriptions()),
    }),
  });
  app.route({
    method: 'GET',
    url: `${URL}/:name`,
    config: { right: 'read' },
    schema: {
      operationId: 'getSubscription',
      summary: 'One subscription',
      tags,
      params: SUBSCRIPTION_PARAMS,
      response: { 200: SUBSCRIPTION, ...problems(404) },
    },
    handler: ({ params }, reply) =>
      service.subscription(params.name, { signal: untilGone(reply, draining) }),
  });
}

function definingRoutes(app: Api, { service, draining }: RouteContext): void {
  app.route({
    method: 'POST',
    url: URL,
    config: { right: 'write' },
    schema: {
      operationId: 'createSubscription',
      summary: 'Make a subscription that outlives restarts; it begins at once',
      tags,
      body: NEW_SUBSCRIPTION_BODY,
      response: { 201: SUBSCRIPTION, ...problemsWithBody(409, 422) },
    },
    handler: async ({ body }, reply) => {
      const { name, ...definition } = body;
      const made = await service.createSubscription(name, definition, untilGone(reply, draining));
      return await reply
        .code(201)
        .header('location', `${URL}/${encodeURIComponent(name)}`)
        .send(made);
    },
  });
  app.route({
    method: 'PUT',
    url: `${URL}/:name`,
    config: { right: 'write' },
    schema: {
      operationId: 'changeSubscription',
      summary: 'Replace the definition of a subscription that was made here; its place stays',
      tags,
      params: SUBSCRIPTION_PARAMS,
      body: DEFINITION_BODY,
      response: { 200: SUBSCRIPTION, ...problemsWithBody(404, 409, 422) },
    },
    handler: ({ params, body }, reply) =>
      service.changeSubscription(params.name, body, untilGone(reply, draining)),
  });
  app.route({
    method: 'DELETE',
    url: `${URL}/:name`,
    config: { right: 'write' },
    schema: {
      operationId: 'deleteSubscription',
      summary: 'End a subscription and forget its place and what it has parked',
      tags,
      params: SUBSCRIPTION_PARAMS,
      response: { 204: described(z.null(), 'It is gone.'), ...problems(404, 409) },
    },
    handler: async ({ params }, reply) => {
      await service.deleteSubscription(params.name);
      return await reply.code(204).send(null);
    },
  });
}

function movingRoutes(app: Api, { service }: RouteContext): void {
  app.route({
    method: 'POST',
    url: `${URL}/:name/pause`,
    config: { right: 'write' },
    schema: {
      operationId: 'pauseSubscription',
      summary: 'Stand still until it is resumed, also over restarts',
      tags,
      params: SUBSCRIPTION_PARAMS,
      body: PAUSE_BODY,
      response: { 200: SUBSCRIPTION, ...problemsWithBody(404, 409) },
    },
    handler: async ({ params, body }) => {
      await service.pause(params.name, body?.reason);
      return await service.subscription(params.name, MOVED);
    },
  });
  app.route({
    method: 'POST',
    url: `${URL}/:name/resume`,
    config: { right: 'write' },
    schema: {
      operationId: 'resumeSubscription',
      summary: 'Go on after a pause',
      tags,
      params: SUBSCRIPTION_PARAMS,
      response: { 200: SUBSCRIPTION, ...problems(404, 409) },
    },
    handler: async ({ params }) => {
      await service.resume(params.name);
      return await service.subscription(params.name, MOVED);
    },
  });
  app.route({
    method: 'POST',
    url: `${URL}/:name/rewind`,
    config: { right: 'write' },
    schema: {
      operationId: 'rewindSubscription',
      summary: 'Deliver everything from there on again, in order',
      tags,
      params: SUBSCRIPTION_PARAMS,
      body: REWIND_BODY,
      response: { 200: SUBSCRIPTION, ...problemsWithBody(404, 409, 410) },
    },
    handler: async ({ params, body }) => {
      await service.rewind(params.name, body.to);
      return await service.subscription(params.name, MOVED);
    },
  });
}

function sendingRoutes(app: Api, { service, draining }: RouteContext): void {
  app.route({
    method: 'POST',
    url: `${URL}/:name/replay`,
    config: { right: 'write' },
    schema: {
      operationId: 'replaySubscription',
      summary: 'Deliver a range of the log, or everything parked, once more',
      tags,
      params: SUBSCRIPTION_PARAMS,
      body: REPLAY_BODY,
      response: { 202: REPLAY_REPORT, ...problemsWithBody(404, 409, 410) },
    },
    handler: async ({ params, body }, reply) => {
      const what =
        'from' in body ? { from: body.from, ...withoutUndefined({ to: body.to }) } : body;
      return await reply.code(202).send(await service.replay(params.name, what));
    },
  });
  app.route({
    method: 'POST',
    url: `${URL}/:name/test`,
    config: { right: 'write' },
    schema: {
      operationId: 'testSubscription',
      summary: 'Send one delivery that is marked as a test, and show what went over the wire',
      tags,
      params: SUBSCRIPTION_PARAMS,
      response: { 200: TEST_REPORT, ...problems(404, 409) },
    },
    handler: ({ params }, reply) => service.testDelivery(params.name, untilGone(reply, draining)),
  });
}
