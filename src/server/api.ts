import { randomUUID } from 'node:crypto';
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Tidings } from '../app/tidings.ts';
import type { HttpConfig } from '../config/define-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { LogFields, Logger } from '../observe/logger.ts';
import type { Access } from './access.ts';
import { type AnswerLimits, AnswerRoom } from './answer-room.ts';
import { allowedMethods, type KnownRoute } from './allowed-methods.ts';
import { refuseForeignPages } from './browser-guard.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import type { Right } from './access.ts';
import { documentRoutes } from './openapi.ts';
import { BODY_LIMIT, PROBLEM_TYPE, problemHeaders, toProblem } from './problem.ts';
import { changeRoutes } from './routes/change-routes.ts';
import { deliveryRoutes } from './routes/delivery-routes.ts';
import { docRoutes } from './routes/doc-routes.ts';
import { logRoutes } from './routes/log-routes.ts';
import { serviceRoutes } from './routes/service-routes.ts';
import { subscriptionRoutes } from './routes/subscription-routes.ts';
import { undoRoutes } from './routes/undo-routes.ts';
import type { Api, RouteContext } from './routes/route.ts';

export interface ApiOptions {
  readonly service: Tidings;
  readonly access: Access;
  /** null: only the control token opens it. */
  readonly http: HttpConfig | null;
  readonly logger: Logger;
  /** Aborts when the service drains: ends what waits. */
  readonly draining: AbortSignal;
  /** Default: {@link ANSWER_LIMITS}. */
  readonly limits?: AnswerLimits;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the token that came with it; null without one. */
    caller: string | null;
  }
  interface FastifyContextConfig {
    /** What the caller has to have the right to; null: anybody. */
    readonly right?: Right | null;
  }
}

/** A name may be longer than any that is taken: then it is not found. */
const MAX_PARAM_LENGTH = 1_000;

/** The API as something that answers requests; it listens nowhere by itself. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error, request, reply) => {
      // Such as an address that cannot be decoded; hooks do not see these.
      reply.headers(commonHeaders(request));
      sendProblem(error, request, reply);
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // What the application answers is sent as it is. The schemas describe it, and the compiler has
  // compared them; a serializer made of them would drop a member that they lack.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  readJsonOnly(app);
  guard(app, options);
  answerErrors(app, options);
  const room = new AnswerRoom(options.limits);
  countAnswers(app, room);
  await documentRoutes(app);
  addRoutes(app, { ...options, room });
  await app.ready();
  return app;
}

/** Everything that can be asked. */
export function addRoutes(app: Api, { service, draining, room }: RouteContext): void {
  const context = { service, draining, room };
  serviceRoutes(app, context);
  docRoutes(app);
  subscriptionRoutes(app, context);
  deliveryRoutes(app, context);
  changeRoutes(app, context);
  logRoutes(app, context);
  undoRoutes(app, context);
}

function readJsonOnly(app: Api): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Clients that always name the type send it with an empty body, too.
    if (body === '') done(null, undefined);
    else void parse(request, String(body), done);
  });
}

/** Headers of each answer, and who may ask what. */
function guard(app: Api, { access, http }: ApiOptions): void {
  const cors = http?.cors ?? [];
  const known: KnownRoute[] = [];
  app.decorateRequest('caller', null);
  app.addHook('onRoute', ({ url, method }) => void known.push({ url, methods: [method].flat() }));
  app.addHook('onRequest', (request, reply, done) => {
    const { headers, is404, routeOptions } = request;
    reply.headers({ ...commonHeaders(request), ...corsHeaders(headers.origin, cors) });
    const preflight = preflightHeaders(request.raw, cors);
    if (preflight !== null) return void reply.code(204).headers(preflight).send();
    const right = routeOptions.config.right;
    if (right === null) return done();
    if (access.open) refuseForeignPages(headers, cors);
    request.caller = access.check(headers.authorization, right ?? 'read');
    // The router also takes `/v1/subscriptions/` for one without a name.
    if (!is404 && !Object.values(request.params as object).includes('')) return done();
    const allowed = allowedMethods(known, request.url).join(', ');
    if (allowed === '') throw new TidingsError('ROUTE_UNKNOWN', {});
    reply.header('allow', allowed);
    throw new TidingsError('METHOD_NOT_ALLOWED', { method: request.method, allowed });
  });
}

function countAnswers(app: Api, room: AnswerRoom): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    // All answers are text; what is none has no body.
    room.sending(reply.raw, typeof payload === 'string' ? Buffer.byteLength(payload) : 0);
    done(null, payload);
  });
}

function commonHeaders({ id }: Pick<FastifyRequest, 'id'>): Readonly<Record<string, string>> {
  return { 'request-id': id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
}

function answerErrors(app: Api, { logger }: ApiOptions): void {
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    sendProblem(thrown, request, reply);
    if (reply.statusCode === 500) {
      logger.error('A request failed because of a defect', { request: request.id, error: thrown });
    }
  });
  app.addHook('onResponse', (request, reply, done) => {
    const milliseconds = Math.round(reply.elapsedTime);
    const answered = { ...loggedRequest(request), status: reply.statusCode, milliseconds };
    logger.debug('Answered a request', answered);
    done();
  });
  app.addHook('onRequestAbort', (request, done) => {
    logger.debug('Whoever asked has gone', loggedRequest(request));
    done();
  });
}

/** Without the query, whose conditions may hold values of rows, and without headers. */
function loggedRequest({ id, caller, method, url }: FastifyRequest): LogFields {
  return { request: id, caller, method, path: url.replace(/\?.*$/s, '') };
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, request.id);
  void reply
    .code(problem.status)
    .headers(problemHeaders(problem))
    .type(PROBLEM_TYPE)
    // Also where no schema of the route says how.
    .serializer((answer: unknown) => JSON.stringify(answer))
    .send(problem);
}
