/**
 * A job queue that does what a webhook subscription does: a job for each row in the row's own
 * transaction, and a worker that posts it. One process enqueues, another one works.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Row } from '../../src/change/change.ts';
import { changeBody } from './change-body.ts';
import { answerQuestions } from './lasting-child.ts';
import { importPeer, type Peer } from './peers.ts';
import { Poster } from './post-loop.ts';
import { INSERT_ROWS, type RowRange } from './versioned-rows.ts';

export interface PeerInput {
  readonly peer: Peer;
  readonly url: string;
}

export interface PeerWork extends PeerInput {
  readonly endpoint: string;
  readonly secret: string;
  readonly concurrency: number;
}

/** What a job posts: the same body as a change's. */
interface Job {
  readonly id: string;
  readonly body: string;
}

/** As much of pg-boss 12 as is used here. */
interface PgBoss {
  on(event: 'error', listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  createQueue(name: string): Promise<void>;
  insert(name: string, jobs: readonly { readonly data: Job }[], options: object): Promise<unknown>;
  work(
    name: string,
    options: object,
    handler: (jobs: readonly { readonly data: Job }[]) => Promise<void>,
  ): Promise<string>;
}

/** As much of graphile-worker 0.18 as is used here. */
interface GraphileWorker {
  runMigrations(options: { readonly preset: object }): Promise<void>;
  run(options: {
    readonly preset: object;
    readonly taskList: Readonly<Record<string, (job: Job) => Promise<void>>>;
  }): Promise<unknown>;
  readonly Logger: new (factory: () => () => void) => object;
}

const QUEUE = 'webhook';

async function openPgBoss(url: string): Promise<PgBoss> {
  const { PgBoss } = (await importPeer('pg-boss')) as {
    readonly PgBoss: new (options: object) => PgBoss;
  };
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on('error', (error) => {
    throw error;
  });
  await boss.start();
  await boss.createQueue(QUEUE);
  return boss;
}

/** Its documentation's fastest configuration, with our concurrency. */
async function openGraphileWorker(
  url: string,
  concurrency: number,
): Promise<{ readonly worker: GraphileWorker; readonly preset: object }> {
  const worker = (await importPeer('graphile-worker')) as GraphileWorker;
  const preset = {
    worker: {
      connectionString: url,
      concurrentJobs: concurrency,
      maxPoolSize: concurrency + 1,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
      logger: new worker.Logger(() => () => undefined),
    },
  };
  return { worker, preset };
}

/** Enqueues jobs within the transaction that is open on this connection. */
type Enqueue = (client: pg.Client, jobs: readonly Job[]) => Promise<void>;

async function createEnqueue({ peer, url }: PeerInput): Promise<Enqueue> {
  if (peer === 'pg-boss') {
    const boss = await openPgBoss(url);
    return async (client, jobs) => {
      const db = { executeSql: (text: string, values: unknown[]) => client.query(text, values) };
      await boss.insert(
        QUEUE,
        jobs.map((data) => ({ data })),
        { db },
      );
    };
  }
  const { worker, preset } = await openGraphileWorker(url, 1);
  await worker.runMigrations({ preset });
  return async (client, jobs) => {
    await client.query(
      `SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
         SELECT json_populate_record(NULL::graphile_worker.job_spec,
           json_build_object('identifier', '${QUEUE}', 'payload', job))
         FROM json_array_elements($1::json) job))`,
      [JSON.stringify(jobs)],
    );
  };
}

let enqueue: Enqueue | null = null;

const answers = {
  /** Makes the queue's tables. */
  prepare: async (input: PeerInput): Promise<void> => {
    enqueue = await createEnqueue(input);
  },
  /** Inserts rows and enqueues a job for each, in one transaction per part. */
  write: async (input: RowRange & { readonly url: string; readonly perTransaction: number }) => {
    if (enqueue === null) throw new Error('it has not been prepared');
    const client = new pg.Client({ connectionString: input.url });
    await client.connect();
    for (let first = input.first; first <= input.last; first += input.perTransaction) {
      const last = Math.min(input.last, first + input.perTransaction - 1);
      await client.query('BEGIN');
      const { rows } = await client.query<Row>(`${INSERT_ROWS} RETURNING *`, [first, last]);
      await enqueue(client, rows.map(jobOf));
      await client.query('COMMIT');
    }
    await client.end();
  },
  /** Works for as long as this process lives. */
  work: async (input: PeerWork): Promise<void> => {
    const { concurrency, endpoint, secret, url } = input;
    const { origin, pathname: path } = new URL(endpoint);
    const poster = new Poster({ origin, secret, connections: concurrency });
    const post = (job: Job): Promise<void> => poster.post({ path, ...job });
    if (input.peer === 'pg-boss') {
      const boss = await openPgBoss(url);
      // A batch is fetched and completed at once; two of them, so that one is posted meanwhile.
      const options = {
        batchSize: 500,
        localConcurrency: 2,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
      };
      await boss.work(QUEUE, options, async (jobs) => {
        await Promise.all(jobs.map(({ data }) => post(data)));
      });
    } else {
      const { worker, preset } = await openGraphileWorker(url, concurrency);
      await worker.run({ preset, taskList: { [QUEUE]: post } });
    }
  },
};

function jobOf(row: Row, index: number): Job {
  const id = `main:${randomUUID().slice(0, 17)}:${index}`;
  return { id, body: changeBody(row, { id, index }) };
}

export type PeerAnswers = typeof answers;

answerQuestions(answers);
