import fastify from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Tidings } from '../app/tidings.ts';
import { AnswerRoom } from './answer-room.ts';
import { addRoutes } from './api.ts';
import { documentRoutes } from './openapi.ts';

/** The API's OpenAPI document, as `/openapi.json` of a running service answers it. */
export async function describeApi(): Promise<object> {
  const app = fastify().withTypeProvider<ZodTypeProvider>();
  // Routes are only described here: no request reaches the service that is not there.
  const service = {} as Tidings;
  const { signal } = new AbortController();
  await documentRoutes(app);
  addRoutes(app, { service, draining: signal, room: new AnswerRoom() });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => () => '');
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}
