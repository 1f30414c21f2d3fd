import type { ChangesPage, ChangesQuery } from '../../app/administration.ts';
import { withoutUndefined } from '../../util/without-undefined.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { ErrorWithMembers } from '../problem.ts';
import { CHANGES_PAGE } from '../schemas/change.ts';
import { problems } from '../schemas/problem.ts';
import { CHANGES_QUERY } from '../schemas/requests.ts';
import { type Api, type RouteContext, untilGone } from './route.ts';

/** The log, read by whoever wants to pull instead of being called. */
export function changeRoutes(app: Api, context: RouteContext): void {
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
    handler: ({ query }, reply) =>
      readChanges(context, withoutUndefined(query), untilGone(reply, context.draining)),
  });
}

async function readChanges(
  context: RouteContext,
  query: ChangesQuery,
  signal: AbortSignal,
): Promise<ChangesPage> {
  const { service } = context;
  try {
    return await readInTurn(context, query, signal);
  } catch (error) {
    if (!isTidingsError(error, 'LOG_PRUNED')) throw error;
    const { sources } = await service.status();
    const source = sources.find(({ name }) => name === error.details['source']) ?? sources[0];
    if (source === undefined) throw error;
    // Both ends at once: what is left to be read, and what a new reader would begin with.
    throw new ErrorWithMembers(error, { floor: source.log.floor, head: source.log.head });
  }
}

/** Who waits for a change takes no turn from others, and makes its page only when there is one. */
async function readInTurn(
  { service, room }: RouteContext,
  { wait = 0, ...query }: ChangesQuery,
  signal: AbortSignal,
): Promise<ChangesPage> {
  const deadline = performance.now() + wait;
  const page = await room.page(signal, () => service.changes(query, signal));
  const left = Math.ceil(deadline - performance.now());
  if (page.changes.length > 0 || left <= 0) return page;
  const { after, floor, head } = page;
  // There is more to be looked at, and the client gets to know how far it is.
  if (after > (query.after ?? floor - 1) && after + 1 < head) return page;
  const found = await service.changes({ ...query, after, wait: left, limit: 1 }, signal);
  if (found.changes.length === 0) return found;
  return await room.page(signal, () => service.changes({ ...query, after }, signal));
}
