import { z } from 'zod';
import { withoutUndefined } from '../../util/without-undefined.ts';
import { WIRE_CHANGE } from '../schemas/change.ts';
import { DELIVERY, DELIVERY_PAGE } from '../schemas/delivery.ts';
import { described } from '../../option/described.ts';
import { problems, problemsWithBody } from '../schemas/problem.ts';
import { DELIVERIES_QUERY, DELIVERY_PARAMS, DISCARD_BODY } from '../schemas/requests.ts';
import { REPLAY_REPORT } from '../schemas/subscription.ts';
import { type Api, makePage, type RouteContext } from './route.ts';

const tags = ['Deliveries'];
const URL = '/v1/subscriptions/:name/deliveries/:offset';

/** Deliveries that wait, are parked, or were given up. */
export function deliveryRoutes(app: Api, context: RouteContext): void {
  readingRoutes(app, context);
  changeRoute(app, context);
  decidingRoutes(app, context);
}

function readingRoutes(app: Api, context: RouteContext): void {
  const { service } = context;
  app.route({
    method: 'GET',
    url: '/v1/deliveries',
    config: { right: 'read' },
    schema: {
      operationId: 'listDeliveries',
      summary: 'Deliveries that are not done, or were given up',
      tags,
      querystring: DELIVERIES_QUERY,
      response: { 200: DELIVERY_PAGE, ...problems(404) },
    },
    handler: ({ query: { state, ...query } }, reply) =>
      makePage(context, reply, () =>
        service.deliveries(withoutUndefined({ ...query, states: state })),
      ),
  });
  app.route({
    method: 'GET',
    url: URL,
    config: { right: 'read' },
    schema: {
      operationId: 'getDelivery',
      summary: 'One delivery with its last error',
      tags,
      params: DELIVERY_PARAMS,
      response: { 200: DELIVERY, ...problems(404) },
    },
    handler: ({ params: { name, offset } }) => service.delivery(name, offset),
  });
}

function changeRoute(app: Api, { service }: RouteContext): void {
  app.route({
    method: 'GET',
    url: `${URL}/change`,
    config: { right: 'read' },
    schema: {
      operationId: 'getDeliveredChange',
      summary: 'The change of a delivery, also when only it is kept of its part of the log',
      tags,
      params: DELIVERY_PARAMS,
      response: {
        200: described(z.object({ change: WIRE_CHANGE.nullable() }), 'Null when it is gone.'),
        ...problems(404),
      },
    },
    handler: async ({ params: { name, offset } }) => ({
      change: await service.deliveredChange(name, offset),
    }),
  });
}

function decidingRoutes(app: Api, { service }: RouteContext): void {
  app.route({
    method: 'POST',
    url: `${URL}/retry`,
    config: { right: 'write' },
    schema: {
      operationId: 'retryDelivery',
      summary: 'Attempt a delivery now that waits for its next attempt',
      tags,
      params: DELIVERY_PARAMS,
      response: { 204: described(z.null(), 'It is attempted now.'), ...problems(404, 409) },
    },
    handler: async ({ params: { name, offset } }, reply) => {
      await service.retry(name, offset);
      return await reply.code(204).send(null);
    },
  });
  app.route({
    method: 'POST',
    url: `${URL}/replay`,
    config: { right: 'write' },
    schema: {
      operationId: 'replayDelivery',
      summary: 'Deliver one change once more, whatever became of it',
      tags,
      params: DELIVERY_PARAMS,
      response: { 202: REPLAY_REPORT, ...problems(404, 409, 410) },
    },
    handler: async ({ params: { name, offset } }, reply) =>
      await reply.code(202).send(await service.replay(name, { offset })),
  });
  app.route({
    method: 'POST',
    url: `${URL}/discard`,
    config: { right: 'write' },
    schema: {
      operationId: 'discardDelivery',
      summary: 'Give up a delivery; the endpoint never gets it by itself',
      tags,
      params: DELIVERY_PARAMS,
      body: DISCARD_BODY,
      response: { 204: described(z.null(), 'It is given up.'), ...problemsWithBody(404, 409) },
    },
    handler: async ({ params: { name, offset }, body }, reply) => {
      await service.discard(name, offset, body.reason);
      return await reply.code(204).send(null);
    },
  });
}
