import { z } from 'zod';
import { TidingsError } from '../../errors/tidings-error.ts';
import { readDocPage } from '../doc-page.ts';
import { described } from '../schemas/documented.ts';
import { problemsOfAnybody } from '../schemas/problem.ts';
import type { Api } from './route.ts';

const MARKDOWN = 'text/markdown; charset=utf-8';

const PARAMS = z.object({
  folder: described(z.string(), 'guide, internals or reference.'),
  page: described(z.string(), 'The name of the file, with .md.'),
});

/**
 * The documentation of this very version. Hints and descriptions name its pages as they lie in the
 * package, `docs/reference/errors.md`, and whoever only has the address of the service opens them
 * there. No token: they tell nothing of the service, and an answer of 401 may name one as well.
 */
export function docRoutes(app: Api): void {
  app.route({
    method: 'GET',
    url: '/docs/:folder/:page',
    config: { right: null },
    schema: {
      operationId: 'getDocPage',
      summary: 'A page of the documentation, as answers and this description name them',
      tags: ['Service'],
      security: [],
      params: PARAMS,
      response: {
        200: { description: 'Markdown.', content: { 'text/markdown': { schema: z.string() } } },
        ...problemsOfAnybody(404),
      },
    },
    handler: async ({ params: { folder, page } }, reply) => {
      const text = await readDocPage(folder, page);
      if (text === null) throw new TidingsError('ROUTE_UNKNOWN', {});
      return await reply.type(MARKDOWN).send(text);
    },
  });
}
