import pg from 'pg';
import { sleep } from '../../src/util/sleep.ts';

/** At which pace, and how many in all. */
export interface Pace {
  readonly perSecond: number;
  readonly count: number;
}

/** Calls at a steady pace, whatever the calls take: the due time, not the last end, decides. */
export async function atPace(
  { perSecond, count }: Pace,
  lanes: number,
  call: (index: number, lane: number) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  const run = async (_: unknown, lane: number): Promise<void> => {
    for (let index = lane; index < count; index += lanes) {
      const wait = started + (index * 1000) / perSecond - performance.now();
      if (wait > 0) await sleep(wait);
      await call(index, lane);
    }
  };
  await Promise.all(Array.from({ length: lanes }, run));
}

/** Milliseconds since 1970, finer than a millisecond, comparable between processes. */
export const now = (): number => performance.timeOrigin + performance.now();

export const CREATE_SENT = `
  CREATE SCHEMA bench;
  CREATE TABLE bench.sent (
    id bigserial PRIMARY KEY, of_group integer NOT NULL, sent_at double precision NOT NULL);`;

/**
 * Inserts rows, one per transaction, that say when: just before the statement is sent, so that
 * delays include the commit.
 */
export async function insertSent(url: string, groups: number, pace: Pace): Promise<void> {
  const clients = Array.from({ length: 4 }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  await atPace(pace, clients.length, async (index, lane) => {
    await clients[lane]?.query({
      name: 'send',
      text: 'INSERT INTO bench.sent (of_group, sent_at) VALUES ($1, $2)',
      values: [index % groups, now()],
    });
  });
  await Promise.all(clients.map((client) => client.end()));
}
