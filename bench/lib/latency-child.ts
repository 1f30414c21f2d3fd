import pg from 'pg';
import { createTidings } from '../../src/app/create-tidings.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { sleep } from '../../src/util/sleep.ts';
import { answerParent } from './child.ts';

/** Who listens: Tidings with a handler, or a bare LISTEN. */
export interface LatencyInput {
  readonly how: 'tidings' | 'listen';
  readonly url: string;
  readonly dataDir: string;
  /** Tells the parent that it listens, by creating this row. */
  readonly expected: number;
}

/** Delays in milliseconds from just before the statement was sent until it was heard here. */
export type LatencyOutput = readonly number[];

const now = (): number => performance.timeOrigin + performance.now();

await answerParent<LatencyInput, LatencyOutput>(async (input) => {
  const delays: number[] = [];
  const heard = (sentAt: number): void => {
    if (sentAt > 0) delays.push(now() - sentAt);
  };
  const ready = new pg.Client({ connectionString: input.url });
  await ready.connect();
  if (input.how === 'listen') {
    await ready.query('LISTEN bench');
    ready.on('notification', ({ payload }) => heard(Number(payload)));
    await announce(ready);
    while (delays.length < input.expected) await sleep(20);
  } else {
    await using tidings = await createTidings(
      defineConfig({
        dataDir: input.dataDir,
        sources: { main: { url: input.url, tables: ['bench.*'] } },
      }),
    );
    tidings.register('latency', 'bench.sent', { insert: (row) => heard(Number(row['sent_at'])) });
    await tidings.start();
    await announce(ready);
    while (delays.length < input.expected) await sleep(20);
  }
  await ready.end();
  return delays;
});

async function announce(client: pg.Client): Promise<void> {
  await client.query('INSERT INTO bench.ready DEFAULT VALUES');
}
