/**
 * The service, as a process of its own: it kills itself at the commit point that is named, once it has
 * left out a transaction that cannot be captured.
 */
import { createTidings } from '../../src/app/create-tidings.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { type Logger, SILENT } from '../../src/observe/logger.ts';
import { endWithParent } from './end-with-parent.ts';

endWithParent();

const [url = '', dataDir = '', point = ''] = process.argv.slice(2);

let hasLeftOut = false;
const logger: Logger = {
  ...SILENT,
  warn: (_text, fields) => {
    hasLeftOut ||= isTidingsError(fields?.['error'], 'TRANSACTION_LEFT_OUT');
  },
  with: () => logger,
};
const sources = { main: { url, tables: ['public.*'] } };
const tidings = await createTidings(defineConfig({ dataDir, sources }), {
  logger,
  onCommitPoint: (name) => {
    if (hasLeftOut && name === point) process.kill(process.pid, 'SIGKILL');
  },
});
await tidings.start();
await tidings.finished;
