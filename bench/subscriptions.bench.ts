/**
 * Changes per second from the log to trivial handlers, with 1 to 1,000 subscriptions of which one,
 * or all, want them. The changes are in the log before the clock starts; it does not measure capture.
 */
import { join } from 'node:path';
import { insertRows } from './lib/many-tables.ts';
import type { CaptureInput, CaptureOutput } from './lib/capture-child.ts';
import { measureInChild } from './lib/child.ts';
import { openBenchDatabase } from './lib/database.ts';
import type { Benchmark, Figure, Report } from './lib/report.ts';
import type { SubscriptionsInput, SubscriptionsOutput } from './lib/subscriptions-child.ts';

/** With all matching, each change is delivered once per subscription: so many in all at most. */
const MAX_DELIVERIES = 2_000_000;

export const benchmark: Benchmark = {
  description: 'changes/s to handlers with 1, 10, 100, 1,000 subscriptions; floor: read and decode',
  async run({ smoke }) {
    const counts = smoke ? [1, 10] : [1, 10, 100, 1_000];
    const changes = smoke ? 500 : 500_000;
    await using database = await openBenchDatabase();
    const base = { url: database.url, dataDir: join(database.directory, 'data') };
    await insertRows(database.client, { tables: Math.max(...counts), rows: 0 });
    await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
      ...base,
      records: null,
    });
    await insertRows(database.client, { tables: 0, rows: changes });
    await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
      ...base,
      records: changes,
    });

    const measure = (
      subscriptions: number,
      matching: SubscriptionsInput['matching'],
      count = changes,
    ) =>
      measureInChild<SubscriptionsInput, SubscriptionsOutput>('subscriptions-child.ts', {
        ...base,
        subscriptions,
        matching,
        changes: count,
        from: changes - count,
      });
    const floor = await measure(0, 'floor');
    const figures: Figure[] = [];
    const rates = new Map<string, number>();
    for (const matching of ['one', 'all'] as const) {
      for (const count of counts) {
        const all = matching === 'all';
        const part = all ? Math.min(changes, MAX_DELIVERIES / count) : changes;
        const usage = await measure(count, matching, part);
        const delivered = part * (all ? count : 1);
        rates.set(`${matching} ${count}`, delivered / usage.seconds);
        figures.push({
          name: `${count} subscriptions, ${matching} matching`,
          value: delivered / usage.seconds,
          unit: 'deliveries/s',
        });
        figures.push({ name: '    peak memory', value: usage.peakMegabytes, unit: 'MB' });
      }
    }
    return report(changes, floor, figures, rates);
  },
};

function report(
  changes: number,
  floor: SubscriptionsOutput,
  figures: readonly Figure[],
  rates: ReadonlyMap<string, number>,
): Report {
  const floorRate = changes / floor.seconds;
  const one = [...rates].filter(([name]) => name.startsWith('one')).map(([, rate]) => rate);
  const flat = (one.at(-1) ?? 0) / (one[0] ?? 1);
  return {
    benchmark: 'subscriptions',
    load: `${changes.toLocaleString('en-GB')} inserted rows of one table, handlers that only count`,
    notes: [
      'from the first call to the last; a delivery is one call of a handler',
      'with all matching, each figure is over 2,000,000 deliveries at most',
    ],
    figures,
    floor: [{ name: 'read the log and decode, no delivery', value: floorRate, unit: 'changes/s' }],
    ratios: [
      {
        name: 'one subscription against the floor',
        value: (one[0] ?? 0) / floorRate,
        goal: 'none stated',
        reached: true,
      },
      {
        name: 'one matching among the most, against one alone',
        value: flat,
        goal: 'about 1: others cost nothing',
        reached: flat > 0.7,
      },
    ],
  };
}
