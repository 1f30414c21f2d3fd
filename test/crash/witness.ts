/**
 * A subscriber that is killed on purpose: records every call it gets, before it acknowledges, as one
 * line in a file. Run by kill-loop.pg.test.ts as a process of its own.
 */
import { appendFileSync } from 'node:fs';
import { createTidings } from '../../src/app/create-tidings.ts';
import { defineConfig } from '../../src/config/define-config.ts';

const [url = '', dataDir = '', file = '', run = ''] = process.argv.slice(2);

const tidings = await createTidings(
  defineConfig({ dataDir, sources: { main: { url, tables: ['public.ledger'] } } }),
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
await tidings.finished;
