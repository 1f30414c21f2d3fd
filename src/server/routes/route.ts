import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Tidings } from '../../app/tidings.ts';
import type { AnswerRoom } from '../answer-room.ts';

/** Fastify with types from zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes are made of. */
export interface RouteContext {
  readonly service: Tidings;
  /** Aborts when the service drains. */
  readonly draining: AbortSignal;
  /** Where answers that may be large are made. */
  readonly room: AnswerRoom;
}

/** Makes an answer that may be large, when there is room for it. */
export async function makePage<Page>(
  { room, draining }: RouteContext,
  reply: FastifyReply,
  make: () => Promise<Page>,
): Promise<Page> {
  return await room.page(untilGone(reply, draining), make);
}

/** Aborts when the client has gone, or when the service drains. */
export function untilGone(reply: FastifyReply, draining: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const end = (): void => gone.abort(draining.reason);
  if (draining.aborted) end();
  draining.addEventListener('abort', end);
  // Also when the answer is complete, so that nothing is left with `draining`, which lives on.
  reply.raw.once('close', () => {
    draining.removeEventListener('abort', end);
    end();
  });
  return gone.signal;
}
