/** Tidings with webhooks, as `tidings start` runs it; nothing else is in this process. */
import { createTidings } from '../../src/app/create-tidings.ts';
import type { ConfigInput } from '../../src/config/define-config.ts';
import type { Tidings } from '../../src/app/tidings.ts';
import { sleep } from '../../src/util/sleep.ts';
import { answerQuestions } from './lasting-child.ts';

/** What the service has used since it was last asked. */
export interface ServiceUsage {
  /** Own CPU time, user and system, seconds. */
  readonly cpuSeconds: number;
  /** Resident memory now, and at its peak over the process's whole life, megabytes (10^6). */
  readonly megabytes: number;
  readonly peakMegabytes: number;
}

let running: Tidings | null = null;
let cpu = process.cpuUsage();

function service(): Tidings {
  if (running === null) throw new Error('it has not been started');
  return running;
}

const answers = {
  /** Resolves when capture streams, however far everybody is behind. */
  begin: async (config: ConfigInput): Promise<void> => {
    running = await createTidings(config);
    await running.start();
  },
  /** Resolves when every subscription is live. */
  start: async (config: ConfigInput): Promise<void> => {
    running = await createTidings(config);
    await running.start();
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { subscriptions } = await running.status();
      const live = subscriptions.filter(({ state }) => state === 'live');
      // Those of an earlier run are there too, and stay stopped.
      const names = new Set(live.map(({ name }) => name));
      if (Object.keys(config.subscriptions ?? {}).every((name) => names.has(name))) break;
      if (Date.now() > deadline) throw new Error('a subscription is not live after a minute');
      await sleep(20);
    }
  },
  /** The next offset of the log: how many changes have been captured. */
  head: async (): Promise<number> => (await service().status()).sources[0]?.log.head ?? 0,
  /** Also begins anew with counting. */
  usage: async (): Promise<ServiceUsage> => {
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6,
      megabytes: process.memoryUsage.rss() / 1e6,
      peakMegabytes: (process.resourceUsage().maxRSS * 1024) / 1e6,
    };
  },
  /** What is left to do: deliveries retried or parked show that the receiver was not the cause. */
  failures: async (): Promise<{ readonly retrying: number; readonly parked: number }> => {
    const { subscriptions } = await service().status();
    return {
      retrying: subscriptions.reduce((sum, { retrying }) => sum + retrying, 0),
      parked: subscriptions.reduce((sum, { parked }) => sum + parked, 0),
    };
  },
  stop: async (): Promise<void> => {
    await service()[Symbol.asyncDispose]();
    running = null;
  },
};

export type WebhookServiceAnswers = typeof answers;

answerQuestions(answers);
