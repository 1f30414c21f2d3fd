/** The floor of many endpoints: the same posts to the same URLs, bare. */
import type { Row } from '../../src/change/change.ts';
import { changeBody } from './change-body.ts';
import { answerParent, measureUsage, type Usage } from './child.ts';
import { type Endpoint, type Wanted, wantedBy } from './endpoints.ts';
import { Poster } from './post-loop.ts';
import { atPace, now } from './steady-sender.ts';

export interface PostEndpointsInput {
  readonly endpoints: readonly Endpoint[];
  readonly wanted: Wanted;
  readonly secret: string;
  readonly connections: number;
  readonly changes: number;
  /** Changes per second; null: as fast as it goes. */
  readonly perSecond: number | null;
}

await answerParent<PostEndpointsInput, Usage>(async (input) => {
  const { endpoints, wanted, changes, perSecond } = input;
  await using opened = new AsyncDisposableStack();
  const posters = new Map<string, Poster>();
  for (const { url } of endpoints) {
    const { origin } = new URL(url);
    const { secret, connections } = input;
    if (!posters.has(origin)) {
      posters.set(origin, opened.use(new Poster({ origin, secret, connections })));
    }
  }
  const postChange = async (index: number): Promise<void> => {
    const row: Row = { id: index, of_group: 0, sent_at: now() };
    const id = `main:00000000/00000000:${index}`;
    const body = changeBody(row, { id, index });
    const posts = wantedBy(endpoints, wanted, index).map(async ({ url }) => {
      const { origin, pathname: path } = new URL(url);
      await posters.get(origin)?.post({ path, id, body });
    });
    await Promise.all(posts);
  };
  return await measureUsage(() =>
    perSecond === null
      ? atPace({ perSecond: Infinity, count: changes }, 1, postChange)
      : atPace({ perSecond, count: changes }, 16, postChange),
  );
});
