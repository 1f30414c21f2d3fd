/** The floor of webhooks: the same posts, bare. No database, no order, nothing remembered. */
import { answerParent, measureUsage, type Usage } from './child.ts';
import { Poster } from './post-loop.ts';

export interface PostFloorInput {
  readonly url: string;
  readonly secret: string;
  readonly concurrency: number;
  readonly body: string;
  readonly posts: number;
}

await answerParent<PostFloorInput, Usage>(async ({ concurrency, posts, body, url, secret }) => {
  const { origin, pathname: path } = new URL(url);
  await using poster = new Poster({ origin, secret, connections: concurrency });
  return await measureUsage(async () => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < posts) {
        next += 1;
        await poster.post({ path, id: `main:00000000/00000000:${next}`, body });
      }
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
  });
});
