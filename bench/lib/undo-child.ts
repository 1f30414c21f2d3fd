import { openUndo } from '../../src/app/undo.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { answerParent, measureUsage, type Usage } from './child.ts';

/** What is measured of the undo of a transaction. */
export interface UndoInput {
  readonly url: string;
  readonly dataDir: string;
  readonly transaction: string;
  /** `run` plans and applies in one go, as `tidings undo --apply` does. */
  readonly what: 'plan' | 'run' | 'plan, then apply';
}

export interface UndoOutput extends Usage {
  /** Rows that the plan, or the applied undo, writes. */
  readonly rows: number;
}

await answerParent<UndoInput, UndoOutput>(async ({ url, dataDir, transaction, what }) => {
  let rows = 0;
  const usage = await measureUsage(async () => {
    await using undo = openUndo(
      defineConfig({ dataDir, sources: { main: { url, tables: ['bench.*'] } } }),
    );
    const signal = AbortSignal.timeout(600_000);
    if (what === 'run') {
      rows = (await undo.runUndo({ transaction }, {}, signal)).result.total;
      return;
    }
    const plan = await undo.planUndo({ transaction }, {}, signal);
    rows = plan.total;
    if (what !== 'plan') rows = (await undo.applyUndo(plan, {}, signal)).total;
  });
  return { ...usage, rows };
});
