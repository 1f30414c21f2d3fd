import { createTidings } from '../../src/app/create-tidings.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { sleep } from '../../src/util/sleep.ts';
import { answerParent, measureUsage, type Usage } from './child.ts';

/** What the measured capture is asked for. */
export interface CaptureInput {
  readonly url: string;
  readonly dataDir: string;
  /** The log has to reach this many records; null: only make slot and log. */
  readonly records: number | null;
}

export interface CaptureOutput extends Usage {
  readonly head: number;
}

await answerParent<CaptureInput, CaptureOutput>(async ({ url, dataDir, records }) => {
  await using tidings = await createTidings(
    defineConfig({ dataDir, sources: { main: { url, tables: ['bench.*'] } } }),
  );
  let head = 0;
  const usage = await measureUsage(async () => {
    await tidings.start();
    if (records === null) return;
    for (;;) {
      head = (await tidings.status()).sources[0]?.log.head ?? 0;
      if (head >= records) break;
      await sleep(20);
    }
  });
  return { ...usage, head };
});
