/**
 * A subscriber that is killed on purpose: records every call it gets, before it acknowledges, as one
 * line in a file. Run as a process of its own by the crash tests. With CRASH_AT="3 capture 2: flushed"
 * in its environment it kills itself the third time that it passes that commit point.
 */
import { appendFileSync } from 'node:fs';
import { createTidings } from '../../src/app/create-tidings.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { endWithParent } from './end-with-parent.ts';

endWithParent();

const [url = '', dataDir = '', file = '', run = ''] = process.argv.slice(2);

const [, passing, point] = /^(\d+) (.*)$/.exec(process.env['CRASH_AT'] ?? '') ?? [];
let passed = 0;

const tidings = await createTidings(
  defineConfig({
    dataDir,
    sources: { main: { url, tables: ['public.ledger'] } },
    log: { segmentBytes: '1MB' },
  }),
  {
    onCommitPoint: (name) => {
      if (name !== point) return;
      passed += 1;
      if (passed === Number(passing)) process.kill(process.pid, 'SIGKILL');
    },
  },
);
const record = (
  operation: string,
  row: Record<string, unknown>,
  id: string,
  offset: number,
): void =>
  appendFileSync(
    file,
    `${JSON.stringify({ run, operation, row: row['id'], stamp: String(row['stamp']), id, offset })}\n`,
  );

tidings.register('witness', 'public.ledger', {
  from: 'floor',
  insert: (row, change) => record('insert', row, change.id, change.offset),
  update: (row, change) => record('update', row, change.id, change.offset),
  delete: (row, change) => record('delete', row, change.id, change.offset),
});
await tidings.start();
process.stdout.write('started\n');
process.once('SIGTERM', () => void tidings.drain());
await tidings.finished;
