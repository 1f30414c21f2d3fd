import { z } from 'zod';
import { withoutUndefined } from '../../util/without-undefined.ts';
import { described } from '../../option/described.ts';
import { TRIM_BODY, TRIM_REPORT } from '../schemas/log.ts';
import { problemsWithBody } from '../schemas/problem.ts';
import { type Api, type RouteContext } from './route.ts';

/** The upkeep of logs. */
export function logRoutes(app: Api, { service }: RouteContext): void {
  app.route({
    method: 'POST',
    url: '/v1/log/trim',
    config: { right: 'write' },
    schema: {
      operationId: 'trimLog',
      summary: 'Remove the old end of logs, as far as no subscription needs it',
      tags: ['Log'],
      body: TRIM_BODY,
      response: {
        200: described(z.object({ reports: z.array(TRIM_REPORT).readonly() }), 'By source.'),
        ...problemsWithBody(404, 409),
      },
    },
    handler: async ({ body: { source, force, ...request } }) => ({
      reports: await service.trimLog(request, withoutUndefined({ source, force })),
    }),
  });
}
