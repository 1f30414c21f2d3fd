import type { ChangesPage, ChangesQuery } from '../../app/administration.ts';
import type { Tidings } from '../../app/tidings.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { ErrorWithMembers } from '../problem.ts';
import { CHANGES_PAGE } from '../schemas/change.ts';
import { problems } from '../schemas/problem.ts';
import { CHANGES_QUERY } from '../schemas/requests.ts';
import { type Api, defined, type RouteContext, untilGone } from './route.ts';

/** The log, read by whoever wants to pull instead of being called. */
export function changeRoutes(app: Api, { service, draining }: RouteContext): void {
  app.route({
    method: 'GET',
    url: '/v1/changes',
    config: { right: 'read' },
    schema: {
      operationId: 'listChanges',
      summary: 'Changes of the log from an offset on, as they become visible',
      tags: ['Changes'],
      querystring: CHANGES_QUERY,
      response: { 200: CHANGES_PAGE, ...problems(404, 410, 422) },
    },
    handler: ({ query }, reply) => readChanges(service, defined(query), untilGone(reply, draining)),
  });
}

async function readChanges(
  service: Tidings,
  query: ChangesQuery,
  signal: AbortSignal,
): Promise<ChangesPage> {
  try {
    return await service.changes(query, signal);
  } catch (error) {
    if (!isTidingsError(error, 'LOG_PRUNED')) throw error;
    const { sources } = await service.status();
    const source = sources.find(({ name }) => name === error.details['source']) ?? sources[0];
    if (source === undefined) throw error;
    // Both ends at once: what is left to be read, and what a new reader would begin with.
    throw new ErrorWithMembers(error, { floor: source.log.floor, head: source.log.head });
  }
}
