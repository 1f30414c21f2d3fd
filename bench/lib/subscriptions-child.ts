import { createTidings } from '../../src/app/create-tidings.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { openInspection } from '../../src/app/inspection/inspect.ts';
import { answerParent, measureUsage, type Usage } from './child.ts';

export interface SubscriptionsInput {
  readonly url: string;
  readonly dataDir: string;
  readonly subscriptions: number;
  /** Whether all subscriptions want the changes, or one of them. `floor`: only read and decode. */
  readonly matching: 'all' | 'one' | 'floor';
  /** The newest changes of the log that are to be delivered. */
  readonly changes: number;
  /** Where they begin. */
  readonly from: number;
}

export type SubscriptionsOutput = Usage;

await answerParent<SubscriptionsInput, SubscriptionsOutput>(async (input) => {
  const config = defineConfig({
    dataDir: input.dataDir,
    sources: { main: { url: input.url, tables: ['bench.*'] } },
  });
  return input.matching === 'floor'
    ? await readOnly(config, input.changes)
    : await deliver(config, input);
});

async function deliver(
  config: ReturnType<typeof defineConfig>,
  input: SubscriptionsInput,
): Promise<Usage> {
  const wanted = input.changes * (input.matching === 'all' ? input.subscriptions : 1);
  const first = Promise.withResolvers<void>();
  const last = Promise.withResolvers<void>();
  let delivered = 0;
  const insert = (): void => {
    delivered += 1;
    if (delivered === 1) first.resolve();
    if (delivered === wanted) last.resolve();
  };
  await using tidings = await createTidings(config);
  for (let index = 0; index < input.subscriptions; index++) {
    const table = input.matching === 'all' || index === 0 ? 'bench.t0' : `bench.t${index}`;
    const name = `s-${input.matching}-${input.subscriptions}-${index}`;
    tidings.register(name, table, { from: input.from, insert });
  }
  // Starting a thousand subscriptions is not the cost of a change.
  const started = tidings.start();
  await first.promise;
  const usage = await measureUsage(() => last.promise);
  await started;
  return usage;
}

async function readOnly(config: ReturnType<typeof defineConfig>, changes: number): Promise<Usage> {
  await using inspection = await openInspection(config);
  return await measureUsage(async () => {
    let read = 0;
    const signal = AbortSignal.timeout(600_000);
    for await (const change of inspection.changes(
      { from: 'floor', follow: false, limit: changes },
      signal,
    )) {
      read += change.after === null ? 0 : 1;
    }
    if (read !== changes) throw new Error(`${read} of ${changes} changes were read`);
  });
}
